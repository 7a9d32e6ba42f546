import Fisher

/// A linear layer whose weights are divided by the root of its inputs: y = W x / sqrt(n).
///
/// With weights of variance one the outputs stay of the inputs' size whatever the width n, and so do the best learning rates
/// (the parametrization of the neural tangent kernel, Jacot et al. 2018).
public final class ScaledLinear: Module {
    /// The weights W, shape [outputs, inputs].
    @Parameter public var weight: Tensor
    private let site = CaptureSite()
    private let scale: Double

    /// Makes a layer with weights from the standard normal distribution.
    public init(_ inputs: Int, _ outputs: Int, using generator: RandomGenerator) {
        _weight = Parameter(wrappedValue: .normal([outputs, inputs], using: generator))
        scale = 1 / Double(inputs).squareRoot()
    }

    /// The outputs [samples, outputs] of inputs [samples, inputs].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.record(input: input, output: (input * scale).matmul(weight.transposed(0, 1)))
    }
}

/// Sample n has the gradient s_n x_n^T / sqrt(n), for its input x and the gradient s of its output: one outer product, so
/// that K-FAC's factors are those of s and of x / sqrt(n).
extension ScaledLinear: KroneckerLayer {
    public var informativeParameters: [Parameter] { [$weight] }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        [use.outputGradient.unsqueezed(2) * (use.input * scale).unsqueezed(1)]
    }

    public func kroneckerRows(of use: LayerActivation) -> KroneckerRows {
        KroneckerRows(
            inputs: (use.input * scale).unsqueezed(1), outputGradients: use.outputGradient.unsqueezed(1),
            hasBias: false)
    }
}
