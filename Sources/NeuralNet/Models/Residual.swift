import Torch

/// Layers whose output is added to their input (He et al. 2016): x + f(x), or s(x) + f(x) with a shortcut s where the
/// shape changes.
public final class Residual: UnaryLayer, ModuleContainer {
    /// The layers of f, the one next to the input first; their paths are their positions.
    public let layers: [any UnaryLayer]
    /// The layers of the shortcut s, whose positions follow those of f; empty for the input itself.
    public let shortcut: [any UnaryLayer]

    public var children: [any Module] { layers + shortcut }

    /// Creates s(x) + f(x) for the layers of f and of s, whose outputs must have one shape.
    public init(_ layers: [any UnaryLayer], shortcut: [any UnaryLayer] = []) {
        (self.layers, self.shortcut) = (layers, shortcut)
    }

    /// The shortcut's output plus the output of the last layer; a failed tensor if their shapes differ.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        let output = layers.reduce(input) { value, layer in layer(value) }
        let passed = shortcut.reduce(input) { value, layer in layer(value) }
        guard output.failure == nil, passed.failure == nil, output.shape != passed.shape else {
            return passed + output
        }
        let what = shortcut.isEmpty ? "an input" : "a shortcut's output"
        return Tensor(
            failed: TorchError(
                message: "an output of shape \(output.shape) cannot be added to \(what) of \(passed.shape)"))
    }
}

extension Residual {
    /// The description of a layer in JSON: `{"residual": [layers]}`, or
    /// `{"residual": {"layers": [layers], "shortcut": [layers]}}`.
    public struct Description: LayerDescription {
        public static let kind = "residual"
        public static let shortForm = ["layers"]
        public static var options: [LayerOption<Self>] {
            [.layers("layers", \.list), .optionalLayers("shortcut", \.shortcut)]
        }
        var list: LayerList
        var shortcut = LayerList([])

        public init() { list = LayerList([]) }

        /// Describes s(x) + f(x) by the layers of f and of s; without layers s(x) = x.
        public init(_ layers: [any LayerDescription], shortcut: [any LayerDescription] = []) {
            (list, self.shortcut) = (LayerList(layers), LayerList(shortcut))
        }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let output = try LayerList.inside { () throws(NetworkSpecificationError) in
                try list.outputShape(for: input)
            }
            let passed = try LayerList.inside { () throws(NetworkSpecificationError) in
                try shortcut.outputShape(for: input)
            }
            guard let sum = passed.agreeing(with: output) else {
                throw LayerDescriptionError("adds \(output.text) to \(passed.text)")
            }
            return sum
        }

        public var parameterShapes: [(name: String, shape: [Int])]? {
            LayerList(list.layers + shortcut.layers).parameterShapes
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            let layers = list.makeLayers(dtype: dtype, using: generator).layers
            return Residual(layers, shortcut: shortcut.makeLayers(dtype: dtype, using: generator).layers)
        }
    }
}
