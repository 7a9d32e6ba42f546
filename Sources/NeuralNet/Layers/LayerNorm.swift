import Torch

/// (x - mean) / sqrt(variance + epsilon) over the last dimension, scaled and shifted (Ba et al. 2016).
public final class LayerNorm: UnaryLayer {
    /// The scale, shape [width], ones at first.
    @Parameter public var weight: Tensor
    /// The shift, shape [width], zeros at first.
    @Parameter public var bias: Tensor
    /// What keeps the division finite.
    public let epsilon: Double
    let site = CaptureSite()

    /// Makes the layer for vectors of a width.
    public init(_ width: Int, epsilon: Double = 1e-5, dtype: DType = .float32) {
        _weight = Parameter(wrappedValue: .ones([width], dtype: dtype))
        _bias = Parameter(wrappedValue: .zeros([width], dtype: dtype))
        self.epsilon = epsilon
    }

    /// The normalized input, of its shape.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.noting(input: input, output: input.layerNormalized(weight: weight, bias: bias, epsilon: epsilon))
    }
}
