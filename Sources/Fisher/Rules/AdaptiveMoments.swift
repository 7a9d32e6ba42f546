// The step that Adam and AdamW share.

import FisherInformation
import Foundation
import Torch

/// Adam's options, which AdamW has too.
protocol AdaptiveMomentRule: TensorRule {
    var beta1: Schedule { get set }
    var beta2: Schedule { get set }
    var epsilon: Schedule { get set }
    var weightDecay: Schedule { get set }
    var clip: Double? { get set }
    var power: Double { get set }
    var correctsBias: Bool { get set }
    var auxiliary: AuxiliaryTreatment { get set }
}

extension Adam: AdaptiveMomentRule {}
extension AdamW: AdaptiveMomentRule {}

extension AdaptiveMomentRule {
    static func adaptiveMomentOptions() -> [RuleOption<Self>] {
        [
            .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
            .schedule("beta1", \.beta1, .decay, "decay of the momentum"),
            .schedule("beta2", \.beta2, .decay, "decay of the average square"),
            .schedule("epsilon", \.epsilon, .nonNegative, aliases: ["eps"], "added to the root"),
            .schedule("weight_decay", \.weightDecay, .nonNegative, "decay of the weights"),
            .optional("clip", \.clip, .positive, "largest RMS of the step"),
            .number("power", \.power, .exponent, aliases: ["rho"], "power of the average square"),
            .flag("corrects_bias", \.correctsBias, "correct both averages for their start at zero"),
            .choice("auxiliary", \.auxiliary, "how auxiliary gradients enter"),
        ]
    }

    /// mhat / (vhat^power + epsilon), clipped; auxiliary gradients that bypass are divided alike.
    func adaptiveMomentStep(
        _ g: Tensor, _ input: RuleInput, state: inout TensorState
    ) -> (value: Tensor, factor: Tensor?) {
        let t = input.step
        let (b1, b2) = (beta1(t), beta2(t))
        let correction1 = correctsBias ? 1 - pow(b1, Double(t)) : 1
        let correction2 = correctsBias ? 1 - pow(b2, Double(t)) : 1

        let m = averaged(state["momentum"] ?? .zeros(like: g), g, decay: b1)
        let v = averaged(state["fisher"] ?? .zeros(like: g), square(of: g), decay: b2)
        state["momentum"] = m
        state["fisher"] = v
        let d = raised(v / correction2, to: power) + epsilon(t)
        let u = clipped(quotient(m / correction1, d), to: clip)
        guard let a = input.auxiliaryGradient(for: auxiliary) else { return u }
        return (u.value + clipped(quotient(a, d), to: clip).value, u.factor)
    }
}
