import Fisher

/// Lion: the sign of an interpolation between momentum and gradient.
///
///     c <- beta1 m + (1 - beta1) g
///     theta <- theta - eta (c / |c| + lambda theta)
///     m <- beta2 m + (1 - beta2) g
public struct Lion: TensorRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-4
    /// Share beta1 of the momentum in the update, in [0, 1).
    @Configurable("beta1", .decay, "share of the momentum in the update")
    public var beta1: Schedule = 0.9
    /// Decay beta2 of the momentum average, in [0, 1).
    @Configurable("beta2", .decay, "decay of the momentum average")
    public var beta2: Schedule = 0.99
    /// Decay lambda of the weights, scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the weights")
    public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public static let summary = RuleSummary(
        name: "lion", title: "Lion", source: "none", structure: "identity", power: "0",
        momentum: "of the gradient", stateBytes: "4", cost: "P", neglects: "everything",
        reference: "Chen et al. 2023")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(auxiliary))
        let lambda = input.decays ? weightDecay(t) : 0

        let m = state["momentum"] ?? .zeros(like: g)
        let c = averaged(m, g, decay: beta1(t))
        state["momentum"] = averaged(m, g, decay: beta2(t))
        var step = quotient(c, c.magnitude())
        if lambda != 0 { step = step + theta * lambda }
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + quotient(a, a.magnitude()) }
        return ParameterUpdate(change: step * -learningRate(t))
    }
}
