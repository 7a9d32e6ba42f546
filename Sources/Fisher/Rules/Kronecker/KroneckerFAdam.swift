import FisherInformation
import FisherOptions
import Torch

/// Kronecker FAdam: FAdam in the eigenbasis of the gradient's Kronecker factors.
///
///     L <- avg_d(G G^T),  R <- avg_d(G^T G)
///     Q_L, Q_R: eigenvectors at the first step, then a power iteration and QR every f steps
///     G'  = Q_L^T G Q_R,   theta' = Q_L^T theta Q_R
///     D'  = FAdam's step for the parameter theta' and the gradient G'
///     theta <- theta + Q_L D' Q_R^T
///
/// FAdam's diagonal f is an estimate of the information in whatever coordinates it is kept. In these the information
/// has its off-diagonal elements nearly gone, so that the diagonal leaves out less: the extension
/// that Hwang (2024) leaves for future work, made with the basis of Vyas et al. (2024), see ``SOAP``. Unlike there, a
/// gradient enters the factors before its step, and the first makes a step like every other. The RMS of
/// epsilon-hat and of the clips does not depend on the basis. f is permuted where the basis vectors are sorted,
/// and the momentum is turned to the new basis; vectors, scalars and dimensions above `maximumDimension`
/// keep the identity, which is FAdam.
public struct KroneckerFAdam: FisherMetricRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// How the information divides the step in the basis: FAdam's options.
    public var metric = FisherMetric()
    /// Decay d of the averaged factors, in [0, 1]; 1 for the plain mean.
    @Configurable("decay", .fraction, "decay of the averaged factors; 1 for the plain mean")
    public var decay = 0.999
    /// Number f of steps from one change of the basis to the next.
    @Configurable("basis_interval", .atLeast(1), "steps between changes of the basis")
    public var basisInterval = 10
    /// Longest dimension that has a basis; longer ones keep the identity.
    @Configurable("maximum_dimension", .atLeast(0), "longer dimensions keep the identity; 0: all do")
    public var maximumDimension = 10000

    public init() {}

    public func workload(of shape: [Int]) -> Double { basis.workload(of: shape) }

    private var basis: TrackedEigenbasis {
        TrackedEigenbasis(
            order: .beforeStep, decay: decay, interval: basisInterval, largest: maximumDimension)
    }

    public static let summary = RuleSummary(
        name: "kronecker_fadam", title: "KroneckerFAdam", source: "mini-batch gradient",
        structure: "diagonal in Kronecker basis", power: "1/2 (rho)", momentum: "of the natural gradient",
        stateBytes: "8, and 8 per row^2 and column^2", cost: "8 m n (m + n); bases 4 (m^3 + n^3)",
        neglects: "units, layers' correlations, off-diagonals in the basis",
        reference: "ours, after Hwang 2024")

    public func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        let basis = basis
        let states = state
        var diagonal = FAdam()
        (diagonal.learningRate, diagonal.metric) = (learningRate, metric)
        let rule = diagonal
        let moved = concurrently(costs: group.map(basis.cost)) { k in
            var own = states[k]
            let update = basis.update(
                for: group[k], gradient: group[k].gradient(metric.auxiliary), state: &own
            ) { rule.update(for: $0, state: &$1) }
            return (update, own)
        }
        for (k, (_, own)) in moved.enumerated() { state[k] = own }
        return moved.map(\.0)
    }
}
