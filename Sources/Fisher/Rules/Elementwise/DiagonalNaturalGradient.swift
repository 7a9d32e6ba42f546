import FisherInformation
import FisherOptions
import Torch

/// The natural gradient with a decaying diagonal.
///
///     f     <- b2 f + (1 - b2) F,   f_0 = 0
///     theta <- theta - eta g / (f + damping)
///
/// F is g^2 (`minibatch`) or another estimate of the diagonal. There is no root: the step is the natural gradient's, and
/// at `minibatch` the trajectory is that of Adam without bias correction, epsilon, root and momentum. Where f +
/// damping is zero, an element that no gradient has reached, there is no information and no step. Where gradients are
/// small an undamped step is large, as 1 / g: hence the small default of eta.
public struct DiagonalNaturalGradient: DiagonalSourceRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-6
    /// Decay b2 of the information f, in [0, 1).
    @Configurable("beta2", .decay, "how much of the Fisher information is kept")
    public var beta2: Schedule = 0.999
    /// Damping that is added to f.
    @Configurable("damping", .nonNegative, aliases: ["epsilon"], "added to the information")
    public var damping: Schedule = 0
    /// Where F comes from.
    public var estimate = DiagonalEstimate()
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public static let summary = RuleSummary(
        name: "diagonal_natural_gradient", title: "DiagonalNaturalGradient",
        source: "mini-batch gradient, or any",
        structure: "diagonal", power: "1", momentum: "none", stateBytes: "4",
        cost: "P", neglects: "correlations; units, by source",
        reference: "Amari 1998; Hwang 2024, Eq. 22")

    public func update(for input: RuleInput, diagonal: Tensor?, state: inout TensorState) -> ParameterUpdate {
        let (t, g) = (input.step, input.gradient(auxiliary))
        let f = averaged(
            state["fisher"] ?? .zeros(like: g), diagonal.map { boundedSquare($0) } ?? square(of: g),
            decay: beta2(t))
        state["fisher"] = f
        let metric = f + damping(t)
        var step = quotient(g, metric)
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + quotient(a, metric) }
        return ParameterUpdate(change: step * -learningRate(t))
    }
}
