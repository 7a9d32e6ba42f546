import Fisher

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

    /// The number of combinations; 1 without axes.
    public var count: Int { axes.reduce(1) { $0 * $1.values.count } }

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

extension OptimizerCandidate {
    /// The candidate with other values of some options, `clip_gradient_norm` among them; the learning rate keeps
    /// its course.
    public func setting(_ settings: [Setting], label: String? = nil) throws -> OptimizerCandidate {
        var rule = rule
        var clip = clipGradientNorm
        for setting in settings {
            if setting.name == "clip_gradient_norm" {
                clip = try OptimizerCandidate.gradientNorm(setting.value)
            } else if ["learning_rate", "lr"].contains(setting.name), let peak = Double(setting.value) {
                try rule.set("learning_rate", to: "\(rule.learningRate.scaled(toPeak: peak))")
            } else {
                try rule.set(setting.name, to: setting.value)
            }
        }
        return OptimizerCandidate(label: label ?? self.label, rule: rule, clipGradientNorm: clip)
    }

    /// A largest norm from text; `none` is none.
    public static func gradientNorm(_ text: String) throws(HyperparameterError) -> Double? {
        if text == "none" { return nil }
        guard let value = Double(text), value > 0, value.isFinite else {
            throw HyperparameterError(
                rule: "optimizer", option: "clip_gradient_norm", value: text,
                reason: "must be more than zero, or none")
        }
        return value
    }
}
