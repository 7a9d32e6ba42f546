import FisherInformation
import FisherOptions
import Torch

/// The improved empirical Fisher: every sample's loss falls in proportion to the square of its gradient in the space
/// of the logits.
///
///     theta <- theta - eta J^T (J J^T + damping I)^-1 s,   s_n = |d loss_n / d z|^2
///
/// Wu et al. (2024), "An improved empirical Fisher approximation for natural gradient descent". The rows of J are the
/// gradients of the units' losses, not divided by their number; z are the outputs of the model, summed over a unit's
/// positions. The system is solved in the space of the samples, and J is not formed: see ``/FisherInformation/PerSampleGradients``. Damped, this is
/// not (F* + damping I)^-1 g with F* = J^T diag(s)^-1 J; undamped it is.
public struct IEF: CurvatureRule {
    /// Step size eta: to first order the undamped step lowers the loss of sample n by eta s_n.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 0.1
    /// Damping that is added to every eigenvalue of J J^T.
    @Configurable("damping", .nonNegative, "added to the eigenvalues of J J^T")
    public var damping: Schedule = 1e-3

    public init() {}

    public static let summary = RuleSummary(
        name: "ief", title: "IEF", source: "labels, weighted by logit gradients",
        structure: "full, rank of the batch",
        power: "1", momentum: "none", stateBytes: "0", cost: "B^2 (m + n), B^3",
        neglects: "what is outside the batch's gradients",
        reference: "Wu et al. 2024, Eq. 9")

    public func requests(at step: Int) -> [CurvatureRequest] { [.perSampleGradients(.empirical)] }

    public func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        guard let j = group.statistics.perSampleGradients(.empirical), let s = j.outputSquares else {
            throw CurvatureError.noSuchEstimate(
                source: "improved", structure: "per-sample gradients",
                reason: "the likelihood does not expose its outputs")
        }
        if group.inputs.contains(where: { $0.auxiliary != nil }) {
            throw CurvatureError.noSuchEstimate(
                source: "improved", structure: "per-sample gradients",
                reason: "an auxiliary objective has no samples")
        }
        let weights = try DampedSolution(try j.gram(), damping: damping(group.step), s)
        let c = (weights.solution * -learningRate(group.step)).to(dtype: s.dtype)
        return group.updates(try j.combined(c), fallbackCount: weights.fallbackCount)
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        structure.shapes.map { _ in [:] }
    }
}
