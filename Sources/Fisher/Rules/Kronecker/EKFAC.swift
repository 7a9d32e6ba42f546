import FisherInformation
import FisherOptions
import Torch

/// EKFAC: K-FAC's eigenbases with the information's own diagonal in them.
///
///     Q_S, Q_A: eigenvectors of the averages S and A
///     e = average of mean_n (Q_S^T G_n Q_A)^2
///     V = Q_S [(Q_S^T G Q_A) / (e + gamma)] Q_A^T
///     m <- mu m + V,  theta <- theta - eta (m + lambda theta)
///
/// George et al. (2018), Algorithm 1. G_n is the gradient of a unit, summed over its positions; in its basis e is the
/// diagonal nearest to the information, so that the product is never farther from it than K-FAC's. An update gathers
/// factors, then renews the bases, then gathers e, then moves. What e has averaged is kept when a basis is renewed.
public struct EKFAC: KroneckerRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 0.1
    /// Damping, statistics, momentum and what else K-FAC and EKFAC share.
    public var kronecker = KroneckerOptions()

    /// K-FAC's balance of the damping: accepted, so that its settings can be taken over, and without effect here.
    public static let retiredOptions = ["uses_trace_ratio", "pi"]

    public init() {}

    public static let summary = RuleSummary(
        name: "ekfac", title: "EKFAC", source: "draws, exact or labels",
        structure: "diagonal in a Kronecker eigenbasis", power: "1", momentum: "of the natural gradient",
        stateBytes: "4, and 8 an element of A and S",
        cost: "4 m n (m + n); factors B (m^2 + n^2); bases 10 (m^3 + n^3)",
        neglects: "layers' correlations, off-diagonals in the basis",
        reference: "George et al. 2018, Algorithm 1")

    public var extraRequests: [CurvatureRequest] { [.uses(kronecker.labels)] }

    public func updateCache(_ state: inout TensorState, damping: Double) throws -> Int {
        guard let a = state["inputs"], let s = state["outputs"] else { return 0 }
        let (left, right) = (try SafeEigen(s), try SafeEigen(a))
        (state["outputbasis"], state["inputbasis"]) = (left.vectors, right.vectors)
        return left.fallbackCount + right.fallbackCount
    }

    public func gather(
        _ block: LayerBlock, _ statistics: BatchStatistics, _ average: RunningAverage,
        _ state: inout TensorState
    ) throws {
        guard let left = state["outputbasis"], let right = state["inputbasis"],
            let found = try statistics.uses(kronecker.labels)?
                .eigenvalues(in: [block.path: KroneckerEigenbasis(inputs: right, outputs: left)])[block.path]
        else { return }
        let repaired = found.replacingNonFinite(with: found.dtype.greatestFiniteMagnitude / 2)
        state["squares"] = try average.updated(state["squares"], with: repaired, over: 1)
    }

    public func precondition(_ gradient: Tensor, _ state: TensorState, damping: Double) -> Tensor {
        guard let left = state["outputbasis"], let right = state["inputbasis"], let e = state["squares"]
        else { return .zeros(like: gradient) }
        let turned = left.transposed(0, 1).matmul(gradient).matmul(right)
        return left.matmul(quotient(turned, e + damping)).matmul(right.transposed(0, 1))
    }

    public func cacheShapes(outputs: Int, inputs: Int) -> [String: [Int]] {
        ["outputbasis": [outputs, outputs], "inputbasis": [inputs, inputs], "squares": [outputs, inputs]]
    }
}
