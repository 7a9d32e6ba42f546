import Torch

/// y = x W^T + b over the last dimension.
public final class Linear: UnaryLayer {
    /// W, shape [outputs, inputs].
    @Parameter public var weight: Tensor
    /// b, shape [outputs], where there is one.
    public let bias: Parameter?
    let site = CaptureSite()

    /// Draws W; b starts at zero.
    ///
    /// - Parameters:
    ///   - inputs: the size of the last dimension of what the layer is given.
    ///   - outputs: the size of the last dimension of what it gives.
    ///   - bias: whether there is a b.
    ///   - weight: how W is drawn; by default U(-a, a) with a = 1 / sqrt(inputs).
    ///   - dtype: the type of both parameters.
    ///   - generator: where the numbers come from.
    public init(
        _ inputs: Int, _ outputs: Int, bias: Bool = true, weight: Initializer? = nil, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        let initializer = weight ?? .uniform(bound: 1 / Double(max(inputs, 1)).squareRoot())
        _weight = Parameter(wrappedValue: initializer([outputs, inputs], dtype: dtype, using: generator))
        self.bias = bias ? Parameter(wrappedValue: .zeros([outputs], dtype: dtype)) : nil
    }

    /// The layer's output [..., outputs] for an input [..., inputs].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.noting(input: input, output: input.linear(weight: weight, bias: bias?.wrappedValue))
    }
}
