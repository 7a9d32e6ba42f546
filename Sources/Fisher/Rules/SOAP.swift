import FisherInformation
import Foundation
import Torch

/// SOAP: Adam in the eigenbasis of Shampoo's factors.
///
///     L <- avg_d(G G^T),  R <- avg_d(G^T G)
///     Q_L, Q_R: eigenvectors at the first step, then a power iteration and QR every f steps
///     G'  = Q_L^T G Q_R
///     m  <- b1 m + (1 - b1) G',    mhat = m / (1 - b1^t)
///     v  <- b2 v + (1 - b2) G'^2,  vhat = v / (1 - b2^t)
///     theta <- theta - eta (Q_L [mhat / (sqrt(vhat) + epsilon)] Q_R^T + lambda theta)
///
/// Where the basis changes, v is permuted as the basis vectors are sorted, and m is turned from the old basis
/// to the new one. The factors take the gradient before it is used, and the first step moves like every other;
/// the published code uses factors one step older and spends its first step on them. Elements of G' below 32
/// rounding errors of |G| are zero: see <doc:SOAPRule>. Vectors, scalars and dimensions above
/// `maximumDimension` keep the identity, which is Adam.
///
/// Vyas et al. (2024), "SOAP: Improving and stabilizing Shampoo using Adam", Algorithm 3.
public struct SOAP: OptimizationRule {
    /// eta.
    public var learningRate: Schedule = 3e-3
    /// b1, in [0, 1).
    public var beta1: Schedule = 0.95
    /// b2, in [0, 1).
    public var beta2: Schedule = 0.95
    /// epsilon.
    public var epsilon: Schedule = 1e-8
    /// d of the averaged factors, in [0, 1].
    public var decay: Double = 0.95
    /// f: the basis changes every so many steps.
    public var basisInterval: Int = 10
    /// Longer dimensions keep the identity.
    public var maximumDimension: Int = 10000
    /// lambda, decoupled from the gradient, scaled by eta.
    public var weightDecay: Schedule = 1e-2
    /// How the gradient of an auxiliary objective enters.
    public var auxiliary: AuxiliaryTreatment = .inGradient

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 3e-3, beta1: Schedule = 0.95, beta2: Schedule = 0.95,
        epsilon: Schedule = 1e-8, decay: Double = 0.95, basisInterval: Int = 10,
        maximumDimension: Int = 10000, weightDecay: Schedule = 1e-2,
        auxiliary: AuxiliaryTreatment = .inGradient
    ) throws(HyperparameterError) {
        self.init()
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.decay = decay
        self.basisInterval = basisInterval
        self.maximumDimension = maximumDimension
        self.weightDecay = weightDecay
        self.auxiliary = auxiliary
        try validate()
    }

    public init() {}

    public static let summary = RuleSummary(
        name: "soap", title: "SOAP", source: "mini-batch gradient", structure: "diagonal in Kronecker basis",
        power: "1/2", momentum: "of the gradient", stateBytes: "8, and 8 a row^2 and a column^2",
        cost: "8 m n (m + n); bases 4 (m^3 + n^3)",
        neglects: "units, layers' correlations, off-diagonals in the basis",
        reference: "Vyas et al. 2024, Algorithm 3")

    public static let options: [RuleOption<SOAP>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
        .schedule("beta1", \.beta1, .decay, "decay of the momentum"),
        .schedule("beta2", \.beta2, .decay, "decay of the average square in the basis"),
        .schedule("epsilon", \.epsilon, .nonNegative, aliases: ["eps"], "added to the root"),
        .number("decay", \.decay, .fraction, "decay of the averaged factors; 1 for the plain mean"),
        .integer("basis_interval", \.basisInterval, in: 1...Int.max, "steps between changes of the basis"),
        .integer(
            "maximum_dimension", \.maximumDimension, in: 0...Int.max, "longer dimensions keep the identity"),
        .schedule("weight_decay", \.weightDecay, .nonNegative, "decay of the weights"),
        .choice("auxiliary", \.auxiliary, "how auxiliary gradients enter"),
    ]

    public func direction(_ group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        let basis = TrackedEigenbasis(decay: decay, interval: basisInterval, largest: maximumDimension)
        let states = state
        let moved = concurrently(costs: group.map(basis.cost)) { k in
            var own = states[k]
            let movement = movement(group[k], basis, state: &own)
            return (movement, own)
        }
        for (k, (_, own)) in moved.enumerated() { state[k] = own }
        return moved.map(\.0)
    }

    private func movement(_ input: RuleInput, _ basis: TrackedEigenbasis, state: inout TensorState)
        -> ParameterUpdate
    {
        let t = input.step
        let (eta, lambda) = (learningRate(t), input.decays ? weightDecay(t) : 0)
        let movement = basis.movement(input, gradient: input.gradient(auxiliary), state: &state) {
            turned, state in
            ParameterUpdate(change: adamStep(turned, state: &state) * -eta)
        }
        guard lambda != 0 else { return movement }
        return ParameterUpdate(
            change: movement.change - input.parameter * (eta * lambda), fallbackCount: movement.fallbackCount)
    }

    /// mhat / (sqrt(vhat) + epsilon) of a gradient in the basis.
    private func adamStep(_ input: RuleInput, state: inout TensorState) -> Tensor {
        let (t, g) = (input.step, input.gradient(auxiliary))
        let (b1, b2) = (beta1(t), beta2(t))
        let m = (state["momentum"] ?? .zeros(like: g)).interpolated(to: g, weight: 1 - b1)
        let v = (state["fisher"] ?? .zeros(like: g)).interpolated(to: square(of: g), weight: 1 - b2)
        (state["momentum"], state["fisher"]) = (m, v)
        let d = v.squareRoot() / (1 - pow(b2, Double(t))).squareRoot() + epsilon(t)
        let step = quotient(m, d) / (1 - pow(b1, Double(t)))
        guard let a = input.auxiliaryGradient(for: auxiliary) else { return step }
        return step + quotient(a, d)
    }
}
