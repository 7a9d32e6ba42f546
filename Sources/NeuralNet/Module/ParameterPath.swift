/// The place of a parameter or layer in a model: the property names and list positions that lead to it,
/// such as `blocks.0.attention.output.weight`.
public struct ParameterPath: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The steps from the model down.
    public let components: [String]

    /// The path of the model itself.
    public static let root = ParameterPath(components: [])

    /// Creates a path of its steps.
    public init(components: [String]) { self.components = components }

    /// Creates a path of its text, the steps divided by dots.
    public init(_ text: String) { components = text.split(separator: ".").map(String.init) }

    /// The path one step further down.
    public func appending(_ component: String) -> ParameterPath {
        ParameterPath(components: components + [component])
    }

    /// The path of the module that holds this one.
    public var parent: ParameterPath { ParameterPath(components: components.dropLast()) }

    /// The steps joined by dots.
    public var description: String { components.joined(separator: ".") }

    /// Orders paths step by step, as words in a dictionary.
    public static func < (a: ParameterPath, b: ParameterPath) -> Bool {
        a.components.lexicographicallyPrecedes(b.components)
    }
}
