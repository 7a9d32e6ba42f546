import FisherInformation
import FisherOptions
import Torch

/// AdaDelta: RMSProp whose step size is the root of the average square of its own steps.
///
///     g <- g + lambda theta
///     v <- b v + (1 - b) g^2
///     delta = sqrt(s + epsilon) / sqrt(v + epsilon) g
///     s <- b s + (1 - b) delta^2
///     theta <- theta - eta delta
///
/// Zeiler (2012), Algorithm 1, which has eta = 1: a step has the unit of theta, whatever that of the loss. Epsilon is
/// inside both roots, and sets the size of the first steps.
public struct AdaDelta: TensorRule {
    /// Factor eta of the steps, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "factor of the steps")
    public var learningRate: Schedule = 1
    /// Decay b of both averages, in [0, 1).
    @Configurable("beta", .decay, aliases: ["rho"], "decay of both averages") public var beta: Schedule = 0.9
    /// Number epsilon inside both roots.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "inside both roots")
    public var epsilon: Schedule = 1e-6
    /// Decay lambda of the weights, added to the gradient.
    @Configurable("weight_decay", .nonNegative, "coupled decay") public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public static let summary = RuleSummary(
        name: "adadelta", title: "AdaDelta", source: "mini-batch gradient", structure: "diagonal",
        power: "1/2", momentum: "none", stateBytes: "8", cost: "P", neglects: "correlations, units",
        reference: "Zeiler 2012")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta) = (input.step, input.parameter)
        let lambda = input.decays ? weightDecay(t) : 0

        let g = lambda == 0 ? input.gradient(auxiliary) : input.gradient(auxiliary) + theta * lambda
        let v = averaged(state["average"] ?? .zeros(like: g), square(of: g), decay: beta(t))
        let d = (v + epsilon(t)).squareRoot()
        let s = state["steps"] ?? .zeros(like: g)
        let size = (s + epsilon(t)).squareRoot()
        let delta = quotient(g, d) * size
        state["average"] = v
        state["steps"] = averaged(s, square(of: delta), decay: beta(t))
        var step = delta
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + quotient(a, d) * size }
        return ParameterUpdate(change: step * -learningRate(t))
    }
}

extension AdaDelta: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["average"]
    }
}
