import FisherInformation
import FisherOptions
import Torch

/// Adagrad: the sum of all squared gradients as a diagonal, to the power 1/2.
///
///     g <- g + lambda theta
///     s <- s + g^2
///     theta <- theta - eta g / sqrt(s + epsilon)
///
/// Epsilon is inside the root. An element that never had a gradient does not move where epsilon is 0.
public struct Adagrad: TensorRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-2
    /// Number epsilon that is added inside the root.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "inside the root")
    public var epsilon: Schedule = 1e-10
    /// Decay lambda of the weights, added to the gradient.
    @Configurable("weight_decay", .nonNegative, "coupled decay") public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public var division: WorkDivision { .elements }

    public static let summary = RuleSummary(
        name: "adagrad", title: "Adagrad", source: "mini-batch gradient, summed", structure: "diagonal",
        power: "1/2", momentum: "none", stateBytes: "4", cost: "P",
        neglects: "correlations, units; forgets nothing",
        reference: "Duchi, Hazan, Singer 2011")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
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
