import FisherInformation
import FisherOptions
import Torch

/// A ball within which the quadratic model of a rule is trusted, and whose radius follows how well it predicts the loss.
///
///     p   = the minimum of q(p) = g p + p^T C p / 2 for |p| <= radius, by the conjugate gradients of Steihaug and Toint
///     rho = (loss - loss after d) / -q(d),   d = eta p
///     rho < 1/4:                            radius <- |d| / 4
///     rho > 3/4 and p on the boundary:      radius <- min(2 radius, maximum)
///     the step is made if rho > acceptance and the loss after it is finite
///
/// Nocedal and Wright (2006), Algorithms 4.1 and 7.2; the radius shrinks from the length of the step, as in Conn, Gould
/// and Toint (2000). Differences of the loss below its rounding error count as predicted.
public struct TrustRegion: ConfigurableOptions {
    /// Radius of the region at the start; nil for damping in its place.
    @Configurable("trust_radius", .positive, "radius of the trust region at the start; none: damping instead")
    public var trustRadius: Double? = nil
    /// Largest radius; nil for no bound.
    @Configurable("maximum_trust_radius", .positive, "largest radius of the trust region; none: no limit")
    public var maximumTrustRadius: Double? = nil
    /// Ratio of the actual decrease to the predicted one above which a step is made; in [0, 1/4).
    @Configurable("acceptance_ratio", .within(0..<0.25), "ratio of decreases above which a step is made")
    public var acceptanceRatio = 1e-4

    /// The defaults.
    public init() {}

    /// Why the region does not go with a solver: it is that of conjugate gradients.
    func inconsistency(with solver: LinearSolver) -> OptionError? {
        guard let trustRadius, solver.isDirect else { return nil }
        return OptionError(option: "trust_radius", value: "\(trustRadius)", reason: "needs the solver cg")
    }

    /// The radius after a step of length `length`, and whether the step is made.
    ///
    /// - Parameters:
    ///   - ratio: rho; NaN or an infinity for a loss that is not finite.
    ///   - isOnBoundary: whether the step before eta ended on the boundary.
    func judgement(
        radius: Double, length: Double, ratio: Double, isOnBoundary: Bool
    ) -> (radius: Double, isMade: Bool) {
        guard ratio.isFinite else { return (max(length / 4, Self.leastRadius), false) }
        let isMade = ratio > acceptanceRatio
        if ratio < 0.25 { return (max(length / 4, Self.leastRadius), isMade) }
        if ratio > 0.75, isOnBoundary { return (min(2 * radius, maximumTrustRadius ?? 1e20), isMade) }
        return (radius, isMade)
    }

    private static let leastRadius = 1e-20
}

extension QuadraticModelRule {
    /// The updates within the trust region.
    func regionUpdates(
        for group: RuleGroup, _ matrix: SymmetricOperator, _ g: Tensor, layout: ParameterLayout,
        startingAt start: Double, state: inout [TensorState]
    ) throws -> [ParameterUpdate] {
        let radius = try state.lazy.compactMap { $0["radius"] }.first?.item() ?? start
        let found = try SteihaugToint(
            matrix, g, radius: radius, tolerance: iterations.tolerance,
            maximumIterations: iterations.maximumIterations)
        var d = found.step * learningRate(group.step)
        let predicted = try -(g * d + d * (try matrix(d)) * 0.5).sum(dtype: .float64).item()
        let before = try group.loss.item()
        let after = try group.loss(after: layout.split(d).map { ParameterUpdate(change: $0) })
        let rounding = 10 * group.loss.dtype.ulpOfOne * max(abs(before), 1)
        let judged = region.judgement(
            radius: radius, length: try d.norm().item(),
            ratio: (before - after + rounding) / (max(predicted, 0) + rounding),
            isOnBoundary: found.isOnBoundary)
        if !judged.isMade { d = .zeros(like: d) }
        for k in state.indices { state[k]["radius"] = .full([], judged.radius, dtype: g.dtype) }
        return group.updates(
            layout.split(d), fallbackCount: judged.isMade ? 0 : 1,
            solution: SolutionRecord(
                relativeResidual: found.relativeResidual, iterations: found.iterations, damping: 0))
    }
}
