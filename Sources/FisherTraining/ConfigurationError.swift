/// A key or a value of a configuration that cannot be used.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence that names the key and where it was set.
    public let description: String

    /// Describes a mistake.
    public init(_ description: String) { self.description = description }
}
