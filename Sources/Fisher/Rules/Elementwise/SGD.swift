import FisherInformation
import FisherOptions
import Torch

/// Stochastic gradient descent: the Fisher information taken for the identity.
///
///     d = g + lambda theta
///     m = mu m + d                  (m = d at the first step)
///     theta <- theta - eta (d + mu m  with Nesterov's momentum, else m)
///
/// The decay is coupled: it passes through the momentum. With mu = 0 there is no state.
public struct SGD: TensorRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-2
    /// Decay mu of the momentum, in [0, 1).
    @Configurable("momentum", .decay, "decay of the momentum") public var momentum: Schedule = 0
    /// Whether the step looks ahead along the momentum (Sutskever et al. 2013).
    @Configurable("uses_nesterov", aliases: ["nesterov"], "look ahead along the momentum")
    public var usesNesterov = false
    /// Decay lambda of the weights, added to the gradient.
    @Configurable("weight_decay", .nonNegative, "coupled decay") public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public var division: WorkDivision { .elements }

    public static let summary = RuleSummary(
        name: "sgd", title: "SGD", source: "none", structure: "identity", power: "0",
        momentum: "of the gradient", stateBytes: "0, with momentum 4",
        cost: "P", neglects: "everything",
        reference: "Robbins, Monro 1951; Polyak 1964")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
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
