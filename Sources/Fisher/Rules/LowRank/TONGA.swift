import FisherInformation
import FisherOptions
import Torch

/// TONGA: the natural gradient with a moving average of g g^T in low rank, by tensor.
///
///     C <- gamma^ C + (1 - gamma^) g g^T,  every b updates its leading k eigenvectors alone
///     theta <- theta - eta (C + damping I)^-1 g
///
/// Le Roux, Manzagol and Bengio (2008), "Topmoumoute online natural gradient algorithm". C = A^T A has at most k + b rows
/// in A, one of which is g times a number: the step is A^T (A A^T + damping I)^-1 e over that number, a system of k + b
/// unknowns without cancellation. Here a block is a parameter tensor, where the paper takes the weights of a unit, and
/// gamma^ corrects the average for its start, so that one damping fits every update: the paper's C is a sum. Auxiliary
/// gradients are part of g.
public struct TONGA: TensorRule, HistoryRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-2
    /// Damping that is added to every eigenvalue of C.
    @Configurable("damping", .nonNegative, "added to every eigenvalue of the average")
    public var damping: Schedule = 1e-2
    /// Decay gamma of the average, in [0, 1).
    @Configurable("decay", .decay, aliases: ["gamma"], "decay of the average") public var decay: Schedule =
        0.995
    /// Number k of eigenvectors that are kept.
    @Configurable("rank", .atLeast(1), aliases: ["k"], "eigenvectors that are kept") public var rank = 5
    /// Number b of updates from one decomposition to the next.
    @Configurable("basis_interval", .atLeast(1), aliases: ["b"], "updates between decompositions")
    public var basisInterval = 10

    public init() {}

    public static let summary = RuleSummary(
        name: "tonga", title: "TONGA", source: "mini-batch gradients", structure: "low rank, by tensor",
        power: "1", momentum: "none", stateBytes: "4 (k + b)", cost: "2 (k + b) P; bases k (k + b) P / b",
        neglects: "units, tensors' correlations, all but k eigenvectors",
        reference: "Le Roux et al. 2008")

    var sketch: GradientSketch {
        let decay = decay
        return GradientSketch(rank: rank, interval: basisInterval) { correctedDecay(decay($0), $0) }
    }

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        do {
            return try solved(input, state: &state)
        } catch {
            return ParameterUpdate(change: Tensor(failed: error))
        }
    }

    private func solved(_ input: RuleInput, state: inout TensorState) throws(TorchError) -> ParameterUpdate {
        let t = input.step
        let average = try sketch.update(with: input.gradient(.inGradient), at: t, in: &state)
        let scale = average.weights[average.current].squareRoot()
        let unit = Tensor(average.weights.indices.map { $0 == average.current ? 1 / scale : 0 })
        let found = try DampedSolution(average.gram, damping: damping(t), unit)
        let c = (found.solution.unsqueezed(1) * average.scales * -learningRate(t)).transposed()
        let rows = average.rows
        let change = c.to(dtype: rows.dtype, device: rows.device).matmul(rows)
        return ParameterUpdate(
            change: change.reshaped(input.parameter.shape),
            fallbackCount: found.fallbackCount + average.fallbackCount)
    }

    func stateByteCount(of parameters: [Tensor]) -> Double {
        parameters.reduce(0) { $0 + sketch.byteCount(of: $1) }
    }
}
