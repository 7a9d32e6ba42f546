import FisherInformation
import FisherOptions
import NeuralNet
import Torch

/// EKFAC: K-FAC's eigenbases with the information's own diagonal in them.
///
///     Q_S, Q_A: eigenvectors of the averages S and A
///     e = average of mean_n (Q_S^T G_n Q_A)^2
///     V = Q_S [(Q_S^T G Q_A) / (e + gamma)] Q_A^T
///     m <- mu m + V,  theta <- theta - eta (m + lambda theta)
///
/// George et al. (2018), Algorithm 1. G_n is the gradient of a unit, summed over its positions; in its basis
/// e is the diagonal nearest to the information, so that the product is never farther from it than K-FAC's.
/// An update averages the factors, then computes the bases, then averages e, then moves the weights. The
/// average e is kept when a basis changes.
public struct EKFAC: KroneckerRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 0.1
    /// Damping, statistics, momentum and the other options that K-FAC and EKFAC share.
    public var kronecker = KroneckerOptions()

    /// K-FAC's balance of the damping: accepted, so that its settings can be reused, and without effect here.
    public static let retiredOptions = ["uses_trace_ratio", "pi"]

    public init() {}

    public static let summary = RuleSummary(
        name: "ekfac", title: "EKFAC", source: "draws, exact or labels",
        structure: "diagonal in a Kronecker eigenbasis", power: "1", momentum: "of the natural gradient",
        stateBytes: "4, and 8 per element of A and S",
        cost: "4 m n (m + n); factors B (m^2 + n^2); bases 10 (m^3 + n^3)",
        neglects: "layers' correlations, off-diagonals in the basis",
        reference: "George et al. 2018, Algorithm 1")

    public var extraRequests: [CurvatureRequest] { [.activations(kronecker.labels)] }

    public func refreshes(_ state: TensorState, damping: Double) throws -> [CacheRefresh] {
        guard let a = state["inputs"], let s = state["outputs"] else { return [] }
        // e is measured in these bases and kept over steps, so that the null space's must not be rounding's choice.
        return [("output", s), ("input", a)].map { name, factor in
            CacheRefresh(of: factor) {
                let found = try SafeEigen($0)
                return ([name + "basis": try found.canonicalVectors], found.fallbackCount)
            }
        }
    }

    public func gather(
        _ updated: [(block: LayerBlock, average: RunningAverage)], of group: RuleGroup,
        _ state: inout [TensorState]
    ) throws -> [ParameterPath: Tensor] {
        guard let activations = group.statistics.activations(kronecker.labels) else { return [:] }
        var bases: [ParameterPath: KroneckerEigenbasis] = [:]
        for (block, _) in updated { bases[block.path] = basis(state[block.weight]) }
        // Each process has units of the batch, which count in the bases of all layers.
        for block in group.structure.layers where group.isReached[block.weight] && group.exchange.isShared {
            let own = bases[block.path].map { [$0.outputs, $0.inputs] }
            let (n, m) = (block.outputCount, block.inputCount)
            let theta = group.inputs[block.weight].parameter
            let spread = try group.exchange.spread(own, of: block.weight) {
                [[n, n], [m, m]].map { .zeros($0, dtype: theta.dtype, device: theta.device) }
            }
            bases[block.path] = KroneckerEigenbasis(inputs: spread[1], outputs: spread[0])
        }
        if bases.isEmpty { return [:] }
        var turned: [ParameterPath: Tensor] = [:]
        let found = try activations.eigenvalues(in: bases).layers
        for (block, average) in updated {
            guard let factors = found[block.path] else { continue }
            let squares = try Self.repaired(factors)
            let former = state[block.weight]["squares"]
            state[block.weight]["squares"] = try average.updated(
                former, with: squares.sum, over: squares.count)
            let scale = group.gradientScale
            if let sum = factors.gradient,
                try group.probedGradient(of: block).isGradient(turned: sum, in: factors.basis, scale: scale)
            {
                turned[block.path] = sum * scale
            }
        }
        return turned
    }

    /// The sum of squares and the number of its terms; the mean, with large numbers for those that overflowed, if some did.
    private static func repaired(
        _ factors: EigenvalueCorrectedFactors
    ) throws(TorchError) -> (sum: Tensor, count: Double) {
        let (sum, count) = (factors.squares, Double(max(factors.observationCount, 1)))
        if try sum.sum().item().isFinite { return (sum, count) }
        return (factors.mean.replacingNonFinite(with: sum.dtype.greatestFiniteMagnitude / 2), 1)
    }

    /// Q_A and Q_S in a layer's state.
    private func basis(_ state: TensorState) -> KroneckerEigenbasis? {
        guard let left = state["outputbasis"], let right = state["inputbasis"] else { return nil }
        return KroneckerEigenbasis(inputs: right, outputs: left)
    }

    public func factors(_ state: TensorState) -> KroneckerMatrix? {
        guard state["squares"] != nil else { return nil }
        return basis(state).map { KroneckerMatrix(inputs: $0.inputs, outputs: $0.outputs) }
    }

    public func precondition(turned gradient: Tensor, _ state: TensorState, damping: Double) -> Tensor {
        guard let basis = basis(state), let e = state["squares"] else { return .zeros(like: gradient) }
        return basis.solving(turned: gradient, eigenvalues: e, damping: damping)
    }

    public func cacheShapes(outputs: Int, inputs: Int) -> [String: [Int]] {
        ["outputbasis": [outputs, outputs], "inputbasis": [inputs, inputs], "squares": [outputs, inputs]]
    }
}
