import Fisher

extension OptimizerCandidate {
    /// Whether the rule has an option of this name, or it is the clipping, which all have.
    public func hasOption(_ name: String) -> Bool {
        name == "clip_gradient_norm" || rule.hasOption(named: name)
    }

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
