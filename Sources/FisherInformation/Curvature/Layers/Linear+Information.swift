import NeuralNet
import Torch

/// The sums of s a^T and of its squares by unit, for s [units, ..., outputs] and a [units, ..., inputs], and the
/// number of positions of a unit. Without positions sum_n G_n^2 = (s^2)^T (a^2).
func weightSums(_ s: Tensor, _ a: Tensor) -> (sums: (gradient: Tensor, squares: Tensor), positions: Int)? {
    guard s.failure == nil, a.failure == nil, s.rank > 1, s.rank == a.rank else { return nil }
    let positions = s.shape.dropFirst().dropLast().reduce(1, *)
    let found = UnitSums.outer(
        s.reshaped([-1, s.shape[s.rank - 1]]), a.reshaped([-1, a.shape[a.rank - 1]]), depth: positions,
        squares: positions == 1 ? .eachTerm : .eachGroup)
    guard let found, let squares = found.squares else { return nil }
    return ((found.sum, squares), positions)
}

/// G_n = sum_t s_nt a_nt^T.
extension Linear: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight] + (bias.map { [$0] } ?? []) }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        let (a, s) = (positions(use.input), positions(use.outputGradient))
        let weight = s.transposed(1, 2).matmul(a)
        return bias == nil ? [weight] : [weight, s.sum(along: 1)]
    }

    public func sums(of use: LayerActivation) -> [(gradient: Tensor, squares: Tensor)?]? {
        guard let (weight, positions) = weightSums(use.outputGradient, use.input) else { return nil }
        guard bias != nil else { return [weight] }
        let s = use.outputGradient.reshaped([-1, use.outputGradient.shape.last ?? 1])
        return UnitSums.columns(s, depth: positions).map { [weight, $0] }
    }

    public func unitProducts(of use: LayerActivation, with directions: [Tensor]) -> Tensor {
        let output = use.input.linear(weight: directions[0], bias: bias == nil ? nil : directions[1])
        return (output * use.outputGradient).flattened(from: 1).sum(along: 1)
    }

    public func weightedSums(of use: LayerActivation, weights: Tensor) -> [Tensor?] {
        let s = positions(use.outputGradient) * weights.reshaped([-1, 1, 1])
        let rows = s.flattened(to: 1)
        let weight = rows.transposed(0, 1).matmul(positions(use.input).flattened(to: 1))
        return bias == nil ? [weight] : [weight, rows.sum(along: 0)]
    }

    /// [units, positions, width].
    fileprivate func positions(_ x: Tensor) -> Tensor {
        x.rank == 2 ? x.unsqueezed(1) : x.flattened(from: 1, to: -2)
    }
}

extension Linear: KroneckerLayer {
    public func kroneckerRows(of use: LayerActivation) -> KroneckerRows {
        KroneckerRows(
            inputs: positions(use.input), outputGradients: positions(use.outputGradient), hasBias: bias != nil
        )
    }
}
