import NeuralNet
import Torch

/// y = w x^ + b with x^ the normalised input: G_n = sum_t s_nt x^_nt and sum_t s_nt.
extension LayerNorm: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight, $bias] }

    public func unitGradients(of use: LayerUse) -> [Tensor?] {
        let ones = Tensor.ones(like: weight.detached())
        let normalized = use.input.layerNormalized(weight: ones, bias: nil, epsilon: epsilon)
        let (units, width) = (use.input.shape[0], weight.count)
        func summed(_ x: Tensor) -> Tensor { x.reshaped([units, -1, width]).sum(along: 1) }
        return [summed(use.outputGradient * normalized), summed(use.outputGradient)]
    }
}
