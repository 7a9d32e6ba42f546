// What AdaFisher and AdaFisherW share: everything but where the weight decay enters.

import CKernels
import FisherInformation
import Foundation
import NeuralNet
import Torch

/// How AdaFisher brings the diagonals of its factors onto one scale before it multiplies them.
public enum DiagonalNormalization: String, Codable, CaseIterable, Sendable {
    /// (v - min) / (max - min + 1e-6), as in the paper.
    case minMax = "min_max"
    /// v / (mean + 1e-6).
    case mean
    /// v: the information as it is.
    case none
}

/// Whose arithmetic AdaFisher follows.
public enum AdaFisherCompatibility: String, Codable, CaseIterable, Sendable {
    /// The paper's: raw diagonals are averaged and normalized at use.
    case paper
    /// The published code's: X_0 = 1, X <- 0.08 X + 0.008 n with n the normalized new diagonal. After two updates
    /// F lies within [damping, damping + 0.0001]: the step is nearly that of SGD at eta / damping.
    case officialCode = "official_code"
}

/// A rule that divides by the product of the diagonals of Kronecker factors, F = s (x) h + damping.
public protocol DiagonalKroneckerRule: CurvatureRule {
    /// b, in [0, 1): decay of the momentum.
    var beta: Schedule { get set }
    /// lambda of F.
    var damping: Schedule { get set }
    /// d, by which the diagonals are averaged, in [0, 1).
    var decay: Schedule { get set }
    /// Updates from one gathering of statistics to the next.
    var statisticsInterval: Int { get set }
    /// How the diagonals are brought onto one scale.
    var normalization: DiagonalNormalization { get set }
    /// Whose arithmetic is followed.
    var compatibility: AdaFisherCompatibility { get set }
    /// The decay of the weights.
    var weightDecay: Schedule { get set }
    /// Whether the decay is a step of its own; otherwise it is added to the gradient.
    static var decouplesDecay: Bool { get }
}

extension AdaFisher: FusedCurvatureRule {}
extension AdaFisherW: FusedCurvatureRule {}

