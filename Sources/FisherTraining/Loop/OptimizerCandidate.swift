import Fisher

/// One optimizer as a user names it, ready to be bound to a model.
public struct OptimizerCandidate: Sendable {
    /// What readers see, for example `adamw + gradient clip 1.0`.
    public let label: String
    /// The rule.
    public let rule: any OptimizationRule
    /// The largest norm of the whole gradient; no clipping where it is missing.
    public let clipGradientNorm: Double?

    /// Names a candidate.
    public init(label: String, rule: any OptimizationRule, clipGradientNorm: Double? = nil) {
        self.label = label
        self.rule = rule
        self.clipGradientNorm = clipGradientNorm
    }

    /// The options in reading order, the clipping among them.
    public var options: [Setting] {
        rule.settings.map { Setting($0.name, $0.value) }
            + [Setting("clip_gradient_norm", clipGradientNorm.map { "\($0)" } ?? "none")]
    }

    /// Whether settings as a file tells them, perhaps by names of former versions, are this candidate's options.
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
