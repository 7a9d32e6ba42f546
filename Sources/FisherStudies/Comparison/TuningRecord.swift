/// How an optimizer's options were chosen: every trial, the rule, and what it chose.
public struct TuningRecord: Codable, Hashable, Sendable {
    /// One combination of values and what it reached.
    public struct Trial: Codable, Hashable, Sendable {
        /// The values.
        public let settings: [Setting]
        /// The runs, one per tuning seed.
        public var runs: [RunRecord]

        /// Records a trial.
        public init(settings: [Setting], runs: [RunRecord]) {
            self.settings = settings
            self.runs = runs
        }

        /// The mean final loss on the tuning split; nil if a run did not complete.
        public var meanLoss: Double? {
            let losses = runs.compactMap(\.completedLoss)
            return losses.count == runs.count && !losses.isEmpty
                ? losses.reduce(0, +) / Double(losses.count) : nil
        }
    }

    /// The optimizer's label before it was tuned.
    public let label: String
    /// Its options before it was tuned; nil in files of former versions.
    public let options: [Setting]?
    /// The grid of values.
    public let grid: OptionGrid
    /// The trials in the order of the grid.
    public var trials: [Trial]

    /// Describes a tuning before its first trial.
    public init(label: String, options: [Setting]? = nil, grid: OptionGrid, trials: [Trial] = []) {
        self.label = label
        self.options = options
        self.grid = grid
        self.trials = trials
    }

    /// The trial with the lowest mean final loss: the one rule by which all optimizers are tuned.
    public var best: Trial? {
        trials.filter { $0.meanLoss != nil }.min { ($0.meanLoss ?? .infinity) < ($1.meanLoss ?? .infinity) }
    }

    /// The chosen values that lie at an edge of the grid.
    public var edges: [Setting] { best.map { grid.edges(of: $0.settings) } ?? [] }
}

extension TuningRecord {
    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireText(label, limit: DocumentLimits.name, "\(place).label")
        try DocumentLimits.each(grid.axes, "\(place).grid.axes") { (axis, place) throws(DocumentFault) in
            try DocumentLimits.requireText(axis.option, limit: DocumentLimits.name, "\(place).option")
            try DocumentLimits.each(axis.values, "\(place).values") { (value, place) throws(DocumentFault) in
                try DocumentLimits.requireText(value, limit: DocumentLimits.name, place)
            }
        }
        try DocumentLimits.each(trials, "\(place).trials") { (trial, place) throws(DocumentFault) in
            try DocumentLimits.each(trial.settings, "\(place).settings") {
                (setting, place) throws(DocumentFault) in
                try setting.validate(place)
            }
            try DocumentLimits.each(trial.runs, "\(place).runs") { (run, place) throws(DocumentFault) in
                try run.validate(place)
            }
        }
    }
}

/// Values of options to try: every combination is a trial.
public struct OptionGrid: Codable, Hashable, Sendable {
    /// One option and its values in the order given.
    public struct Axis: Codable, Hashable, Sendable {
        /// The option's name.
        public let option: String
        /// The values as text.
        public let values: [String]

        /// Lists an option's values.
        public init(option: String, values: [String]) {
            self.option = option
            self.values = values
        }
    }

    /// The options, the last of which changes fastest.
    public var axes: [Axis]

    /// A grid of options.
    public init(_ axes: [Axis] = []) { self.axes = axes }

    /// The number of combinations, at most `Int.max`; 1 without axes.
    public var count: Int {
        axes.reduce(1) { product, axis in
            let (count, overflows) = product.multipliedReportingOverflow(by: axis.values.count)
            return overflows ? .max : count
        }
    }

    /// Every combination.
    public var combinations: [[Setting]] {
        axes.reduce([[]]) { partial, axis in
            partial.flatMap { settings in axis.values.map { settings + [Setting(axis.option, $0)] } }
        }
    }

    /// The options of a combination whose value is the smallest or largest number of an axis of several: the
    /// best may lie beyond.
    public func edges(of combination: [Setting]) -> [Setting] {
        combination.filter { setting in
            guard let axis = axes.first(where: { $0.option == setting.name }),
                let value = Double(setting.value)
            else { return false }
            let numbers = axis.values.compactMap { Double($0) }
            guard numbers.count > 1, numbers.count == axis.values.count else { return false }
            return value == numbers.min() || value == numbers.max()
        }
    }
}
