import Fisher

/// One optimizer as a user names it, ready to be bound to a model.
public struct OptimizerCandidate: Sendable {
    /// The name shown to readers, for example `adamw + gradient clip 1.0`.
    public let label: String
    /// The rule.
    public let rule: any OptimizationRule
    /// The largest norm of the whole gradient; nil for no clipping.
    public let clipGradientNorm: Double?
    /// The largest norm of the whole gradient in the information that the rule keeps; nil for no such clipping.
    public let clipFisherNorm: Double?

    /// Names a candidate.
    public init(
        label: String, rule: any OptimizationRule, clipGradientNorm: Double? = nil,
        clipFisherNorm: Double? = nil
    ) {
        self.label = label
        self.rule = rule
        self.clipGradientNorm = clipGradientNorm
        self.clipFisherNorm = clipFisherNorm
    }

    /// Names a candidate after its rule and the options that are not the rule's defaults, apart from the learning rate: the
    /// same options give the same name, however they were spelled.
    package init(rule: any OptimizationRule, clipGradientNorm: Double?, clipFisherNorm: Double? = nil) {
        func standard<Rule: OptimizationRule>(_ rule: Rule) -> [Setting] {
            Rule().settings.map { Setting($0.name, $0.value) }
        }
        let changed = zip(rule.settings, standard(rule)).filter {
            $0.value != $1.value && $0.name != "learning_rate"
        }
        let shown =
            changed.map { "\($0.0.name) \($0.0.value)" }.sorted()
            + (clipGradientNorm.map { ["gradient clip \($0)"] } ?? [])
            + (clipFisherNorm.map { ["Fisher norm clip \($0)"] } ?? [])
        self.init(
            label: ([type(of: rule).summary.name] + shown).joined(separator: " + "), rule: rule,
            clipGradientNorm: clipGradientNorm, clipFisherNorm: clipFisherNorm)
    }

    /// The options in reading order, the clipping among them; that in the Fisher norm only where there is one.
    public var options: [Setting] {
        rule.settings.map { Setting($0.name, $0.value) }
            + [Setting("clip_gradient_norm", clipGradientNorm.map { "\($0)" } ?? "none")]
            + (clipFisherNorm.map { [Setting("clip_fisher_norm", "\($0)")] } ?? [])
    }

    /// Whether settings from a file, perhaps with names of former versions, are this candidate's options.
    func hasOptions(_ settings: [Setting]) -> Bool {
        if settings == options { return true }
        func read<Rule: OptimizationRule>(_ rule: Rule) -> OptimizerCandidate? {
            var made = Rule()
            let clips = settings.filter { OptimizerCandidate.clips.contains($0.name) }
            let own = settings.filter { !OptimizerCandidate.clips.contains($0.name) }
            guard (try? made.set(own.map { ($0.name, $0.value) })) != nil else { return nil }
            func clip(_ name: String) -> Double? {
                clips.first { $0.name == name }.flatMap { Double($0.value) }
            }
            return OptimizerCandidate(
                label: label, rule: made, clipGradientNorm: clip("clip_gradient_norm"),
                clipFisherNorm: clip("clip_fisher_norm"))
        }
        return read(rule)?.options == options
    }
}
