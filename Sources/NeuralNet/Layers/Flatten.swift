import Torch

/// All dimensions but the first joined into one.
public final class Flatten: UnaryLayer {
    /// Makes the layer.
    public init() {}

    /// The input [batch, ...] as [batch, elements].
    public func callAsFunction(_ input: Tensor) -> Tensor { input.flattened(from: 1) }
}
