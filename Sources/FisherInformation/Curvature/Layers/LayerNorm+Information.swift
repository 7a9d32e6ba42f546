import NeuralNet
import Torch

/// y = w x^ + b with x^ the normalized input: G_n = sum_t s_nt x^_nt and sum_t s_nt.
extension LayerNorm: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight, $bias] }

    private func normalized(_ input: Tensor) -> Tensor {
        input.layerNormalized(weight: .ones(like: weight.detached()), bias: nil, epsilon: epsilon)
    }

    public func sums(of use: LayerActivation) -> [(gradient: Tensor, squares: Tensor)?]? {
        guard use.input.failure == nil, use.input.rank > 1 else { return nil }
        let (units, width) = (use.input.shape[0], weight.count)
        let (s, x) = (
            use.outputGradient.reshaped([-1, width]), normalized(use.input).reshaped([-1, width])
        )
        let depth = s.shape[0] / max(units, 1)
        guard let scale = UnitSums.columns(s, times: x, depth: depth),
            let shift = UnitSums.columns(s, depth: depth)
        else { return nil }
        return [scale, shift]
    }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        let normalized = normalized(use.input)
        let (units, width) = (use.input.shape[0], weight.count)
        func summed(_ x: Tensor) -> Tensor { x.reshaped([units, -1, width]).sum(along: 1) }
        return [summed(use.outputGradient * normalized), summed(use.outputGradient)]
    }
}
