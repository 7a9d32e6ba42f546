import FisherOptions
import Torch

/// An option that a rule does not have, or a value that it rejects.
public struct HyperparameterError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rule, as it is named in configurations.
    public let rule: String
    /// The option.
    public let option: String
    /// The value that was given.
    public let value: String
    /// What is wrong with it.
    public let reason: String

    /// Describes what is wrong with an option's value.
    public init(rule: String, option: String, value: String, reason: String) {
        self.rule = rule
        self.option = option
        self.value = value
        self.reason = reason
    }

    /// What is wrong with an option of a rule.
    init(_ error: OptionError, of rule: String) {
        self.init(rule: rule, option: error.option, value: error.value, reason: error.reason)
    }

    /// A name that no rule has, with the nearest one or all.
    init(unknownRule name: String, among names: [String]) {
        let hint = nearestName(to: name, among: names).map { "did you mean \($0)?" }
        self.init(
            rule: "", option: "rule", value: name,
            reason: "is no rule; " + (hint ?? "there are \(names.joined(separator: ", "))"))
    }

    /// One sentence: the rule, the option, the value and the reason; of a name that no rule has the name and the reason.
    public var description: String {
        let shown = value.isEmpty ? "''" : shortened(value)
        return rule.isEmpty ? "\(shown) \(reason)" : "\(rule): \(option) = \(shown) \(reason)"
    }
}
