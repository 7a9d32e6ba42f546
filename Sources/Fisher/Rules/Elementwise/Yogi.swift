import FisherInformation
import FisherOptions
import Foundation
import Torch

/// Yogi: Adam whose information grows and shrinks by at most (1 - b2) g^2.
///
///     m <- b1 m + (1 - b1) g
///     v <- v - (1 - b2) sign(v - g^2) g^2,     v_0 = initial_square
///     theta <- theta - eta c m / (sqrt(v) + epsilon),     c = 1, or sqrt(1 - b2^t) / (1 - b1^t)
///
/// Zaheer, Reddi, Sachan, Kale and Kumar (2018), Algorithm 2, which has c = 1. Where gradients become small v shrinks
/// as slowly as they are, so that the step size does not jump as Adam's does. v_0 and the factor c of `correctsBias` are
/// those of the authors' program.
public struct Yogi: MomentRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-2
    /// The decays, epsilon and the weight decay.
    public var moments = MomentOptions(epsilon: 1e-3)
    /// The value v_0 of the information before the first gradient.
    @Configurable(
        "initial_square", .nonNegative, aliases: ["initial_accumulator_value"],
        "information before the first gradient")
    public var initialSquare = 1e-6
    /// Whether the step has Adam's corrections for averages that start at zero.
    @Configurable("corrects_bias", "correct as if both averages started at zero")
    public var correctsBias = false

    public init() {}

    public static let summary = RuleSummary(
        name: "yogi", title: "Yogi", source: "mini-batch gradient", structure: "diagonal",
        power: "1/2", momentum: "of the gradient", stateBytes: "8", cost: "P",
        neglects: "correlations, units", reference: "Zaheer et al. 2018")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, g) = (input.step, moments.gradient(of: input))
        let (b1, b2) = (moments.beta1(t), moments.beta2(t))
        let m = moments.momentum(of: g, at: t, state: &state)
        let squares = square(of: g)
        let former = state["fisher"] ?? .full(like: g, initialSquare)
        let excess = former - squares
        let v = former - quotient(excess, excess.magnitude()) * squares * (1 - b2)
        state["fisher"] = v
        let d = v.squareRoot() + moments.epsilon(t)
        let c = correctsBias ? (1 - pow(b2, Double(t))).squareRoot() / (1 - pow(b1, Double(t))) : 1
        return moments.update(
            along: quotient(m * c, d), divisor: d, of: input, learningRate: learningRate(t))
    }
}

extension Yogi: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["fisher"]
    }
}
