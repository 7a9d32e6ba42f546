import FisherInformation
import FisherOptions
import Torch

/// A damping that follows how well the quadratic model of a rule predicts the loss.
public struct AdaptiveDamping: ConfigurableOptions {
    /// Damping at the start; from then on it is state if `adaptsDamping` is set.
    @Configurable("damping", .nonNegative, "added to every eigenvalue, at the start") public var damping = 1.0
    /// Whether the damping follows how well the model predicts the loss.
    @Configurable(
        "adapts_damping", aliases: ["adaptive_damping"], "whether the damping follows the model's predictions"
    )
    public var adaptsDamping = true
    /// Factor by which the damping is multiplied when it is lowered, and divided when it is raised;
    /// in (0, 1].
    @Configurable("damping_factor", .exponent, "by which the damping falls, and rises")
    public var dampingFactor = 2.0 / 3

    /// The defaults.
    public init() {}
}

/// A rule that goes to the minimum of a quadratic model of the loss, with the damping of Levenberg and Marquardt.
///
///     q(d) = g d + d^T C d / 2,   d = -eta (C + damping I)^-1 g
///     rho  = (loss - loss after d) / -q(d);   rho < 1/4 raises the damping, rho > 3/4 lowers it
///
/// With a ``TrustRegion`` the step is the minimum of q within a radius, and the radius follows rho; there is no damping.
///
/// The auxiliaries take part in g and in both losses, not in C. A step after which the loss is not finite is not made.
public protocol QuadraticModelRule: IterativeSolverRule {
    /// The initial damping and its adaptation to the model's predictions; its options are accessible as the
    /// rule's own.
    var adaptation: AdaptiveDamping { get set }

    /// The trust region that bounds the step in place of the damping, if there is one; its options are accessible as the
    /// rule's own.
    var region: TrustRegion { get set }

    /// Which matrix C is.
    static var curvature: CurvatureRequest { get }

    /// C as the matrix of a linear system, where `solve` needs more than products with it; nil if it does not.
    var systemRequest: CurvatureRequest? { get }

    /// (C + damping I)^-1 g, how well it was solved, and the number of safer methods that were needed. The system is the answer
    /// to `systemRequest`.
    func solve(
        _ matrix: SymmetricOperator, system: InformationSystem?, damping: Double, _ g: Tensor,
        layout: ParameterLayout, state: inout [TensorState]
    ) throws -> (solution: Tensor, record: SolutionRecord?, fallbackCount: Int)

    /// The shapes of the state that `solve` keeps of a parameter, by name.
    func solverShapes(_ shape: [Int]) -> [String: [Int]]
}

extension QuadraticModelRule {
    /// An option of the damping.
    public subscript<Value>(dynamicMember path: WritableKeyPath<AdaptiveDamping, Value>) -> Value {
        get { adaptation[keyPath: path] }
        set { adaptation[keyPath: path] = newValue }
    }

    /// An option of the trust region.
    public subscript<Value>(dynamicMember path: WritableKeyPath<TrustRegion, Value>) -> Value {
        get { region[keyPath: path] }
        set { region[keyPath: path] = newValue }
    }

    /// Products suffice.
    public var systemRequest: CurvatureRequest? { nil }

    public func requests(at step: Int) -> [CurvatureRequest] {
        [Self.curvature] + (systemRequest.map { [$0] } ?? [])
    }

    public func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        guard let matrix = group.statistics.matrix(Self.curvature) else {
            throw OptimizerError.needsModel(rule: Self.summary.name)
        }
        let layout = ParameterLayout(of: group.inputs.map(\.parameter))
        let g = layout.joined(group.gradients)
        if let start = region.trustRadius {
            return try regionUpdates(for: group, matrix, g, layout: layout, startingAt: start, state: &state)
        }
        let damping = try state.lazy.compactMap { $0["damping"] }.first?.item() ?? adaptation.damping
        let system = systemRequest?.source.flatMap { group.statistics.system($0) }
        var (d, record, fallbacks) = try solve(
            matrix, system: system, damping: damping, g, layout: layout, state: &state)
        d = d * -learningRate(group.step)
        guard adaptation.adaptsDamping else {
            return group.updates(layout.split(d), fallbackCount: fallbacks, solution: record)
        }
        let promised = try -(g * d + d * (try matrix(d)) * 0.5).sum(dtype: .float64).item()
        let after = try group.loss(after: layout.split(d).map { ParameterUpdate(change: $0) })
        let decrease = try group.loss.item() - after
        if !after.isFinite {
            d = .zeros(like: d)
            fallbacks += 1
        }
        let next = LevenbergMarquardt(factor: adaptation.dampingFactor).damping(
            after: damping, decrease: decrease, promised: promised)
        for k in state.indices { state[k]["damping"] = .full([], next, dtype: g.dtype) }
        return group.updates(layout.split(d), fallbackCount: fallbacks, solution: record)
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        if region.trustRadius != nil { return structure.shapes.map { _ in ["radius": []] } }
        return structure.shapes.map { shape in
            solverShapes(shape).merging(adaptation.adaptsDamping ? ["damping": []] : [:]) { own, _ in own }
        }
    }
}
