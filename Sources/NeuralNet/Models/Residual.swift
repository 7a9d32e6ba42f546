import Torch

/// Layers whose output is added to their input (He et al. 2016): x + f(x).
public final class Residual: UnaryLayer, ModuleContainer {
    /// The layers of f, the one next to the input first; their paths are their positions.
    public let layers: [any UnaryLayer]

    public var children: [any Module] { layers }

    /// Creates x + f(x) for the layers of f, whose output must have the shape of their input.
    public init(_ layers: [any UnaryLayer]) { self.layers = layers }

    /// The input plus the output of the last layer; a failed tensor if their shapes differ.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        let output = layers.reduce(input) { value, layer in layer(value) }
        guard output.failure == nil, input.failure == nil, output.shape != input.shape else {
            return input + output
        }
        return Tensor(
            failed: TorchError(
                message: "an output of shape \(output.shape) cannot be added to an input of \(input.shape)"))
    }
}

extension Residual {
    /// The description of a layer in JSON: `{"residual": [layers]}`.
    public struct Description: LayerDescription {
        public static let kind = "residual"
        public static let shortForm = ["layers"]
        public static var options: [LayerOption<Self>] { [.layers("layers", \.list)] }
        var list: LayerList

        public init() { list = LayerList([]) }

        /// Describes x + f(x) by the layers of f.
        public init(_ layers: [any LayerDescription]) { list = LayerList(layers) }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let output = try LayerList.inside { () throws(NetworkSpecificationError) in
                try list.outputShape(for: input)
            }
            guard let sum = input.agreeing(with: output) else {
                throw LayerDescriptionError("adds \(output.text) to \(input.text)")
            }
            return sum
        }

        public var parameterShapes: [(name: String, shape: [Int])]? { list.parameterShapes }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            Residual(list.makeLayers(dtype: dtype, using: generator).layers)
        }
    }
}
