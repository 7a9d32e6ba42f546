/// An option that a rule does not have, or a value that it does not take.
public struct HyperparameterError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rule, as it is named in configurations.
    public let rule: String
    /// The option.
    public let option: String
    /// The value that was given.
    public let value: String
    /// What is wrong with it.
    public let reason: String

    public var description: String { "\(rule): \(option) = \(value) \(reason)" }
}
