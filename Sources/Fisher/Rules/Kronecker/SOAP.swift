import FisherInformation
import FisherOptions
import Foundation
import Torch

/// SOAP: Adam in the eigenbasis of Shampoo's factors.
///
///     G'  = Q_L^T G Q_R
///     m  <- b1 m + (1 - b1) G',    mhat = m / (1 - b1^(t-1))
///     v  <- b2 v + (1 - b2) G'^2,  vhat = v / (1 - b2^(t-1))
///     theta <- theta - eta (Q_L [mhat / (sqrt(vhat) + epsilon)] Q_R^T + lambda theta)
///     then   L <- avg_d(G G^T),  R <- avg_d(G^T G)
///     and every f steps   Q_L, Q_R: a power iteration and QR
///
/// The first gradient makes L, R and their eigenvectors Q_L, Q_R, and no step: no gradient is measured in a basis
/// that it has entered. Where the basis changes, v is permuted as the basis vectors are sorted, and m is turned from
/// the old basis to the new one. Elements of G' below 32 rounding errors of |G| are zero: see <doc:SOAPRule>.
/// Vectors, scalars and dimensions above `maximumDimension` keep the identity, which is Adam from the second
/// gradient on.
///
/// Vyas et al. (2024), "SOAP: Improving and stabilizing Shampoo using Adam", Algorithm 3, and the authors' program.
public struct SOAP: OptimizationRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 3e-3
    /// Decay b1 of the momentum average, in [0, 1).
    @Configurable("beta1", .decay, "decay of the momentum") public var beta1: Schedule = 0.95
    /// Decay b2 of the average square, in [0, 1).
    @Configurable("beta2", .decay, "decay of the average square in the basis")
    public var beta2: Schedule = 0.95
    /// Number epsilon that is added to the root.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "added to the root")
    public var epsilon: Schedule = 1e-8
    /// Decay d of the averaged factors, in [0, 1]; 1 for the plain mean.
    @Configurable("decay", .fraction, "decay of the averaged factors; 1 for the plain mean")
    public var decay = 0.95
    /// Number f of steps from one change of the basis to the next.
    @Configurable("basis_interval", .atLeast(1), "steps between changes of the basis")
    public var basisInterval = 10
    /// Longest dimension that has a basis; longer ones keep the identity.
    @Configurable("maximum_dimension", .atLeast(0), "longer dimensions keep the identity; 0: all do")
    public var maximumDimension = 10000
    /// Decay lambda of the weights, decoupled from the gradient, scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the weights")
    public var weightDecay: Schedule = 1e-2
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public func workload(of shape: [Int]) -> Double { basis.workload(of: shape) }

    private var basis: TrackedEigenbasis {
        TrackedEigenbasis(
            order: .afterStep, decay: decay, interval: basisInterval, largest: maximumDimension)
    }

    public static let summary = RuleSummary(
        name: "soap", title: "SOAP", source: "mini-batch gradient", structure: "diagonal in Kronecker basis",
        power: "1/2", momentum: "of the gradient", stateBytes: "8, and 8 per row^2 and column^2",
        cost: "8 m n (m + n); bases 4 (m^3 + n^3)",
        neglects: "units, layers' correlations, off-diagonals in the basis",
        reference: "Vyas et al. 2024, Algorithm 3")

    public func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        let basis = basis
        let states = state
        let moved = concurrently(costs: group.map(basis.cost)) { k in
            var own = states[k]
            let update = update(for: group[k], in: basis, state: &own)
            return (update, own)
        }
        for (k, (_, own)) in moved.enumerated() { state[k] = own }
        return moved.map(\.0)
    }

    private func update(
        for input: RuleInput, in basis: TrackedEigenbasis, state: inout TensorState
    ) -> ParameterUpdate {
        let t = input.step
        let (eta, lambda) = (learningRate(t), input.decays ? weightDecay(t) : 0)
        let update = basis.update(
            for: input, gradient: input.gradient(auxiliary), state: &state, readsParameter: false
        ) { turned, state in
            ParameterUpdate(change: adamStep(turned, state: &state) * -eta)
        }
        guard lambda != 0, t > 1 else { return update }
        return ParameterUpdate(
            change: update.change - input.parameter * (eta * lambda), fallbackCount: update.fallbackCount)
    }

    /// mhat / (sqrt(vhat) + epsilon) of a gradient in the basis.
    private func adamStep(_ input: RuleInput, state: inout TensorState) -> Tensor {
        let (t, g) = (input.step, input.gradient(auxiliary))
        let (b1, b2) = (beta1(t), beta2(t))
        let m = (state["momentum"] ?? .zeros(like: g)).interpolated(to: g, weight: 1 - b1)
        let v = (state["fisher"] ?? .zeros(like: g)).interpolated(to: square(of: g), weight: 1 - b2)
        (state["momentum"], state["fisher"]) = (m, v)
        // The first gradient made no step.
        let count = Double(t - 1)
        let d = v.squareRoot() / (1 - pow(b2, count)).squareRoot() + epsilon(t)
        let step = quotient(m, d) / (1 - pow(b1, count))
        guard let a = input.auxiliaryGradient(for: auxiliary) else { return step }
        return step + quotient(a, d)
    }
}
