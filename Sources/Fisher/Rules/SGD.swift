import FisherInformation
import Torch

/// Stochastic gradient descent: the Fisher information taken for the identity.
///
///     d = g + lambda theta
///     m = mu m + d                  (m = d at the first step)
///     theta <- theta - eta (d + mu m  with Nesterov's momentum, else m)
///
/// The decay is coupled: it passes through the momentum. With mu = 0 there is no state.
public struct SGD: TensorRule {
    /// eta.
    public var learningRate: Schedule = 1e-2
    /// mu, in [0, 1).
    public var momentum: Schedule = 0
    /// Whether the step looks ahead along the momentum (Sutskever et al. 2013).
    public var usesNesterov: Bool = false
    /// lambda.
    public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    public var auxiliary: AuxiliaryTreatment = .inGradient

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1e-2, momentum: Schedule = 0, usesNesterov: Bool = false,
        weightDecay: Schedule = 0, auxiliary: AuxiliaryTreatment = .inGradient
    ) throws(HyperparameterError) {
        self.init()
        self.learningRate = learningRate
        self.momentum = momentum
        self.usesNesterov = usesNesterov
        self.weightDecay = weightDecay
        self.auxiliary = auxiliary
        try validate()
    }

    public init() {}

    public static let summary = RuleSummary(
        name: "sgd", title: "SGD", source: "none", structure: "identity", power: "0",
        momentum: "of the gradient", stateBytes: "0, with momentum 4",
        cost: "P", neglects: "everything",
        reference: "Robbins, Monro 1951; Polyak 1964")

    public static let options: [RuleOption<SGD>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
        .schedule("momentum", \.momentum, .decay, "decay of the momentum"),
        .flag("uses_nesterov", \.usesNesterov, aliases: ["nesterov"], "look ahead along the momentum"),
        .schedule("weight_decay", \.weightDecay, .nonNegative, "coupled decay"),
        .choice("auxiliary", \.auxiliary, "how auxiliary gradients enter"),
    ]

    public func movement(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(auxiliary))
        let (eta, mu) = (learningRate(t), momentum(t))
        let lambda = input.decays ? weightDecay(t) : 0

        let d = lambda == 0 ? g : g + theta * lambda
        var step = d
        if mu != 0 || state["momentum"] != nil {
            let m = state["momentum"].map { $0 * mu + d } ?? d
            state["momentum"] = m
            step = usesNesterov ? d + m * mu : m
        }
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + a }
        return ParameterUpdate(change: step * -eta)
    }
}
