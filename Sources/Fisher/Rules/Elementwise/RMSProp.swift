import FisherInformation
import FisherOptions
import Torch

/// RMSProp: a moving average of the squared gradient as a diagonal, to the power 1/2.
///
///     g <- g + lambda theta
///     v <- beta v + (1 - beta) g^2
///     theta <- theta - eta g / (sqrt(v) + epsilon)
public struct RMSProp: TensorRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-2
    /// Decay beta of the average square, in [0, 1).
    @Configurable("beta", .decay, aliases: ["alpha"], "decay of the average") public var beta: Schedule = 0.99
    /// Number epsilon that is added to the root.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "added to the root")
    public var epsilon: Schedule = 1e-8
    /// Decay lambda of the weights, added to the gradient.
    @Configurable("weight_decay", .nonNegative, "coupled decay") public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public var division: WorkDivision { .elements }

    public static let summary = RuleSummary(
        name: "rmsprop", title: "RMSProp", source: "mini-batch gradient", structure: "diagonal",
        power: "1/2", momentum: "none", stateBytes: "4", cost: "P", neglects: "correlations, units",
        reference: "Tieleman, Hinton 2012")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
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
