import Foundation

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
    /// The grid of values, those included by which it grew.
    public var grid: OptionGrid
    /// The trials in the order in which they were made.
    public var trials: [Trial]
    /// The trials that were added because the best lay at an edge; nil in files of former versions.
    public var extensions: Int?

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

    /// The option that is the learning rate of a rule's second group, such as the embeddings beside Muon's matrices.
    package static let secondGroupRate = "fallback_learning_rate"

    /// Whether the rule has a second group whose learning rate was left as it was while its own was tuned.
    var leavesSecondGroup: Bool {
        grid.axes.contains { $0.option == "learning_rate" }
            && options?.contains { $0.name == Self.secondGroupRate } == true
            && !grid.axes.contains { $0.option == Self.secondGroupRate }
    }

    /// The chosen values that lie at an edge of the grid: the best may lie beyond. None where the grid ends at the end of
    /// what the option allows.
    public var edges: [Setting] { best.map { grid.edges(of: $0.settings) } ?? [] }
}

extension TuningRecord {
    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireText(label, limit: DocumentLimits.name, "\(place).label")
        if let extensions { try DocumentLimits.requireCount(extensions, "\(place).extensions") }
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
        public var values: [String]
        /// Values beyond which the option allows none; nil in files of former versions.
        public var ends: [Double]?

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
    /// best may lie beyond. The end of what an option allows, zero, is no edge.
    public func edges(of combination: [Setting]) -> [Setting] {
        combination.filter { setting in
            guard let axis = axes.first(where: { $0.option == setting.name }) else { return false }
            return axis.edge(at: setting.value) != nil
        }
    }
}

extension OptionGrid.Axis {
    /// A side of an axis.
    package enum Side: Sendable {
        /// Below the smallest number.
        case lower
        /// Above the largest.
        case upper
    }

    /// The numbers in increasing order; nil for fewer than two, and where a value is none.
    private var numbers: [Double]? {
        let numbers = values.compactMap { Double($0) }.filter(\.isFinite)
        guard numbers.count == values.count, Set(numbers).count > 1 else { return nil }
        return numbers.sorted()
    }

    /// The side on which a value is the last of the axis; nil if it lies inside, at zero, or on an axis that is no ladder.
    package func edge(at value: String) -> Side? {
        guard let numbers, let value = Double(value), value != 0 else { return nil }
        if ends?.contains(value) == true { return nil }
        return value == numbers.first ? .lower : value == numbers.last ? .upper : nil
    }

    /// The next value of the ladder on a side: the last by the ratio of the last two.
    ///
    /// Numbers between 1/2 and 1, averages' decay rates, are a ladder in their distance to 1: after 0.9, 0.99 comes 0.999.
    /// Nil on an axis that is no ladder of positive numbers.
    package func next(on side: Side) -> String? {
        guard let numbers, let first = numbers.first(where: { $0 > 0 }), let last = numbers.last else {
            return nil
        }
        let positive = numbers.filter { $0 > 0 }
        guard positive.count > 1 else { return nil }
        let nearOne = first >= 0.5 && last < 1
        // A ladder towards 1 is walked by its distances to 1, in which the upper side is the small one.
        let ladder = nearOne ? positive.map { 1 - $0 }.reversed() : positive
        let isUpper = (side == .upper) != nearOne
        let step =
            isUpper ? ladder[ladder.count - 1] / ladder[ladder.count - 2] : ladder[0] / ladder[1]
        let value = (isUpper ? ladder[ladder.count - 1] : ladder[0]) * step
        // A ladder of whole numbers stays one upwards; an option that takes no others refuses the rest.
        let isWhole = values.allSatisfy { Int($0) != nil } && value >= 1
        let result = nearOne ? 1 - value : isWhole ? value.rounded() : value
        guard result > 0, result.isFinite, !nearOne || result < 1 else { return nil }
        // Twelve digits: 0.002 times 2 is 0.004.
        let text = isWhole ? "\(Int(result))" : Double(String(format: "%.12g", result)).map { "\($0)" }
        return text.flatMap { values.contains($0) ? nil : $0 }
    }
}