extension DiagonalKroneckerRule {
    var fusedObstacle: String? { nil }

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
        (k.coupled, k.decay) = Self.decouplesDecay ? (0, lambda) : (lambda, 0)
        (k.keep_m, k.take_m) = (Float(beta(t)), Float(1 - beta(t)))
        k.correct_m = Float(1 / (1 - pow(beta(t), Double(t))))
        k.damping = Float(damping(t))
        k.rate = Float(learningRate(t))
        let momentum = try state.memory("momentum", input.parameter.shape, filledWith: 0)
        return (.divided(k, momentum: momentum, rows: rows, columns: columns), state)
    }

    public func requests(at step: Int) -> [CurvatureRequest] {
        guard isDue(step, every: statisticsInterval) else { return [] }
        return [.kroneckerDiagonal(.empirical)]
    }

    public func movements(_ group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        let t = group.step
        if isDue(t, every: statisticsInterval) { try gather(group, &state) }
        var moves = group.inputs.map { ParameterUpdate(change: .zeros(like: $0.parameter)) }
        for block in group.structure.layers where group.hasGradient[block.weight] {
            prepare(block, group, &state[block.weight])
            let own = state[block.weight]
            guard let a = own["inputs"], let s = own["outputs"] else { continue }
            let (h, rows) = (normalized(a), normalized(s))
            let width = block.bias == nil ? block.inputCount : block.inputCount - 1
            // Each parameter in its own shape: no matrix with a column of biases is made.
            let theta = group.inputs[block.weight]
            let columns = h.narrowed(0, from: 0, length: width)
            moves[block.weight] = movement(theta, t, &state[block.weight]) { m, scale in
                let f = rows.unsqueezed(1) * columns + damping(t)
                return (m.reshaped([block.outputCount, width]), f, scale, theta.parameter.shape)
            }
            if let bias = block.bias, group.hasGradient[bias] {
                moves[bias] = movement(group.inputs[bias], t, &state[bias]) { m, scale in
                    (m, rows * h.narrowed(0, from: width, length: 1) + damping(t), scale, m.shape)
                }
            }
        }
        for position in group.structure.others where group.hasGradient[position] {
            let input = group.inputs[position]
            prepare(input, &state[position])
            guard let f = state[position]["fisher"] else { continue }
            moves[position] = movement(input, t, &state[position]) { m, scale in
                (m, normalized(f) + damping(t), scale, m.shape)
            }
        }
        return moves
    }

    /// mhat / F with the decay, times -eta.
    private func movement(
        _ input: RuleInput, _ t: Int, _ state: inout TensorState,
        _ parts: (_ m: Tensor, _ scale: Double) -> (m: Tensor, f: Tensor, scale: Double, shape: [Int])
    ) -> ParameterUpdate {
        let lambda = input.decays ? weightDecay(t) : 0
        var g = input.gradient(.inGradient)
        if lambda != 0, !Self.decouplesDecay { g = g + input.parameter * lambda }
        let m = (state["momentum"] ?? .zeros(like: g)).interpolated(to: g, weight: 1 - beta(t))
        state["momentum"] = m
        let found = parts(m, -learningRate(t) / (1 - pow(beta(t), Double(t))))
        var change = boundedQuotient(found.m, found.f, scale: found.scale).reshaped(found.shape)
        if lambda != 0, Self.decouplesDecay { change = change - input.parameter * (learningRate(t) * lambda) }
        return ParameterUpdate(change: change)
    }

    /// scale x / f, zero where f is.
    private func boundedQuotient(_ x: Tensor, _ f: Tensor, scale: Double) -> Tensor {
        quotient(x, f) * scale
    }

    /// A vector on the scale that the options ask for.
    private func normalized(_ v: Tensor) -> Tensor {
        compatibility == .officialCode ? v : normalized(v, normalization)
    }

    private func normalized(_ v: Tensor, _ how: DiagonalNormalization) -> Tensor {
        if v.failure != nil || v.count == 0 { return v }
        switch how {
        case .minMax:
            let least = v.min()
            return (v - least) / (v.max() - least + 1e-6)
        case .mean: return v / (v.mean() + 1e-6)
        case .none: return v
        }
    }

    /// Takes the diagonals of the batch into the averages.
    private func gather(_ group: RuleGroup, _ state: inout [TensorState]) throws {
        let found = group.statistics.kroneckerDiagonal(.empirical)
        let (layers, others) = (found?.layers ?? [:], found?.others?.mean ?? [:])
        for block in group.structure.layers where group.hasGradient[block.weight] {
            guard let found = layers[block.path] else { continue }
            try update(
                ["inputs": found.a, "outputs": found.s], group.inputs[block.weight], group.step,
                &state[block.weight])
        }
        for position in group.structure.others where group.hasGradient[position] {
            guard let found = others[group.structure.paths[position]] else { continue }
            try update(["fisher": found], group.inputs[position], group.step, &state[position])
        }
    }

    private func update(
        _ found: [String: Tensor], _ input: RuleInput, _ t: Int, _ state: inout TensorState
    ) throws {
        let dtype = input.parameter.dtype
        let average = RunningAverage(weight: try state["age"]?.item() ?? 0, decay: decay(t))
        for (name, value) in found.sorted(by: { $0.key < $1.key }) {
            let value = boundedSquare(value.to(dtype: dtype))
            switch compatibility {
            case .paper:
                state[name] = try average.updated(
                    average.weight == 1 ? nil : state[name], with: value, over: 1)
            case .officialCode:
                state[name] = (state[name] ?? .ones(like: value)) * 0.08 + normalized(value, .minMax) * 0.008
            }
        }
        state["age"] = .full([], average.weight, dtype: dtype, device: input.parameter.device)
    }

    /// What a layer remembers where it is reached before any statistics of it were gathered.
    private func prepare(_ block: LayerBlock, _ group: RuleGroup, _ state: inout TensorState) {
        if state["age"] != nil { return }
        let theta = group.inputs[block.weight].parameter
        for (name, shape) in layerShapes(block) {
            state[name] = .full(shape, name == "age" ? 0 : 1, dtype: theta.dtype, device: theta.device)
        }
    }

    private func prepare(_ input: RuleInput, _ state: inout TensorState) {
        if state["age"] != nil { return }
        state["fisher"] = .ones(like: input.parameter)
        state["age"] = .zeros([], dtype: input.parameter.dtype, device: input.parameter.device)
    }

    private func layerShapes(_ block: LayerBlock) -> [String: [Int]] {
        ["inputs": [block.inputCount], "outputs": [block.outputCount], "age": []]
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        var shapes = structure.shapes.map { ["momentum": $0] }
        for block in structure.layers {
            shapes[block.weight].merge(layerShapes(block)) { first, _ in first }
        }
        for position in structure.others {
            shapes[position]["fisher"] = structure.shapes[position]
            shapes[position]["age"] = []
        }
        return shapes
    }

    public func notes(_ structure: GroupStructure) -> [String?] {
        let others = Set(structure.others)
        return structure.paths.indices.map { others.contains($0) ? "diagonal of its own" : nil }
    }

    static func diagonalKroneckerOptions() -> [RuleOption<Self>] {
        [
            .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
            .schedule("beta", \.beta, .decay, aliases: ["beta1"], "decay of the momentum"),
            .schedule("damping", \.damping, .nonNegative, "added to the information"),
            .schedule("decay", \.decay, .decay, "decay of the averages"),
            .integer(
                "statistics_interval", \.statisticsInterval, in: 1 ... .max,
                "updates from statistics to statistics"),
            .choice(
                "normalization", \.normalization, aliases: ["normalisation"],
                "how the diagonals are brought onto one scale"),
            .choice("compatibility", \.compatibility, "paper or official_code"),
            .schedule("weight_decay", \.weightDecay, .nonNegative, "decay of the weights"),
        ]
    }
}
