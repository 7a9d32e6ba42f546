import FisherInformation
import FisherOptions
import Foundation
import Torch

/// AMSGrad: Adam whose information never decreases.
///
///     m <- b1 m + (1 - b1) g,       mhat = m / (1 - b1^t)
///     v <- b2 v + (1 - b2) g^2,     w <- max(w, v),    what = w / (1 - b2^t)
///     theta <- theta - eta mhat / (sqrt(what) + epsilon)
///
/// Reddi, Kale and Kumar (2018), Algorithm 2, without the projection. They print it without the bias corrections
/// (`correctsBias = false`); with them it is PyTorch's `Adam(amsgrad=True)`, and with `decouplesDecay` besides its
/// `AdamW(amsgrad=True)`.
public struct AMSGrad: MomentRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// The decays, epsilon and the weight decay.
    public var moments = MomentOptions()
    /// Whether both averages are corrected for their start at zero.
    @Configurable("corrects_bias", "correct both averages for their start at zero")
    public var correctsBias = true

    public init() {}

    public static let summary = RuleSummary(
        name: "amsgrad", title: "AMSGrad", source: "mini-batch gradient, largest average",
        structure: "diagonal", power: "1/2", momentum: "of the gradient", stateBytes: "12", cost: "P",
        neglects: "correlations, units; forgets nothing", reference: "Reddi, Kale, Kumar 2018")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, g) = (input.step, moments.gradient(of: input))
        let m = moments.momentum(of: g, at: t, state: &state)
        let v = averaged(state["fisher"] ?? .zeros(like: g), square(of: g), decay: moments.beta2(t))
        let w = (state["greatest"] ?? .zeros(like: g)).maximum(v)
        state["fisher"] = v
        state["greatest"] = w
        let d = (w / correction(moments.beta2, t)).squareRoot() + moments.epsilon(t)
        return moments.update(
            along: quotient(m / correction(moments.beta1, t), d), divisor: d, of: input,
            learningRate: learningRate(t))
    }

    private func correction(_ decay: Schedule, _ t: Int) -> Double {
        correctsBias ? 1 - pow(decay(t), Double(t)) : 1
    }
}

extension AMSGrad: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["greatest"].map { $0 / correction(moments.beta2, step) }
    }
}
