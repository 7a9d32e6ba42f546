import Fisher

/// One optimizer as a user names it, ready to be bound to a model.
public struct OptimizerCandidate: Sendable {
    /// The name shown to readers, for example `adamw + gradient clip 1.0`.
    public let label: String
    /// The rule.
    public let rule: any OptimizationRule
    /// The largest norm of the whole gradient; nil for no clipping.
    public let clipGradientNorm: Double?

    /// Names a candidate.
    public init(label: String, rule: any OptimizationRule, clipGradientNorm: Double? = nil) {
        self.label = label
        self.rule = rule
        self.clipGradientNorm = clipGradientNorm
    }

    /// Names a candidate after its rule and the options that are not the rule's defaults, apart from the learning rate: the
    /// same options give the same name, however they were spelled.
    package init(rule: any OptimizationRule, clipGradientNorm: Double?) {
        func standard<Rule: OptimizationRule>(_ rule: Rule) -> [Setting] {
            Rule().settings.map { Setting($0.name, $0.value) }
        }
        let changed = zip(rule.settings, standard(rule)).filter {
            $0.value != $1.value && $0.name != "learning_rate"
        }
        let shown =
            changed.map { "\($0.0.name) \($0.0.value)" }.sorted()
            + (clipGradientNorm.map { ["gradient clip \($0)"] } ?? [])
        self.init(
            label: ([type(of: rule).summary.name] + shown).joined(separator: " + "), rule: rule,
            clipGradientNorm: clipGradientNorm)
    }

    /// The options in reading order, the clipping among them.
    public var options: [Setting] {
        rule.settings.map { Setting($0.name, $0.value) }
            + [Setting("clip_gradient_norm", clipGradientNorm.map { "\($0)" } ?? "none")]
    }

    /// Whether settings from a file, perhaps with names of former versions, are this candidate's options.
    func hasOptions(_ settings: [Setting]) -> Bool {
        if settings == options { return true }
        func read<Rule: OptimizationRule>(_ rule: Rule) -> OptimizerCandidate? {
            var made = Rule()
            let own = settings.filter { $0.name != "clip_gradient_norm" }
            guard (try? made.set(own.map { ($0.name, $0.value) })) != nil else { return nil }
            let clip = settings.first { $0.name == "clip_gradient_norm" }?.value
            return OptimizerCandidate(label: label, rule: made, clipGradientNorm: clip.flatMap { Double($0) })
        }
        return read(rule)?.options == options
    }
}
