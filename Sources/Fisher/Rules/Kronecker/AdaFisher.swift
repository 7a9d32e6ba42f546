import FisherInformation
import FisherOptions
import Foundation
import NeuralNet
import Torch

/// How AdaFisher brings the diagonals of its factors onto one scale before it multiplies them.
public enum DiagonalNormalization: String, Codable, CaseIterable, OptionValue {
    /// (v - min) / (max - min + 1e-6), as in the paper.
    case minMax = "min_max"
    /// v / (mean + 1e-6).
    case mean
    /// v: the information as it is.
    case none
}

/// The source whose arithmetic AdaFisher follows.
public enum AdaFisherCompatibility: String, Codable, CaseIterable, OptionValue {
    /// The paper's: raw diagonals are averaged and normalized at use.
    case paper
    /// The published code's: X_0 = 1, X <- 0.08 X + 0.008 n with n the normalized new diagonal. After two updates
    /// F lies within [damping, damping + 0.0001]: the step is nearly that of SGD at eta / damping.
    case officialCode = "official_code"
}

/// AdaFisher: the gradient divided by the diagonals of K-FAC's factors.
///
/// See ``AdaFisherFamily``; the decay is coupled: g <- g + lambda theta.
public typealias AdaFisher = AdaFisherFamily<CoupledDecay>

/// AdaFisherW: AdaFisher with its weight decay decoupled.
///
/// See ``AdaFisherFamily``; the decay is a step of its own: theta <- theta - eta lambda theta.
public typealias AdaFisherW = AdaFisherFamily<DecoupledDecay>

