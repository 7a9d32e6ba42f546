import FisherInformation
import FisherOptions
import Foundation
import Torch

/// LaProp: momentum of the normalized gradient, in place of the normalized momentum of Adam.
///
///     v <- b2 v + (1 - b2) g^2,     vhat = v / (1 - b2^t)
///     n  = g / (sqrt(vhat) + epsilon)
///     m <- b1 m + (1 - b1) eta n,   r <- b1 r + (1 - b1) eta
///     theta <- theta - eta (m / r + lambda theta)
///
/// Ziyin, Wang and Ueda (2020), Algorithm 1, with the momentum of their program, which weighs each n with the learning
/// rate of its step: at a constant rate r = eta (1 - b1^t), and m / r is the paper's m / (1 - b1^t). It is FAdam's order
/// of momentum and division; where r is zero, before the first learning rate above zero, there is no step.
public struct LaProp: MomentRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 4e-4
    /// The decays, epsilon and the weight decay.
    public var moments = MomentOptions(epsilon: 1e-15, decouplesDecay: true)

    public init() {}

    public static let summary = RuleSummary(
        name: "laprop", title: "LaProp", source: "mini-batch gradient", structure: "diagonal",
        power: "1/2", momentum: "of the natural gradient", stateBytes: "8", cost: "P",
        neglects: "correlations, units", reference: "Ziyin, Wang, Ueda 2020")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, g) = (input.step, moments.gradient(of: input))
        let (b1, b2, eta) = (moments.beta1(t), moments.beta2(t), learningRate(t))
        let v = averaged(state["fisher"] ?? .zeros(like: g), square(of: g), decay: b2)
        let d = (v / (1 - pow(b2, Double(t)))).squareRoot() + moments.epsilon(t)
        let m = averaged(state["momentum"] ?? .zeros(like: g), quotient(g, d) * eta, decay: b1)
        let none = Tensor.zeros([], dtype: g.dtype, device: g.device)
        let r = averaged(state["rate"] ?? none, none + eta, decay: b1)
        (state["fisher"], state["momentum"], state["rate"]) = (v, m, r)
        return moments.update(along: quotient(m, r), divisor: d, of: input, learningRate: eta)
    }
}

extension LaProp: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["fisher"].map { $0 / (1 - pow(moments.beta2(step), Double(step))) }
    }
}
