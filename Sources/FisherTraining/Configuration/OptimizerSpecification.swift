import Fisher
import FisherOptions

/// An optimizer as it is named on the command line: `fadam`, or `adamw:clip_gradient_norm=1,beta2=0.99`.
package struct OptimizerSpecification: Sendable {
    /// The rule's name.
    package let name: String
    /// Its own options, in the order in which they were named.
    package let settings: [(name: String, value: String)]

    /// Names an optimizer.
    package init(name: String, settings: [(name: String, value: String)] = []) {
        self.name = name
        self.settings = settings
    }

    /// Reads an optimizer as it is named on the command line; nil where a setting is none.
    package init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        name = String(parts[0])
        var settings: [(String, String)] = []
        for piece in parts.count > 1 ? splitOutsideParentheses(parts[1]) : [] {
            guard let setting = keyAndValue(piece) else { return nil }
            settings.append(setting)
        }
        self.settings = settings
    }

    /// The text that names it.
    package var text: String {
        settings.isEmpty
            ? name : name + ":" + settings.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
    }

    /// The candidate: the rule's defaults, then what all optimizers share if the rule has it, then what is
    /// set for this one.
    package func candidate(
        sharing shared: [(name: String, value: String)], clip: Double?, fisherClip: Double? = nil
    ) throws -> OptimizerCandidate {
        var rule = try RuleRegistry.rule(named: name)
        var (clip, fisherClip) = (clip, fisherClip)
        for setting in shared where rule.hasOption(named: setting.name) {
            try rule.set(setting.name, to: setting.value)
        }
        var shown: [String] = []
        var named = Set<String>()
        for setting in settings {
            guard named.insert(rule.options.entry(named: setting.name)?.name ?? setting.name).inserted else {
                throw HyperparameterError(
                    rule: text, option: setting.name, value: setting.value, reason: "is set twice")
            }
            if setting.name == "clip_gradient_norm" {
                clip = try OptimizerCandidate.norm(setting.value, of: setting.name)
            } else if setting.name == "clip_fisher_norm" {
                fisherClip = try OptimizerCandidate.norm(setting.value, of: setting.name)
            } else {
                try rule.set(setting.name, to: setting.value)
                shown.append("\(setting.name) \(setting.value)")
            }
        }
        if let clip { shown.append("gradient clip \(clip)") }
        if let fisherClip { shown.append("Fisher norm clip \(fisherClip)") }
        return OptimizerCandidate(
            label: ([type(of: rule).summary.name] + shown).joined(separator: " + "), rule: rule,
            clipGradientNorm: clip, clipFisherNorm: fisherClip)
    }
}

/// `key=value`.
package func keyAndValue(_ text: some StringProtocol) -> (name: String, value: String)? {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    return (String(parts[0]), String(parts[1]))
}

/// The pieces between commas, those inside parentheses left alone.
private func splitOutsideParentheses(_ text: Substring) -> [Substring] {
    var depth = 0
    return text.split { character in
        if character == "(" { depth += 1 }
        if character == ")" { depth -= 1 }
        return character == "," && depth == 0
    }
}
