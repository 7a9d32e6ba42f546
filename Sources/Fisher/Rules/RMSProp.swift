import FisherInformation
import Torch

/// RMSProp: a moving average of the squared gradient as a diagonal, to the power 1/2.
///
///     g <- g + lambda theta
///     v <- beta v + (1 - beta) g^2
///     theta <- theta - eta g / (sqrt(v) + epsilon)
public struct RMSProp: TensorRule {
    /// eta.
    public var learningRate: Schedule = 1e-2
    /// beta, in [0, 1).
    public var beta: Schedule = 0.99
    /// epsilon.
    public var epsilon: Schedule = 1e-8
    /// lambda, coupled.
    public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    public var auxiliary: AuxiliaryTreatment = .inGradient

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1e-2, beta: Schedule = 0.99, epsilon: Schedule = 1e-8,
        weightDecay: Schedule = 0, auxiliary: AuxiliaryTreatment = .inGradient
    ) throws(HyperparameterError) {
        self.init()
        self.learningRate = learningRate
        self.beta = beta
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.auxiliary = auxiliary
        try validate()
    }

    public init() {}

    public static let summary = RuleSummary(
        name: "rmsprop", title: "RMSProp", source: "mini-batch gradient", structure: "diagonal",
        power: "1/2", momentum: "none", stateBytes: "4", cost: "P", neglects: "correlations, units",
        reference: "Tieleman, Hinton 2012")

    public static let options: [RuleOption<RMSProp>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
        .schedule("beta", \.beta, .decay, aliases: ["alpha"], "decay of the average"),
        .schedule("epsilon", \.epsilon, .nonNegative, aliases: ["eps"], "added to the root"),
        .schedule("weight_decay", \.weightDecay, .nonNegative, "coupled decay"),
        .choice("auxiliary", \.auxiliary, "how auxiliary gradients enter"),
    ]

    public func movement(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta) = (input.step, input.parameter)
        let lambda = input.decays ? weightDecay(t) : 0

        let g = lambda == 0 ? input.gradient(auxiliary) : input.gradient(auxiliary) + theta * lambda
        let v = averaged(state["average"] ?? .zeros(like: g), square(of: g), decay: beta(t))
        let d = v.squareRoot() + epsilon(t)
        state["average"] = v
        var step = quotient(g, d)
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + quotient(a, d) }
        return ParameterUpdate(change: step * -learningRate(t))
    }
}