/// AdaFisher and AdaFisherW: the gradient divided by the diagonals of K-FAC's factors.
///
///     h = average of diag A,  s = average of diag S,  each normalized at use: (v - min) / (max - min + 1e-6)
///     F = s (x) h + damping
///     g <- g + lambda theta                               (AdaFisher)
///     m <- b m + (1 - b) g,  mhat = m / (1 - b^t)
///     theta <- theta - eta mhat / F^power                       (AdaFisher)
///     theta <- theta - eta (mhat / F^power + lambda theta)      (AdaFisherW)
///
/// Gomes et al. (2025), Algorithm 1, where the power is 1. A is the mean of a a^T over a layer's inputs, S that of s s^T over the
/// gradients of -log p at the data's labels; F has the shape [outputs, inputs (+ 1)] of the layer's weight with its
/// bias, and no square root is taken; a power of 1/2 keeps it, as Adam's divisor does. Parameters of no linear layer or convolution have the diagonal of their
/// samples' squared gradients, normalized likewise: exact for LayerNorm and for BatchNorm in evaluation;
/// of their samples' contributions to the gradient of the batch for BatchNorm in training.
/// The authors' program computes something else; see `compatibility`.
public struct AdaFisherFamily<Decay: WeightDecayStyle>: CurvatureRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// Decay b of the momentum average, in [0, 1).
    @Configurable("beta", .decay, aliases: ["beta1"], "decay of the momentum") public var beta: Schedule = 0.9
    /// Damping that is added to F.
    @Configurable("damping", .nonNegative, "added to the information") public var damping: Schedule = 1e-3
    /// Power of F that divides, in (0, 1].
    @Configurable("power", .exponent, aliases: ["rho"], "power of the information") public var power = 1.0
    /// Decay d of the averages sum_k d^(t-k) x_k / sum_k d^(t-k), in [0, 1).
    @Configurable("decay", .decay, "decay of the averages") public var decay: Schedule = 0.92
    /// Number of updates between statistics.
    @Configurable("statistics_interval", .atLeast(1), "updates between statistics")
    public var statisticsInterval = 100
    /// How the diagonals are brought onto one scale.
    @Configurable(
        "normalization", aliases: ["normalisation"], "how the diagonals are brought onto one scale")
    public var normalization = DiagonalNormalization.minMax
    /// The source whose arithmetic is followed.
    @Configurable("compatibility", "paper or official_code")
    public var compatibility = AdaFisherCompatibility.paper
    /// Decay lambda of the weights, coupled or decoupled by `Decay`.
    @Configurable("weight_decay", .nonNegative, "decay of the weights")
    public var weightDecay: Schedule = Decay.defaultWeightDecay

    public init() {}

    public var division: WorkDivision { .layers }

    public static var summary: RuleSummary {
        RuleSummary(
            name: Decay.isDecoupled ? "adafisherw" : "adafisher",
            title: Decay.isDecoupled ? "AdaFisherW" : "AdaFisher", source: "labels",
            structure: "diagonals of Kronecker factors", power: "1 (power)", momentum: "of the gradient",
            stateBytes: "4", cost: "P; refresh B (m + n)",
            neglects: "correlations, dependence of inputs and output gradients",
            reference: "Gomes et al. 2025, Algorithm 1")
    }

    public func requests(at step: Int) -> [CurvatureRequest] {
        guard isDue(step, every: statisticsInterval) else { return [] }
        return [.kroneckerDiagonal(.empirical)]
    }

    public func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        let t = group.step
        if isDue(t, every: statisticsInterval) { try gather(group, &state) }
        var updates = group.inputs.map { ParameterUpdate(change: .zeros(like: $0.parameter)) }
        for block in group.structure.layers where group.hasGradient[block.weight] {
            prepare(block, group, &state[block.weight])
            let own = state[block.weight]
            guard let a = own["inputs"], let s = own["outputs"] else { continue }
            let (h, rows) = (normalized(a), normalized(s))
            let width = block.bias == nil ? block.inputCount : block.inputCount - 1
            // Each parameter in its own shape: no matrix with a column of biases is made.
            let theta = group.inputs[block.weight]
            let columns = h.narrowed(0, from: 0, length: width)
            updates[block.weight] = update(theta, t, &state[block.weight]) { m, scale in
                let f = rows.unsqueezed(1) * columns + damping(t)
                return (m.reshaped([block.outputCount, width]), f, scale, theta.parameter.shape)
            }
            if let bias = block.bias, group.hasGradient[bias] {
                updates[bias] = update(group.inputs[bias], t, &state[bias]) { m, scale in
                    (m, rows * h.narrowed(0, from: width, length: 1) + damping(t), scale, m.shape)
                }
            }
        }
        for position in group.structure.others where group.hasGradient[position] {
            let input = group.inputs[position]
            prepare(input, &state[position])
            guard let f = state[position]["fisher"] else { continue }
            updates[position] = update(input, t, &state[position]) { m, scale in
                (m, normalized(f) + damping(t), scale, m.shape)
            }
        }
        return updates
    }

    /// mhat / F^power with the decay, times -eta.
    private func update(
        _ input: RuleInput, _ t: Int, _ state: inout TensorState,
        _ parts: (_ m: Tensor, _ scale: Double) -> (m: Tensor, f: Tensor, scale: Double, shape: [Int])
    ) -> ParameterUpdate {
        let lambda = input.decays ? weightDecay(t) : 0
        var g = input.gradient(.inGradient)
        if lambda != 0, !Decay.isDecoupled { g = g + input.parameter * lambda }
        let m = (state["momentum"] ?? .zeros(like: g)).interpolated(to: g, weight: 1 - beta(t))
        state["momentum"] = m
        let found = parts(m, -learningRate(t) / (1 - pow(beta(t), Double(t))))
        var change = (quotient(found.m, raised(found.f, to: power)) * found.scale).reshaped(found.shape)
        if lambda != 0, Decay.isDecoupled { change = change - input.parameter * (learningRate(t) * lambda) }
        return ParameterUpdate(change: change)
    }

    /// A vector on the scale that the options ask for.
    func normalized(_ v: Tensor) -> Tensor {
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

    /// Adds the diagonals of the batch to the averages.
    private func gather(_ group: RuleGroup, _ state: inout [TensorState]) throws {
        let found = group.statistics.kroneckerDiagonal(.empirical)
        let (layers, others) = (found?.layers ?? [:], found?.others?.mean ?? [:])
        for block in group.structure.layers where group.hasGradient[block.weight] {
            guard let found = layers[block.path] else { continue }
            try average(
                ["inputs": found.a, "outputs": found.s], group.inputs[block.weight], group.step,
                &state[block.weight])
        }
        for position in group.structure.others where group.hasGradient[position] {
            guard let found = others[group.structure.paths[position]] else { continue }
            try average(["fisher": found], group.inputs[position], group.step, &state[position])
        }
    }

    private func average(
        _ found: [String: Tensor], _ input: RuleInput, _ t: Int, _ state: inout TensorState
    ) throws {
        let dtype = input.parameter.dtype
        let running = RunningAverage(weight: try state["age"]?.item() ?? 0, decay: decay(t))
        for (name, value) in found.sorted(by: { $0.key < $1.key }) {
            let value = boundedSquare(value.to(dtype: dtype))
            switch compatibility {
            case .paper:
                state[name] = try running.updated(
                    running.weight == 1 ? nil : state[name], with: value, over: 1)
            case .officialCode:
                state[name] = (state[name] ?? .ones(like: value)) * 0.08 + normalized(value, .minMax) * 0.008
            }
        }
        state["age"] = .full([], running.weight, dtype: dtype, device: input.parameter.device)
    }

    /// The state of a layer that receives a gradient before any statistics.
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
}
