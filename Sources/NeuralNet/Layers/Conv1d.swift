import Torch

/// Cross-correlation along one dimension: y[o, t] = b[o] + sum over c, k of W[o, c, k] x[c, s t + d k - p].
public final class Conv1d: ConvolutionLayer {
    /// W, shape [outputs, inputs / groups, kernel].
    @Parameter public var weight: Tensor
    /// b, shape [outputs], where there is one.
    public let bias: Parameter?
    public let geometry: ConvolutionGeometry
    let site = CaptureSite()

    /// Draws W; b starts at zero.
    ///
    /// W is drawn by default from U(-a, a) with a = 1 / sqrt(inputs / groups * kernel).
    public convenience init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, weight: Initializer? = nil, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        let geometry = ConvolutionGeometry(
            kernel: [kernel], stride: [stride], padding: [padding], dilation: [dilation], groups: groups)
        self.init(
            inputs, outputs, geometry: geometry, bias: bias, weight: weight, dtype: dtype, using: generator)
    }

    /// Draws W for a geometry, which must have one dimension; b starts at zero.
    public init(
        _ inputs: Int, _ outputs: Int, geometry: ConvolutionGeometry, bias: Bool = true,
        weight: Initializer? = nil, dtype: DType = .float32, using generator: RandomGenerator
    ) {
        precondition(geometry.kernel.count == 1, "a geometry of another rank")
        self.geometry = geometry
        let (shape, initializer) = Self.weightShape(inputs, outputs, geometry)
        _weight = Parameter(wrappedValue: (weight ?? initializer)(shape, dtype: dtype, using: generator))
        self.bias = bias ? Parameter(wrappedValue: .zeros([outputs], dtype: dtype)) : nil
    }

    /// The output [batch, outputs, positions] for an input [batch, inputs, size].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.noting(input: input, output: convolve(input))
    }
}
