import FisherInformation
import FisherOptions
import Foundation
import Torch

/// Adam: a moving average of the squared gradient as a diagonal Fisher information, to the power 1/2.
///
/// See ``AdamFamily``; the decay is coupled: g <- g + lambda theta.
public typealias Adam = AdamFamily<CoupledDecay>

/// AdamW: Adam with its weight decay decoupled.
///
/// See ``AdamFamily``; the decay is a step of its own: theta <- theta - eta lambda theta.
public typealias AdamW = AdamFamily<DecoupledDecay>

/// Adam and AdamW: a moving average of the squared gradient as a diagonal Fisher information, to the power 1/2.
///
///     g <- g + lambda theta                                              (Adam)
///     m <- b1 m + (1 - b1) g,       mhat = m / (1 - b1^t)
///     v <- b2 v + (1 - b2) g^2,     vhat = v / (1 - b2^t)
///     theta <- theta - eta mhat / (sqrt(vhat) + epsilon)                 (Adam)
///     theta <- theta - eta (mhat / (sqrt(vhat) + epsilon) + lambda theta)  (AdamW)
///
/// Kingma and Ba (2015), Algorithm 1; Loshchilov and Hutter (2019), Algorithm 2, with the decay scaled by eta
/// as in PyTorch. Hwang (2024) prints the bias corrections inside the recursion (Algorithm 3), which would
/// feed corrected averages back; this is the original. An option clips the step by its own RMS (`clip`),
/// others set the power of the information and switch the bias corrections off: without them, without
/// epsilon, at power 1 and b1 = 0 the rule is the diagonal natural gradient with forgetting. `gradientPower` is
/// that of GradPower (Wang et al. 2025), g <- sign(g) |g|^p before all else.
public struct AdamFamily<Decay: WeightDecayStyle>: TensorRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// Decay b1 of the momentum average, in [0, 1).
    @Configurable("beta1", .decay, "decay of the momentum") public var beta1: Schedule = 0.9
    /// Decay b2 of the average square, in [0, 1).
    @Configurable("beta2", .decay, "decay of the average square") public var beta2: Schedule = 0.999
    /// Number epsilon that is added to the root.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "added to the root")
    public var epsilon: Schedule = 1e-8
    /// Decay lambda of the weights, coupled or decoupled by `Decay`.
    @Configurable("weight_decay", .nonNegative, "decay of the weights")
    public var weightDecay: Schedule = Decay.defaultWeightDecay
    /// Largest RMS c of the step, u / max(1, RMS(u) / c); nil for no clipping.
    @Configurable("clip", .positive, "largest RMS of the step; none: no clip")
    public var clip: Double? = nil
    /// Power of v that divides, in (0, 1].
    @Configurable("power", .exponent, aliases: ["rho"], "power of the average square") public var power = 0.5
    /// The RMS of the step before its clip: its own, 1, or what the power 1/2 would have given.
    @Configurable("length", "RMS of the step before its clip") public var length = StepLength.own
    /// Power p of the gradient, sign(g) |g|^p, that enters in its place; 1 for the gradient itself.
    @Configurable("gradient_power", .positive, "power of the gradient that enters in its place")
    public var gradientPower = 1.0
    /// Whether both averages are corrected for their start at zero.
    @Configurable("corrects_bias", "correct both averages for their start at zero")
    public var correctsBias = true
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public var division: WorkDivision { .elements }

    public static var summary: RuleSummary {
        RuleSummary(
            name: Decay.isDecoupled ? "adamw" : "adam", title: Decay.isDecoupled ? "AdamW" : "Adam",
            source: "mini-batch gradient", structure: "diagonal", power: "1/2",
            momentum: "of the gradient", stateBytes: "8", cost: "P", neglects: "correlations, units",
            reference: Decay.isDecoupled ? "Loshchilov, Hutter 2019" : "Kingma, Ba 2015")
    }

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta) = (input.step, input.parameter)
        let (b1, b2) = (beta1(t), beta2(t))
        let lambda = input.decays ? weightDecay(t) : 0
        let correction1 = correctsBias ? 1 - pow(b1, Double(t)) : 1
        let correction2 = correctsBias ? 1 - pow(b2, Double(t)) : 1

        var g = powered(input.gradient(auxiliary))
        if lambda != 0, !Decay.isDecoupled { g = g + theta * lambda }
        let m = averaged(state["momentum"] ?? .zeros(like: g), g, decay: b1)
        let v = averaged(state["fisher"] ?? .zeros(like: g), square(of: g), decay: b2)
        state["momentum"] = m
        state["fisher"] = v
        let mean = m / correction1
        let d = raised(v / correction2, to: power) + epsilon(t)
        let divided = quotient(mean, d)
        let u = clipped(
            power == 0.5 && length == .squareRoot
                ? divided
                : length.applied(
                    to: divided, root: quotient(mean, (v / correction2).squareRoot() + epsilon(t))),
            to: clip)
        var step = u.value
        if let a = input.auxiliaryGradient(for: auxiliary) {
            step = step + clipped(quotient(a, d), to: clip).value
        }
        if lambda != 0, Decay.isDecoupled { step = step + theta * lambda }
        return ParameterUpdate(change: step * -learningRate(t), clipFactor: u.factor)
    }

    /// sign(g) |g|^p, finite; at p = 1 the gradient itself.
    private func powered(_ g: Tensor) -> Tensor {
        if gradientPower == 1 || g.failure != nil { return g }
        let size = g.magnitude()
        let greatest = g.dtype.greatestFiniteMagnitude / 2
        return quotient(g, size) * size.power(gradientPower).clamped(max: greatest)
    }
}
