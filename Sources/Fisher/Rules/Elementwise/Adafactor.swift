import FisherInformation
import FisherOptions
import Torch

/// Adafactor with momentum, as Hwang (2024) prints it (Algorithm 4), after Shazeer and Stern (2018).
///
///     R <- b2hat R + (1 - b2hat) (g^2 + epsilon) 1,   C <- b2hat C + (1 - b2hat) 1^T (g^2 + epsilon)
///     f  = R C / sum(R)
///     n  = g / sqrt(f),   n <- n / max(1, RMS(n) / c)
///     m <- b1 m + (1 - b1) eta n
///     theta <- theta - (m + lambda theta)
///
/// The decay is outside the learning rate: at lambda = 1e-3 and eta = 1e-3 it is a thousand times AdamW's.
/// `torch.optim.Adafactor` is another variant: steps relative to the parameter's RMS, no momentum, a decay
/// exponent in place of b2. Vectors and scalars keep the whole diagonal.
public struct Adafactor: TensorRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// Decay b1 of the momentum average, in [0, 1).
    @Configurable("beta1", .decay, "decay of the momentum") public var beta1: Schedule = 0.9
    /// Decay b2 of the average square, in [0, 1).
    @Configurable("beta2", .decay, "decay of the average square") public var beta2: Schedule = 0.999
    /// Number epsilon that is added to every g^2.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "added to the squared gradient")
    public var epsilon: Schedule = 1e-30
    /// Largest RMS c of the step; nil for no clipping.
    @Configurable("clip", .positive, "largest RMS of the step; none: no clip")
    public var clip: Double? = 1
    /// Decay lambda of the weights, not scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the weights, outside the step size")
    public var weightDecay: Schedule = 1e-3
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public static let summary = RuleSummary(
        name: "adafactor", title: "Adafactor", source: "mini-batch gradient", structure: "rank-one diagonal",
        power: "1/2", momentum: "of the natural gradient", stateBytes: "4, and 4 per row and column",
        cost: "P", neglects: "correlations, units, all but rank one of the diagonal",
        reference: "Shazeer, Stern 2018; Hwang 2024, Algorithm 4")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(auxiliary))
        let (eta, b1, eps) = (learningRate(t), beta1(t), epsilon(t))
        let lambda = input.decays ? weightDecay(t) : 0

        let b2hat = correctedDecay(beta2(t), t)
        let f =
            factoredSquare(g, decay: b2hat, epsilon: eps, state: &state)
            ?? fullSquare(g, decay: b2hat, epsilon: eps, state: &state)
        let d = f.squareRoot()
        let n = clipped(quotient(g, d), to: clip)
        let m = averaged(state["momentum"] ?? .zeros(like: g), n.value * eta, decay: b1)
        state["momentum"] = m
        var step = lambda == 0 ? m : m + theta * lambda
        if let a = input.auxiliaryGradient(for: auxiliary) {
            step = step + clipped(quotient(a, d), to: clip).value * eta
        }
        return ParameterUpdate(change: -step, clipFactor: n.factor)
    }

    private func fullSquare(_ g: Tensor, decay: Double, epsilon: Double, state: inout TensorState) -> Tensor {
        let f = averaged(state["fisher"] ?? .ones(like: g), square(of: g) + epsilon, decay: decay)
        state["fisher"] = f
        return f
    }
}
