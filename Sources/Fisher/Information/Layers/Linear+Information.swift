import NeuralNet
import Torch

/// G_n = sum_t s_nt a_nt^T, and without positions sum_n G_n^2 = (s^2)^T (a^2): no unit's gradient is stored.
extension Linear: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight] + (bias.map { [$0] } ?? []) }

    public func unitGradients(of use: LayerUse) -> [Tensor?] {
        let (a, s) = (positions(use.input), positions(use.outputGradient))
        let weight = s.transposed(1, 2).matmul(a)
        return bias == nil ? [weight] : [weight, s.sum(along: 1)]
    }

    public func sums(of use: LayerUse) -> [(gradient: Tensor, squares: Tensor)?]? {
        guard use.input.rank == 2 else { return nil }
        let (a, s) = (use.input, use.outputGradient)
        let squares = s.squared()
        let weight = (s.transposed(0, 1).matmul(a), squares.transposed(0, 1).matmul(a.squared()))
        return bias == nil ? [weight] : [weight, (s.sum(along: 0), squares.sum(along: 0))]
    }

    /// [units, positions, width].
    fileprivate func positions(_ x: Tensor) -> Tensor {
        x.rank == 2 ? x.unsqueezed(1) : x.flattened(from: 1, to: -2)
    }
}

extension Linear: KroneckerLayer {
    public func kroneckerRows(
        of use: LayerUse, sharing: WeightSharing
    ) -> (inputs: Tensor, outputGradients: Tensor) {
        Fisher.kroneckerRows(
            inputs: positions(use.input), outputGradients: positions(use.outputGradient),
            hasBias: bias != nil,
            sharing: sharing)
    }
}
