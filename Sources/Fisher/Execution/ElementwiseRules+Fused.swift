// The fused steps of the rules that need no sum over a tensor before they update it.

import CKernels
import FisherInformation
import Foundation
import Torch

extension SGD: FusedRule {
    var fusedObstacle: String? { nil }
    var hasCardLoops: Bool { false }

    func fusedStep(_ input: FusedInput, state: inout TensorState) throws(TorchError) -> FusedStep {
        let (t, mu) = (input.step, momentum(input.step))
        var k = ck_plain()
        k.rate = Float(learningRate(t))
        k.coupled = Float(input.decays ? weightDecay(t) : 0)
        guard mu != 0 || state["momentum"] != nil else {
            k.of_gradient = 1
            return .plain(k, momentum: nil)
        }
        k.mu = Float(mu)
        k.of_gradient = usesNesterov ? 1 : 0
        k.of_momentum = usesNesterov ? Float(mu) : 1
        return .plain(k, momentum: try state.memory("momentum", input.stateShape, filledWith: 0))
    }
}

extension Adagrad: FusedRule {
    var fusedObstacle: String? { nil }

    func fusedStep(_ input: FusedInput, state: inout TensorState) throws(TorchError) -> FusedStep {
        let t = input.step
        var k = ck_adaptive()
        k.coupled = Float(input.decays ? weightDecay(t) : 0)
        (k.keep_v, k.take_v, k.correct_v) = (1, 1, 1)
        k.inside = Float(epsilon(t))
        k.rate = Float(learningRate(t))
        k.guard()
        return .adaptive(
            k, momentum: nil, square: try state.memory("sum", input.stateShape, filledWith: 0))
    }
}

extension RMSProp: FusedRule {
    var fusedObstacle: String? { nil }

    func fusedStep(_ input: FusedInput, state: inout TensorState) throws(TorchError) -> FusedStep {
        let t = input.step
        var k = ck_adaptive()
        k.coupled = Float(input.decays ? weightDecay(t) : 0)
        (k.keep_v, k.take_v, k.correct_v) = (Float(beta(t)), Float(1 - beta(t)), 1)
        k.outside = Float(epsilon(t))
        k.rate = Float(learningRate(t))
        k.guard()
        return .adaptive(
            k, momentum: nil, square: try state.memory("average", input.stateShape, filledWith: 0))
    }
}

extension AdamFamily: FusedRule {
    var fusedObstacle: String? {
        if power != 0.5 { return "power \(power)" }
        if length == .unit { return "length \(length.rawValue)" }
        if gradientPower != 1 { return "gradient_power \(gradientPower)" }
        return clip.map { "clip \($0)" }
    }

    func fusedStep(_ input: FusedInput, state: inout TensorState) throws(TorchError) -> FusedStep {
        let t = input.step
        let (b1, b2) = (beta1(t), beta2(t))
        let lambda = Float(input.decays ? weightDecay(t) : 0)
        var k = ck_adaptive()
        (k.coupled, k.decay) = Decay.isDecoupled ? (0, lambda) : (lambda, 0)
        (k.keep_m, k.take_m) = (Float(b1), Float(1 - b1))
        k.correct_m = Float(correctsBias ? 1 / (1 - pow(b1, Double(t))) : 1)
        (k.keep_v, k.take_v) = (Float(b2), Float(1 - b2))
        k.correct_v = Float(correctsBias ? 1 / (1 - pow(b2, Double(t))) : 1)
        k.outside = Float(epsilon(t))
        k.rate = Float(learningRate(t))
        k.guard()
        return .adaptive(
            k, momentum: try state.memory("momentum", input.stateShape, filledWith: 0),
            square: try state.memory("fisher", input.stateShape, filledWith: 0))
    }
}

extension ck_adaptive {
    /// Enables guards if a divisor may be close to zero.
    fileprivate mutating func `guard`() { guarded = outside + inside.squareRoot() < leastUnguardedDivisor }
}
