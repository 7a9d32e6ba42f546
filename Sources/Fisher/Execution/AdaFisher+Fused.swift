// The fused step of AdaFisher and AdaFisherW, for updates without statistics.

import CKernels
import FisherInformation
import Foundation
import Torch

extension AdaFisherFamily: FusedCurvatureRule {
    var fusedObstacle: String? { power == 1 || power == 0.5 ? nil : "power \(power)" }

    func fusedSteps(
        _ structure: GroupStructure, _ inputs: [FusedInput?], at step: Int, state: [TensorState]
    ) throws(TorchError) -> [(step: FusedStep, state: TensorState)?]? {
        if isDue(step, every: statisticsInterval) { return nil }
        var found = [(step: FusedStep, state: TensorState)?](repeating: nil, count: inputs.count)
        for block in structure.layers where inputs[block.weight] != nil {
            let own = state[block.weight]
            guard let a = own["inputs"], let s = own["outputs"], own["age"] != nil else { return nil }
            let (h, rows) = (normalized(a), normalized(s).contiguous())
            let width = block.bias == nil ? block.inputCount : block.inputCount - 1
            found[block.weight] = try fusedStep(
                inputs[block.weight], step, own, rows: rows, columns: h.narrowed(0, from: 0, length: width))
            if let bias = block.bias {
                found[bias] = try fusedStep(
                    inputs[bias], step, state[bias], rows: h.narrowed(0, from: width, length: 1).copy(),
                    columns: rows)
            }
        }
        for position in structure.others where inputs[position] != nil {
            guard let f = state[position]["fisher"] else { return nil }
            found[position] = try fusedStep(
                inputs[position], step, state[position], rows: .ones([1], device: f.device),
                columns: normalized(f).flattened().contiguous())
        }
        return found
    }

    private func fusedStep(
        _ input: FusedInput?, _ t: Int, _ former: TensorState, rows: Tensor, columns: Tensor
    ) throws(TorchError) -> (step: FusedStep, state: TensorState)? {
        guard let input else { return nil }
        try rows.check()
        try columns.check()
        var state = former
        var k = ck_divided()
        let lambda = Float(input.decays ? weightDecay(t) : 0)
        (k.coupled, k.decay) = Decay.isDecoupled ? (0, lambda) : (lambda, 0)
        (k.keep_m, k.take_m) = (Float(beta(t)), Float(1 - beta(t)))
        k.correct_m = Float(1 / (1 - pow(beta(t), Double(t))))
        k.damping = Float(damping(t))
        k.rooted = power == 0.5
        k.rate = Float(learningRate(t))
        let momentum = try state.memory("momentum", input.parameter.shape, filledWith: 0)
        return (.divided(k, momentum: momentum, rows: rows, columns: columns), state)
    }
}
