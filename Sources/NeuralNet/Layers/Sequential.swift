import Torch

/// Layers one after another. Their paths are their positions, `0.weight`, as in PyTorch's `nn.Sequential`.
public final class Sequential: UnaryLayer, ModuleContainer {
    /// The layers, the one next to the input first.
    public let layers: [any UnaryLayer]

    public var children: [any Module] { layers }

    /// Creates a network of layers; a layer at two positions has the path of the first.
    public init(_ layers: [any UnaryLayer]) { self.layers = layers }

    /// Creates a network of layers.
    public convenience init(_ layers: any UnaryLayer...) { self.init(layers) }

    /// The output of the last layer; the input itself where there is no layer.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        layers.reduce(input) { value, layer in layer(value) }
    }
}
