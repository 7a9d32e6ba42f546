// The fused steps of FAdam, FAdafactor and Adafactor.

import CKernels
import FisherInformation
import Foundation
import Torch

extension FAdam: FusedRule {
    var fusedObstacle: String? { estimate.fusedObstacle ?? metric.fusedObstacle }

    func fusedStep(_ input: FusedInput, state: inout TensorState) throws(TorchError) -> FusedStep {
        try metric.fusedStep(input, learningRate: learningRate, state: &state, factored: false)
    }
}

extension FAdafactor: FusedRule {
    var fusedObstacle: String? { estimate.fusedObstacle ?? metric.fusedObstacle }

    func fusedStep(_ input: FusedInput, state: inout TensorState) throws(TorchError) -> FusedStep {
        try metric.fusedStep(input, learningRate: learningRate, state: &state, factored: true)
    }
}

extension DiagonalEstimate {
    fileprivate var fusedObstacle: String? { source == .minibatch ? nil : "source \(source)" }
}

extension FisherMetric {
    fileprivate var fusedObstacle: String? {
        if momentumOrder != .natural { return "momentum_order \(momentumOrder.rawValue)" }
        if epsilonPolicy == .fractionOfMaximum { return "epsilon_policy \(epsilonPolicy.rawValue)" }
        if length == .squareRoot && power != 0.5 { return "length \(length.rawValue)" }
        return nil
    }

    fileprivate func fusedStep(
        _ input: FusedInput, learningRate: Schedule, state: inout TensorState, factored: Bool
    ) throws(TorchError) -> FusedStep {
        let (t, eta, b1) = (input.step, learningRate(input.step), beta1(input.step))
        let lambda = input.decays ? weightDecay(t) : 0
        let b2hat = correctedDecay(beta2(t), t)
        let addend = epsilonPolicy == .accumulated ? epsilon(t) : 0

        var k = ck_metric()
        (k.keep_f, k.take_f, k.add_f) = (Float(b2hat), Float(1 - b2hat), Float(addend))
        let epsilonHat =
            switch epsilonPolicy {
            case .adaptive, .fixed: epsilon(t)
            case .perSize: epsilon(t) / Double(max(input.parameter.count, 1))
            case .accumulated, .fractionOfMaximum: 0.0
            }
        (k.keep_m, k.take_m) = (Float(b1), Float(1 - b1))
        k.of_momentum = Float(correctsMomentumBias ? eta / (1 - pow(b1, Double(t))) : eta)
        k.of_theta = Float(decayMetric == .euclidean ? eta * lambda : 0)
        k.of_decay = Float(decayMetric == .natural ? eta * lambda : 0)
        return .metric(
            MetricStep(
                constants: k, power: power, epsilon: epsilonHat,
                momentum: try state.memory("momentum", input.stateShape, filledWith: 0),
                information: try state.information(
                    input, factored: factored, inside: 0, outside: addend),
                epsilonFraction: epsilonPolicy == .adaptive ? epsilon2(t) : nil, clip: clip,
                hasUnitLength: length == .unit))
    }
}

extension Adafactor: FusedRule {
    var fusedObstacle: String? { nil }

    func fusedStep(_ input: FusedInput, state: inout TensorState) throws(TorchError) -> FusedStep {
        let (t, b1) = (input.step, beta1(input.step))
        let b2hat = correctedDecay(beta2(t), t)
        var k = ck_metric()
        (k.keep_f, k.take_f) = (Float(b2hat), Float(1 - b2hat))
        k.add_f = Float((1 - b2hat) * epsilon(t))
        (k.keep_m, k.take_m) = (Float(b1), Float((1 - b1) * learningRate(t)))
        k.of_momentum = 1
        k.of_theta = Float(input.decays ? weightDecay(t) : 0)
        return .metric(
            MetricStep(
                constants: k, power: 0.5, epsilon: 0,
                momentum: try state.memory("momentum", input.stateShape, filledWith: 0),
                information: try state.information(
                    input, factored: true, inside: epsilon(t), outside: 0),
                reportsEpsilon: false, clip: clip))
    }
}

extension TensorState {
    /// The state of f: row and column sums of a matrix if the rule factors it, else the whole diagonal.
    fileprivate mutating func information(
        _ input: FusedInput, factored: Bool, inside: Double, outside: Double
    ) throws(TorchError) -> MetricStep.Information {
        let shape = input.parameter.shape
        guard factored, shape.count >= 2 else {
            return .full(try memory("fisher", input.stateShape, filledWith: 1))
        }
        return .factored(
            rows: try memory("rows", [shape[0]], filledWith: 1),
            columns: try memory("columns", [shape[1...].reduce(1, *)], filledWith: 1),
            inside: inside,
            outside: outside)
    }
}
