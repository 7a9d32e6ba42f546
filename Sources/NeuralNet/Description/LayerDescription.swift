import Torch

/// A layer in the description of a network: its name, its options, and how it is created.
///
/// The description is declared next to its layer and registered by one line, so that a layer of any package can be
/// named in JSON:
///
///     extension Scale {
///         struct Description: LayerDescription {
///             static let kind = "scale"
///             static let shortForm = ["width"]
///             static var options: [LayerOption<Self>] { [.required("width", \.width, .size)] }
///             var width = 0
///
///             func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
///                 try input.requiringWidth(width)
///             }
///             func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
///                 Scale(width, dtype: dtype)
///             }
///         }
///     }
///     LayerRegistry.register(Scale.Description.self)
public protocol LayerDescription: Hashable, Sendable {
    /// The layer's name in JSON.
    static var kind: String { get }

    /// The options in the order in which they are read; none for a layer that is its name alone.
    static var options: [LayerOption<Self>] { get }

    /// The keys whose values may be given without them, as a list if there are several; none by default.
    static var shortForm: [String] { get }

    /// Creates a description whose options have their defaults; required ones have an invalid value.
    init()

    /// Throws if options that are each valid cannot be combined; by default it does nothing.
    func check() throws(LayerDescriptionError)

    /// The shape of the output for an input of a shape; throws if the layer rejects it. By default the same
    /// shape.
    func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape

    /// The shapes of the layer's parameters and buffers by their paths in it; nil, the default, where they are not
    /// declared. Weights are compared with them before a layer is drawn, and memory before it is taken.
    var parameterShapes: [(name: String, shape: [Int])]? { get }

    /// Creates the layer from a description that has been checked.
    func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer
}

extension LayerDescription {
    public static var options: [LayerOption<Self>] { [] }
    public static var shortForm: [String] { [] }
    public func check() throws(LayerDescriptionError) {}
    public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape { input }
    public var parameterShapes: [(name: String, shape: [Int])]? { nil }
}

/// An error in the description of a layer.
public struct LayerDescriptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, as the rest of a sentence that begins with the layer's name.
    public let reason: String

    /// Creates an error from the rest of a sentence that begins with the layer's name.
    public init(_ reason: String) { self.reason = reason }

    /// The reason.
    public var description: String { reason }
}

extension LayerDescription {
    /// Reads the options from an object, or from the values of the short form.
    init(_ value: JSONValue) throws(LayerDescriptionError) {
        self.init()
        let (keys, short) = (Self.options.map(\.key), Self.shortForm)
        let given: [String: JSONValue]
        switch value {
        case .object(let object):
            if let unknown = object.keys.sorted().first(where: { !keys.contains($0) }) {
                let hint =
                    nearestName(to: unknown, among: keys).map { "did you mean \($0)?" }
                    ?? "there are \(keys.joined(separator: ", "))"
                throw LayerDescriptionError("has no option \(shortened(unknown)); \(hint)")
            }
            given = object
        case .list(let list) where short.count > 1 && list.count == short.count:
            given = Dictionary(uniqueKeysWithValues: zip(short, list))
        case let other where short.count == 1:
            given = [short[0]: other]
        default:
            let brief = short.isEmpty ? "" : "[" + short.joined(separator: ", ") + "] or "
            throw LayerDescriptionError(
                "needs \(brief)an object of \(keys.joined(separator: ", ")), not \(value.quoted)")
        }
        for option in Self.options {
            if let value = given[option.key] {
                try option.read(value, &self)
            } else if option.isRequired {
                throw LayerDescriptionError("lacks \(option.key)")
            }
        }
    }

    /// The description as `init(_:)` reads it, without options at their defaults.
    var value: JSONValue {
        if Self.options.isEmpty { return .text(Self.kind) }
        let standard = Self()
        let written = Self.options.filter { $0.isRequired || $0.write(self) != $0.write(standard) }
        let values = written.map { $0.write(self) }
        if values.count > 1, written.map(\.key) == Self.shortForm {
            return .object([Self.kind: .list(values)])
        }
        return .object([
            Self.kind: .object(Dictionary(uniqueKeysWithValues: zip(written.map(\.key), values)))
        ])
    }

    /// Throws for the first invalid option, or for options that cannot be combined.
    func checkEverything() throws(LayerDescriptionError) {
        for option in Self.options { try option.check(self) }
        try check()
    }

    /// Throws if a parameter of this shape would take more than 4 TiB in float32.
    public func requireElements(_ shape: [Int]) throws(LayerDescriptionError) {
        if shape.reduce(1.0, { $0 * Double($1) }) > 0x1p40 {
            throw LayerDescriptionError("has a parameter of shape \(shape): too large")
        }
    }
}
