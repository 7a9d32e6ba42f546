import Fisher
import FisherOptions

/// The `[optimizer]` section: a rule by name, the course of its learning rate, and the rule's own options.
public struct OptimizerConfiguration: ConfigurableOptions {
    /// The rule's name.
    @Configurable("optimizer.rule", "the rule; fisher optimizers lists them")
    public var rule = "fadam"
    /// A number, which ``schedule`` and ``warmUp`` shape, or a whole schedule as text.
    @Configurable("optimizer.learning_rate", "the largest learning rate, or a schedule as text")
    public var learningRate = "0.001"
    /// The course of the learning rate, if it is given as a number.
    @Configurable("optimizer.schedule", "the course of a learning rate that is a number")
    public var schedule = Course.cosine
    /// Steps of linear warm-up.
    @Configurable("optimizer.warm_up", .count(from: 0), "steps of linear warm-up; 0: none")
    public var warmUp = 0
    /// The largest norm of the whole gradient; nil for no clipping.
    @Configurable(
        "optimizer.clip_gradient_norm", .positive, "clip the norm of the whole gradient; none: no clip")
    public var clipGradientNorm: Double? = nil
    /// The largest norm of the whole gradient in the information that the rule keeps; nil for no such clipping.
    @Configurable(
        "optimizer.clip_fisher_norm", .positive,
        "clip the gradient's norm in the rule's information; none: no clip")
    public var clipFisherNorm: Double? = nil
    /// The rule's own options that were set, as text by name.
    public internal(set) var ruleSettings: [String: String] = [:]

    /// The course of a learning rate that is given as a number.
    public enum Course: String, CaseIterable, OptionValue {
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

    /// The section that makes a candidate again: every option as it is, the learning rate by its whole schedule.
    init(_ candidate: OptimizerCandidate) {
        rule = type(of: candidate.rule).summary.name
        learningRate = "\(candidate.rule.learningRate)"
        // A constant rate is written as a number, which the course would shape.
        schedule = .constant
        clipGradientNorm = candidate.clipGradientNorm
        clipFisherNorm = candidate.clipFisherNorm
        let own = candidate.rule.settings.filter { $0.name != "learning_rate" }
        ruleSettings = Dictionary(own.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    /// The rule with its own options; its learning rate is the rule's default.
    ///
    /// - Throws: `HyperparameterError` for a name that no rule has.
    public func makeRule() throws(HyperparameterError) -> any OptimizationRule {
        var made = try RuleRegistry.rule(named: rule)
        for (name, text) in ruleSettings.sorted(by: { $0.key < $1.key }) { try made.set(name, to: text) }
        return made
    }

    /// Sets one of the rule's own options; throws if the rule has no option of this name, or rejects the
    /// value.
    mutating func setRuleOption(_ name: String, to text: String) throws(HyperparameterError) {
        var changed = try makeRule()
        try changed.set(name, to: text)
        ruleSettings[name] = text
    }

    /// The optimizer for a run of a given length.
    ///
    /// - Throws: `ConfigurationError` or `HyperparameterError` for an invalid learning rate.
    public func candidate(steps: Int) throws -> OptimizerCandidate {
        var rule = try makeRule()
        rule.learningRate = try learningRate(steps: steps)
        // Setting the learning rate again checks its value.
        try rule.set("learning_rate", to: "\(rule.learningRate)")
        return OptimizerCandidate(
            rule: rule, clipGradientNorm: clipGradientNorm, clipFisherNorm: clipFisherNorm)
    }

    /// The schedule of the learning rate over a run of a given length.
    ///
    /// - Throws: `ConfigurationError` for a text that is neither a number nor a schedule, and for a warm-up that is longer
    ///   than the run.
    public func learningRate(steps: Int) throws(ConfigurationError) -> Schedule {
        guard let peak = Double(learningRate) else {
            guard let schedule = Schedule(learningRate) else {
                let shown = learningRate.isEmpty ? "''" : shortened(learningRate)
                throw ConfigurationError(
                    "optimizer.learning_rate = \(shown) \(Schedule.complaint(about: [learningRate]))")
            }
            return schedule
        }
        guard peak >= 0, peak.isFinite else {
            throw ConfigurationError(
                "optimizer.learning_rate = \(learningRate) must be a finite number of zero or more")
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
}
