import Fisher

/// The `[optimizer]` section: a rule by name, the course of its learning rate, and the rule's own options.
public struct OptimizerConfiguration: Sendable, Hashable {
    /// The rule's name.
    public var rule = "fadam"
    /// A number, which `schedule` and `warmUp` shape, or a whole schedule as text.
    public var learningRate = "0.001"
    /// The course of the learning rate.
    public var schedule = Course.cosine
    /// Steps of linear warm-up.
    public var warmUp = 0
    /// The largest norm of the whole gradient, or `none`.
    public var clipGradientNorm = "none"
    /// What is set of the rule's own options.
    public var ruleSettings: [String: String] = [:]

    /// The course of a learning rate that is given as a number.
    public enum Course: String, CaseIterable, Sendable {
        /// The same always, after the warm-up.
        case constant
        /// Half a cosine down to zero at the last step.
        case cosine
        /// peak sqrt(warm-up / t) after the warm-up.
        case inverseSquareRoot = "inverse_square_root"
        /// Constant, and a straight line to zero over the last tenth of the steps.
        case warmUpStableDecay = "warm_up_stable_decay"
    }

    /// The defaults.
    public init() {}

    private static let prefix = "optimizer."

    /// The options that every rule has.
    public static let options: [ConfigurationOption<OptimizerConfiguration>] = [
        .text("optimizer.rule", \.rule, "the rule; fisher optimizers lists them"),
        .text("optimizer.learning_rate", \.learningRate, "a number, or a schedule as text"),
        .choice("optimizer.schedule", \.schedule, "the course of a learning rate given as a number"),
        .integer("optimizer.warm_up", \.warmUp, in: 0...Int.max, "steps of linear warm-up"),
        .text("optimizer.clip_gradient_norm", \.clipGradientNorm, "clip the norm of the gradient, or none"),
    ]

    /// The rule's own options with their values.
    public func ruleValues() throws(HyperparameterError) -> [(key: String, text: String, isBare: Bool)] {
        try configuredRule().settings.filter { $0.name != "learning_rate" }.map {
            (
                OptimizerConfiguration.prefix + $0.name, $0.value,
                Double($0.value) != nil || Bool($0.value) != nil
            )
        }
    }

    /// Sets one of the rule's own options; false where the key is none.
    public mutating func setRuleOption(_ key: String, to text: String) throws(HyperparameterError) -> Bool {
        guard key.hasPrefix(OptimizerConfiguration.prefix) else { return false }
        let name = String(key.dropFirst(OptimizerConfiguration.prefix.count))
        var changed = try configuredRule()
        try changed.set(name, to: text)
        ruleSettings[name] = text
        return true
    }

    /// The optimizer for a run of so many steps.
    public func candidate(steps: Int) throws -> OptimizerCandidate {
        var rule = try configuredRule()
        rule.learningRate = try course(steps: steps)
        // The learning rate's value is checked by setting it once more.
        try rule.set("learning_rate", to: "\(rule.learningRate)")
        let clip = try clip()
        let shown =
            ruleSettings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            + (clip.map { ["gradient clip \($0)"] } ?? [])
        return OptimizerCandidate(
            label: ([self.rule] + shown).joined(separator: " + "), rule: rule, clipGradientNorm: clip)
    }

    private func configuredRule() throws(HyperparameterError) -> any OptimizationRule {
        var made = try RuleRegistry.rule(named: rule)
        for (name, text) in ruleSettings.sorted(by: { $0.key < $1.key }) { try made.set(name, to: text) }
        return made
    }

    private func course(steps: Int) throws -> Schedule {
        guard let peak = Double(learningRate) else {
            guard let schedule = Schedule(learningRate) else {
                throw ConfigurationError(
                    "optimizer.learning_rate = \(learningRate) is neither a number nor a schedule")
            }
            return schedule
        }
        guard warmUp <= steps else {
            throw ConfigurationError("optimizer.warm_up = \(warmUp) is more than training.steps = \(steps)")
        }
        switch schedule {
        case .constant: return warmUp > 0 ? .linearWarmUp(peak, warmUp: warmUp) : .constant(peak)
        case .cosine: return .cosine(peak, steps: steps, warmUp: warmUp)
        case .inverseSquareRoot: return .inverseSquareRoot(peak, warmUp: max(warmUp, 1))
        case .warmUpStableDecay:
            return .warmUpStableDecay(peak, steps: steps, warmUp: warmUp, decay: max(steps / 10, 1))
        }
    }

    private func clip() throws(ConfigurationError) -> Double? {
        if clipGradientNorm == "none" { return nil }
        guard let value = Double(clipGradientNorm), value > 0, value.isFinite else {
            throw ConfigurationError(
                "optimizer.clip_gradient_norm = \(clipGradientNorm) must be more than zero, or none")
        }
        return value
    }
}
