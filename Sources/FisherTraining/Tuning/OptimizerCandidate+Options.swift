import Fisher

extension OptimizerCandidate {
    /// The names of the options of the optimizer itself: the largest norms of the gradient.
    public static let clips = ["clip_gradient_norm", "clip_fisher_norm"]

    /// Whether the rule has an option of this name, or it is a clipping that works with the rule.
    public func hasOption(_ name: String) -> Bool {
        switch name {
        case "clip_gradient_norm": true
        case "clip_fisher_norm": rule is any InformationKeepingRule
        default: rule.hasOption(named: name)
        }
    }

    /// The candidate with other values of some options, ``clips`` among them; the learning rate keeps
    /// its course.
    public func setting(_ settings: [Setting], label: String? = nil) throws -> OptimizerCandidate {
        var rule = rule
        var clips = (gradient: clipGradientNorm, fisher: clipFisherNorm)
        for setting in settings {
            if setting.name == "clip_gradient_norm" {
                clips.gradient = try OptimizerCandidate.norm(setting.value, of: setting.name)
            } else if setting.name == "clip_fisher_norm" {
                clips.fisher = try OptimizerCandidate.norm(setting.value, of: setting.name)
            } else if ["learning_rate", "lr"].contains(setting.name), let peak = Double(setting.value) {
                try rule.set("learning_rate", to: "\(rule.learningRate.scaled(toPeak: peak))")
            } else {
                try rule.set(setting.name, to: setting.value)
            }
        }
        return OptimizerCandidate(
            label: label ?? self.label, rule: rule, clipGradientNorm: clips.gradient,
            clipFisherNorm: clips.fisher)
    }

    /// Parses the largest norm that one of ``clips`` sets; nil for `none`.
    public static func norm(_ text: String, of option: String) throws(HyperparameterError) -> Double? {
        if text == "none" { return nil }
        guard let value = Double(text), value > 0, value.isFinite else {
            throw HyperparameterError(
                rule: "optimizer", option: option, value: text,
                reason: "must be more than zero, or none")
        }
        return value
    }
}
