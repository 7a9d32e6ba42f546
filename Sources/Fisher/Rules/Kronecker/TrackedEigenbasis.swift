import FisherInformation
import Foundation
import Torch

/// Orthonormal bases for the dimensions of one tensor, in which its gradient's Kronecker factors are nearly
/// diagonal (Vyas et al. 2024).
///
///     L <- avg_d(G G^T),   R <- avg_d(G^T G)
///     first step:     Q_L = eigenvectors of L, largest eigenvalue first, null space by ``SafeEigen``
///     every f steps:  S = L Q_L,  columns in the order of diag(Q_L^T S),  Q_L <- QR(S)
///
/// and likewise for every further dimension. State by element of the basis is permuted as the columns are;
/// state of directions is rotated from the old basis to the new one.
struct TrackedEigenbasis {
    /// When a gradient enters the factors.
    enum Order {
        /// After the step that it makes, in the basis of the gradients before it (Vyas et al., Algorithm 3 and the
        /// authors' program). The first gradient makes the factors and the basis, and no step.
        case afterStep
        /// Before the step, in a basis that has seen it; the first gradient makes a step like every other.
        case beforeStep
    }

    /// When a gradient enters the factors.
    let order: Order
    /// The averaging of the factors.
    let decay: Double
    /// Number f of steps from one change of the basis to the next.
    let interval: Int
    /// Longer dimensions keep the identity.
    let largest: Int

    /// Whether a tensor has a basis at all; vectors and scalars have none.
    func cut(_ shape: [Int]) -> TensorBlocks? {
        guard shape.count >= 2 else { return nil }
        let cut = TensorBlocks(shape: shape, largest: largest)
        return cut.keepsAny ? cut : nil
    }

    /// About the multiplications of a step.
    func cost(of input: RuleInput) -> Double {
        cost(
            of: input.parameter.shape,
            decomposition: input.step == 1 ? 25 : (input.step - 1) % interval == 0 ? 8 : 0)
    }

    /// The same of the mean step of a tensor of this shape.
    func workload(of shape: [Int]) -> Double { cost(of: shape, decomposition: 8 / Double(interval)) }

    private func cost(of shape: [Int], decomposition: Double) -> Double {
        let count = Double(shape.reduce(1, *))
        guard let cut = cut(shape) else { return count }
        return shape.reduce(count) { sum, size in
            guard cut.keepsMatrix(of: size) else { return sum }
            let n = Double(size)
            return sum + 3 * count * n + decomposition * n * n * n
        }
    }

    /// Runs a rule of single elements in the basis: on the gradient and the parameter turned into it, with its
    /// update turned back. The rule's `fisher` and `momentum` are kept in the basis. Under `afterStep` the rule is not
    /// run on the first gradient, after which `fisher` and `momentum` are zero. A rule that does not read the parameter
    /// saves its rotation.
    func update(
        for input: RuleInput, gradient g: Tensor, state: inout TensorState, readsParameter: Bool = true,
        inBasis rule: (_ turned: RuleInput, _ state: inout TensorState) -> ParameterUpdate
    ) -> ParameterUpdate {
        let isFirst = order == .afterStep && input.step == 1
        if isFirst, g.failure == nil {
            (state["momentum"], state["fisher"]) = (.zeros(like: g), .zeros(like: g))
        }
        guard g.failure == nil, g.count > 0, let cut = cut(input.parameter.shape) else {
            return isFirst ? ParameterUpdate(change: .zeros(like: g)) : rule(input, &state)
        }
        switch order {
        case .beforeStep:
            let (bases, fallbacks) = advanced(cut, by: g, at: input.step, state: &state)
            var update = Self.step(
                for: input, in: bases, state: &state, readsParameter: readsParameter, inBasis: rule)
            update.fallbackCount = fallbacks
            return update
        case .afterStep:
            var update = ParameterUpdate(change: .zeros(like: g))
            if !isFirst, let bases = state["bases"] {
                update = Self.step(
                    for: input, in: cut.matrices(in: bases)[0], state: &state, readsParameter: readsParameter,
                    inBasis: rule)
            }
            update.fallbackCount = advanced(cut, by: g, at: input.step, state: &state).fallbacks
            return update
        }
    }

