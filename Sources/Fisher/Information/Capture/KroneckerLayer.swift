import NeuralNet
import Torch

/// A layer that is linear in its parameters at each position, so that its information has Kronecker factors.
public protocol KroneckerLayer: InformativeLayer {
    /// Whether it has factors as it is configured; a grouped convolution has none.
    var hasKroneckerFactors: Bool { get }

    /// The rows of which the factors are sums: inputs, with a trailing 1 where there is a bias, and output
    /// gradients, [rows, width] each.
    func kroneckerRows(of use: LayerUse, sharing: WeightSharing) -> (inputs: Tensor, outputGradients: Tensor)
}

extension KroneckerLayer {
    public var hasKroneckerFactors: Bool { true }
}

/// The rows of inputs [units, positions, inputs] and output gradients [units, positions, outputs].
func kroneckerRows(
    inputs: Tensor, outputGradients: Tensor, hasBias: Bool, sharing: WeightSharing
) -> (inputs: Tensor, outputGradients: Tensor) {
    var (a, s) = (inputs, outputGradients)
    if let failure = a.failure ?? s.failure { return (Tensor(failed: failure), Tensor(failed: failure)) }
    if hasBias {
        let ones = Tensor.ones(Array(a.shape.dropLast()) + [1], dtype: a.dtype, device: a.device)
        a = .concatenated([a, ones], along: -1)
    }
    switch sharing {
    case .expand: return (a.flattened(to: 1), s.flattened(to: 1))
    case .reduce: return (a.mean(along: 1), s.sum(along: 1))
    }
}
