import FisherInformation
import Torch

/// Adafactor with momentum, as Hwang (2024) prints it (Algorithm 4), after Shazeer and Stern (2018).
///
///     R <- b2hat R + (1 - b2hat) (g^2 + epsilon) 1,   C <- b2hat C + (1 - b2hat) 1^T (g^2 + epsilon)
///     f  = R C / sum(R)
///     n  = g / sqrt(f),   n <- n / max(1, RMS(n) / c)
///     m <- b1 m + (1 - b1) eta n
///     theta <- theta - (m + lambda theta)
///
/// The decay stands outside the learning rate: at lambda = 1e-3 and eta = 1e-3 it is a thousand times
/// AdamW's. `torch.optim.Adafactor` is another variant: steps relative to the parameter's RMS, no momentum,
/// a decay exponent in place of b2. Vectors and scalars keep the whole diagonal.
public struct Adafactor: TensorRule {
    /// eta.
    public var learningRate: Schedule = 1e-3
    /// b1, in [0, 1).
    public var beta1: Schedule = 0.9
    /// b2, in [0, 1).
    public var beta2: Schedule = 0.999
    /// epsilon, added to g^2.
    public var epsilon: Schedule = 1e-30
    /// c; no clipping where it is missing.
    public var clip: Double? = 1
    /// lambda, not scaled by eta.
    public var weightDecay: Schedule = 1e-3
    /// How the gradient of an auxiliary objective enters.
    public var auxiliary: AuxiliaryTreatment = .inGradient

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1e-3, beta1: Schedule = 0.9, beta2: Schedule = 0.999,
        epsilon: Schedule = 1e-30, clip: Double? = 1, weightDecay: Schedule = 1e-3,
        auxiliary: AuxiliaryTreatment = .inGradient
    ) throws(HyperparameterError) {
        self.init()
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.clip = clip
        self.weightDecay = weightDecay
        self.auxiliary = auxiliary
        try validate()
    }

    public init() {}

    public static let summary = RuleSummary(
        name: "adafactor", title: "Adafactor", source: "mini-batch gradient", structure: "rank-one diagonal",
        power: "1/2", momentum: "of the natural gradient", stateBytes: "4, and 4 a row and column",
        cost: "P", neglects: "correlations, units, all but rank one of the diagonal",
        reference: "Shazeer, Stern 2018; Hwang 2024, Algorithm 4")

    public static let options: [RuleOption<Adafactor>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
        .schedule("beta1", \.beta1, .decay, "decay of the momentum"),
        .schedule("beta2", \.beta2, .decay, "decay of the average square"),
        .schedule("epsilon", \.epsilon, .nonNegative, aliases: ["eps"], "added to the squared gradient"),
        .optional("clip", \.clip, .positive, "largest RMS of the step"),
        .schedule("weight_decay", \.weightDecay, .nonNegative, "decay of the weights, outside the step size"),
        .choice("auxiliary", \.auxiliary, "how auxiliary gradients enter"),
    ]

    public func movement(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate {
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