    /// Averages a gradient into the factors and changes the basis if it is time; returns the basis, and the number of
    /// decompositions that failed their check.
    private func advanced(
        _ cut: TensorBlocks, by g: Tensor, at step: Int, state: inout TensorState
    ) -> (bases: [Tensor?], fallbacks: Int) {
        let kept = RunningAverage.share(kept: decay, at: step)
        let old = cut.matrices(in: state["factors"] ?? cut.zeros(like: g))[0]
        let factors = averagedFactors(old, g, keeping: kept)
        state["factors"] = cut.flat([factors])
        guard let saved = state["bases"] else {
            let found = firstBases(of: factors)
            state["bases"] = cut.flat([found.0])
            return found
        }
        let bases = cut.matrices(in: saved)[0]
        guard step > 1, (step - 1) % interval == 0 else { return (bases, 0) }
        let found = refreshed(bases, of: factors, state: &state)
        state["bases"] = cut.flat([found.0])
        return found
    }

    /// A rule's step in a basis, a matrix for each dimension that has one, turned back.
    static func step(
        for input: RuleInput, in current: [Tensor?], state: inout TensorState, readsParameter: Bool = true,
        inBasis rule: (_ turned: RuleInput, _ state: inout TensorState) -> ParameterUpdate
    ) -> ParameterUpdate {
        let turned = RuleInput(
            parameter: readsParameter ? multiplied(input.parameter, by: current) : input.parameter,
            gradient: withoutNoise(multiplied(input.gradient, by: current)),
            auxiliary: input.auxiliary.map { withoutNoise(multiplied($0, by: current)) }, step: input.step,
            decays: input.decays)
        let update = rule(turned, &state)
        // A rotation can overflow where the gradient itself does not; no step may be made of that, not even none.
        let hasOverflowed = turned.gradient(.inGradient).isFinite().all().equals(0)
        return ParameterUpdate(
            change: multiplied(update.change, by: current.map { $0?.transposed() })
                .masked(hasOverflowed, with: .nan),
            clipFactor: update.clipFactor, epsilon: update.epsilon, decay: update.decay)
    }

    /// Eigenvectors, the largest eigenvalue first; the identity if the decomposition fails.
    private func firstBases(of factors: [Tensor?]) -> ([Tensor?], Int) {
        var fallbacks = 0
        let bases = factors.map { factor -> Tensor? in
            guard let factor else { return nil }
            if let basis = TrackedEigenbasis.eigenvectors(of: factor) { return basis }
            fallbacks += 1
            return .identity(factor.shape[0], dtype: factor.dtype, device: factor.device)
        }
        return (bases, fallbacks)
    }

    /// Eigenvectors in descending order, the null space's canonical; nil if they fail their check.
    private static func eigenvectors(of factor: Tensor) -> Tensor? {
        guard let found = SafeEigen.decomposition(of: factor, .orthonormality) else { return nil }
        let canonical = (try? SafeEigen.canonicalVectors(of: found)) ?? nil
        return (canonical ?? found.vectors).reversed(along: 1)
    }

    /// One power iteration and a QR decomposition; the old basis if that fails.
    private func refreshed(
        _ bases: [Tensor?], of factors: [Tensor?], state: inout TensorState
    ) -> ([Tensor?], Int) {
        var fallbacks = 0
        var turns: [Tensor?] = []
        var current: [Tensor?] = []
        for (dimension, (basis, factor)) in zip(bases, factors).enumerated() {
            guard let basis, let factor else {
                turns.append(nil)
                current.append(nil)
                continue
            }
            let product = transposedProduct(factor, basis)
            let order = (basis * product).sum(along: 0).argsort(descending: true)
            let new = product.gathering(order, along: 1).qr().q
            guard SafeEigen.isOrthonormal(new) else {
                fallbacks += 1
                turns.append(nil)
                current.append(basis)
                continue
            }
            state["fisher"] = state["fisher"]?.gathering(order, along: dimension)
            turns.append(transposedProduct(basis, new))
            current.append(new)
        }
        state["momentum"] = state["momentum"].map { Self.withoutNoise(multiplied($0, by: turns)) }
        return (current, fallbacks)
    }

    /// The tensor with elements below the rounding error of its rotation set to zero.
    ///
    /// A gradient of low rank has exact zeros in its own basis. In float32 they are computed as about 1e-7 of
    /// its norm, above Adam's epsilon, and dividing each by its own root would make steps of full size of
    /// them.
    static func withoutNoise(_ x: Tensor) -> Tensor {
        guard x.failure == nil else { return x }
        let floor = inPrecision(of: x, frobeniusNorm(x) * (32 * x.dtype.ulpOfOne))
        return x.masked(x.magnitude().isAtMost(floor), with: 0)
    }
}
