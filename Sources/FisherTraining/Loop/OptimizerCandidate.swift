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
}
