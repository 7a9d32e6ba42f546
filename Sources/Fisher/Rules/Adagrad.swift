import FisherInformation
import Torch

/// Adagrad: the sum of all squared gradients as a diagonal, to the power 1/2.
///
///     g <- g + lambda theta
///     s <- s + g^2
///     theta <- theta - eta g / sqrt(s + epsilon)
///
/// Epsilon stands inside the root. An element that never had a gradient does not move where epsilon is 0.
public struct Adagrad: TensorRule {
    /// eta.
    public var learningRate: Schedule = 1e-2
    /// epsilon.
    public var epsilon: Schedule = 1e-10
    /// lambda, coupled.
    public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    public var auxiliary: AuxiliaryTreatment = .inGradient

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1e-2, epsilon: Schedule = 1e-10, weightDecay: Schedule = 0,
        auxiliary: AuxiliaryTreatment = .inGradient
    ) throws(HyperparameterError) {
        self.init()
        self.learningRate = learningRate
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.auxiliary = auxiliary
        try validate()
    }

    public init() {}

    public static let summary = RuleSummary(
        name: "adagrad", title: "Adagrad", source: "mini-batch gradient, summed", structure: "diagonal",
        power: "1/2", momentum: "none", stateBytes: "4", cost: "P",
        neglects: "correlations, units; forgets nothing",
        reference: "Duchi, Hazan, Singer 2011")

    public static let options: [RuleOption<Adagrad>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
        .schedule("epsilon", \.epsilon, .nonNegative, aliases: ["eps"], "inside the root"),
        .schedule("weight_decay", \.weightDecay, .nonNegative, "coupled decay"),
        .choice("auxiliary", \.auxiliary, "how auxiliary gradients enter"),
    ]

    public func movement(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta) = (input.step, input.parameter)
        let lambda = input.decays ? weightDecay(t) : 0

        let g = lambda == 0 ? input.gradient(auxiliary) : input.gradient(auxiliary) + theta * lambda
        let s = boundedSquare((state["sum"] ?? .zeros(like: g)) + square(of: g))
        let d = (s + epsilon(t)).squareRoot()
        state["sum"] = s
        var step = quotient(g, d)
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + quotient(a, d) }
        return ParameterUpdate(change: step * -learningRate(t))
    }
}
