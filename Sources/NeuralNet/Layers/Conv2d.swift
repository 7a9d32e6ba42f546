import Torch

/// Cross-correlation over an image: y[o, t] = b[o] + sum over c, k of W[o, c, k] x[c, s t + d k - p], with t
/// and k pairs of row and column.
public final class Conv2d: ConvolutionLayer {
    /// W, shape [outputs, inputs / groups, kernel height, kernel width].
    @Parameter public var weight: Tensor
    /// b, shape [outputs], where there is one.
    public let bias: Parameter?
    public let geometry: ConvolutionGeometry
    let site = CaptureSite()

    /// Draws W; b starts at zero.
    ///
    /// W is drawn by default from U(-a, a) with a = 1 / sqrt(inputs / groups * kernel elements).
    public convenience init(
        _ inputs: Int, _ outputs: Int, kernel: Size2d, stride: Size2d = 1, padding: Size2d = 0,
        dilation: Size2d = 1, groups: Int = 1, bias: Bool = true, weight: Initializer? = nil,
        dtype: DType = .float32, using generator: RandomGenerator
    ) {
        let geometry = ConvolutionGeometry(
            kernel: kernel.sizes, stride: stride.sizes, padding: padding.sizes, dilation: dilation.sizes,
            groups: groups)
        self.init(
            inputs, outputs, geometry: geometry, bias: bias, weight: weight, dtype: dtype, using: generator)
    }

    /// Draws W for a geometry, which must have two dimensions; b starts at zero.
    public init(
        _ inputs: Int, _ outputs: Int, geometry: ConvolutionGeometry, bias: Bool = true,
        weight: Initializer? = nil, dtype: DType = .float32, using generator: RandomGenerator
    ) {
        precondition(geometry.kernel.count == 2, "a geometry of another rank")
        self.geometry = geometry
        let (shape, initializer) = Self.weightShape(inputs, outputs, geometry)
        _weight = Parameter(wrappedValue: (weight ?? initializer)(shape, dtype: dtype, using: generator))
        self.bias = bias ? Parameter(wrappedValue: .zeros([outputs], dtype: dtype)) : nil
    }

    /// The output [batch, outputs, height, width] for an input [batch, inputs, height, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.noting(input: input, output: convolve(input))
    }
}
