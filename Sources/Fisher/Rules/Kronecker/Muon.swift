import FisherInformation
import FisherOptions
import NeuralNet
import Torch

/// How Muon's step is scaled to a matrix's shape.
public enum MuonScale: String, Codable, CaseIterable, OptionValue {
    /// sqrt(max(1, rows / columns)): a step of spectral norm about eta on the output's scale (Jordan et al. 2024).
    case spectral
    /// 0.2 sqrt(max(rows, columns)): a step of RMS about 0.2 eta, near AdamW's (Liu et al. 2025), so that
    /// AdamW's learning rate and decay can be kept.
    case matchRMS = "match_rms"
}

/// Muon: the momentum of a matrix replaced by (nearly) its orthogonal polar factor.
///
///     B <- mu B + (1 - mu) G
///     U  = (1 - mu) G + mu B        (Nesterov; else U = B)
///     theta <- theta - eta (s NS(U) + lambda theta),   s = sqrt(max(1, rows / columns))
///
/// NS takes X = U / (|U|_F + epsilon), transposed if it is tall, through five steps of
/// X <- a X + (b M + c M^2) X with M = X X^T and (a, b, c) = (3.4445, -4.7750, 2.0315), which bring all
/// singular values in [0.01, 1] into [0.68, 1.13]. It is steepest descent in the spectral norm, not an estimate of second moments;
/// without momentum, and with the exact polar factor, it is one-step Shampoo.
///
/// Jordan et al. (2024), "Muon: An optimizer for hidden layers in neural networks". A tensor of rank above two is
/// a matrix of its first dimension by the rest. Vectors and scalars move by `fallback`, at the same eta.
/// For a whole model use `groups(for:)`, which leaves embeddings and heads to the fallback too.
public struct Muon: OptimizationRule {
    /// Step size eta on the scale that `scale` sets: for `.spectral` about 0.02, for `.matchRMS` AdamW's.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 2e-2
    /// Decay mu of the momentum average, in [0, 1).
    @Configurable("momentum", .decay, "decay of the momentum") public var momentum: Schedule = 0.95
    /// Whether the step looks ahead along the momentum.
    @Configurable("uses_nesterov", aliases: ["nesterov"], "look ahead along the momentum")
    public var usesNesterov = true
    /// Number of Newton-Schulz steps, from 1 to 100.
    @Configurable(
        "newton_schulz_steps", .between(1, 100), aliases: ["ns_steps"], "steps towards the polar factor")
    public var newtonSchulzSteps = 5
    /// Precision of the Newton-Schulz steps for float32 parameters.
    @Configurable("precision", "precision of those steps for float32")
    public var precision = MuonPrecision.full
    /// Number epsilon that is added to the Frobenius norm.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "added to the Frobenius norm")
    public var epsilon: Schedule = 1e-7
    /// How the step is scaled to the matrix's shape.
    @Configurable("scale", "how the step follows the matrix's shape") public var scale = MuonScale.spectral
    /// Decay lambda of the matrices, decoupled from the gradient, scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the matrices") public var weightDecay: Schedule = 0
    /// Rule of the parameters that are not matrices, at the same learning rate.
    @Configurable("fallback", .gradientRules, "the rule of parameters that are not matrices")
    public var fallback = BaseRule.fadam
    /// The largest learning rate of that rule, whose course is this one's; nil for the same rate.
    @Configurable("fallback_learning_rate", .positive, "its largest learning rate; none: the same")
    public var fallbackLearningRate: Double? = nil
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public func workload(of shape: [Int]) -> Double {
        let count = Double(shape.reduce(1, *))
        return shape.count < 2 ? count : 30 * count * min(Double(shape[0]), count / Double(max(shape[0], 1)))
    }

    public static let summary = RuleSummary(
        name: "muon", title: "Muon", source: "mini-batch gradient", structure: "matrix, of this step alone",
        power: "polar factor", momentum: "of the gradient", stateBytes: "4",
        cost: "30 m n min(m, n)", neglects: "units, all earlier spectra",
        reference: "Jordan et al. 2024")

    public func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        let matrices = group.indices.filter { group[$0].parameter.rank >= 2 }
        let others = group.indices.filter { group[$0].parameter.rank < 2 }
        var updates = [ParameterUpdate?](repeating: nil, count: group.count)

        let moved = concurrently(costs: matrices.map { cost(of: group[$0].parameter) }) { k in
            var own = state[matrices[k]]
            let update = update(ofMatrix: group[matrices[k]], state: &own)
            return (update, own)
        }
        for (k, (update, own)) in zip(matrices, moved) { (updates[k], state[k]) = (update, own) }

        var otherStates = others.map { state[$0] }
        let otherUpdates = fallbackRule.updates(for: others.map { group[$0] }, state: &otherStates)
        for (place, k) in others.enumerated() {
            (updates[k], state[k]) = (otherUpdates[place], otherStates[place])
        }
        return updates.compactMap(\.self)
    }

    private func update(ofMatrix input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(auxiliary))
        let (eta, mu) = (learningRate(t), momentum(t))
        let lambda = input.decays ? weightDecay(t) : 0

        let b = (state["momentum"] ?? .zeros(like: g)).interpolated(to: g, weight: 1 - mu)
        state["momentum"] = b
        let u = usesNesterov ? g.interpolated(to: b, weight: mu) : b
        var step = orthogonalized(u, t, times: -eta * shapeScale(theta))
        if lambda != 0 { step = step - theta * (eta * lambda) }
        if let a = input.auxiliaryGradient(for: auxiliary) {
            step = step + orthogonalized(a, t, times: -eta * shapeScale(theta))
        }
        return ParameterUpdate(change: step)
    }

    private func orthogonalized(_ u: Tensor, _ t: Int, times factor: Double) -> Tensor {
        guard u.failure == nil else { return u }
        let iteration = NewtonSchulz(
            steps: newtonSchulzSteps, epsilon: epsilon(t),
            inBFloat16: precision == .bfloat16 && u.dtype == .float32)
        return iteration(u.flattened(from: 1), times: factor).reshaped(u.shape)
    }

    private func shapeScale(_ theta: Tensor) -> Double {
        let rows = Double(theta.shape[0])
        let columns = Double(theta.shape.dropFirst().reduce(1, *))
        return switch scale {
        case .spectral: Swift.max(1, rows / Swift.max(columns, 1)).squareRoot()
        case .matchRMS: 0.2 * Swift.max(rows, columns).squareRoot()
        }
    }

    /// About the multiplications of a Newton-Schulz step.
    private func cost(of theta: Tensor) -> Double {
        let rows = theta.shape[0]
        let columns = theta.shape.dropFirst().reduce(1, *)
        return Double(theta.count) * Double(Swift.min(rows, columns))
    }

    /// The rule of parameters that are not matrices, at this one's learning rate or its own.
    public var fallbackRule: any OptimizationRule {
        fallback.rule(
            learningRate: fallbackLearningRate.map { learningRate.scaled(toPeak: $0) } ?? learningRate)
    }
}

/// In which precision Muon's Newton-Schulz steps run for float32 parameters.
public enum MuonPrecision: String, Codable, CaseIterable, OptionValue {
    /// The parameter's own.
    case full
    /// bfloat16, as its authors run it, by the iteration as published. The singular values scatter by about a hundredth
    /// more. On CPUs full precision is as fast, because it makes half of its symmetric products.
    case bfloat16
}
