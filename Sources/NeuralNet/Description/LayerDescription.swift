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
public protocol LayerDescription: NamedOptions {
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
    public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape { input }
    public var parameterShapes: [(name: String, shape: [Int])]? { nil }
}

extension LayerDescription {
    /// Throws if a parameter of this shape would take more than 4 TiB in float32.
    public func requireElements(_ shape: [Int]) throws(LayerDescriptionError) {
        if shape.reduce(1.0, { $0 * Double($1) }) > 0x1p40 {
            throw LayerDescriptionError("has a parameter of shape \(shape): too large")
        }
    }
}
