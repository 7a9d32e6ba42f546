import FisherInformation
import FisherOptions
import Torch

/// Gauss and Newton's method: the gradient divided by the generalized Gauss-Newton matrix.
///
///     theta <- theta - eta (C + damping I)^-1 g,   C = (1/N) J^T H J
///
/// H is the Hessian of -log p in the model's outputs, J their derivative (Schraudolph 2002). Where H is the outputs'
/// Fisher information (categorical, Bernoulli, fixed variance) this is ``NaturalGradient`` with exact labels. Solved by
/// conjugate gradients from the last solution, or by a factorization as in ``NaturalGradient``; the damping follows
/// ``QuadraticModelRule`` (Martens 2010). Throws ``/FisherInformation/LikelihoodError`` for a likelihood whose H is zero or may
/// be indefinite: LogitLaplace, a learned variance.
public struct GaussNewton: QuadraticModelRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1
    /// The initial damping and its adaptation to the model's predictions.
    public var adaptation = AdaptiveDamping()
    /// The trust region in place of the damping.
    public var region = TrustRegion()
    /// How the system is solved.
    @Configurable("solver", "direct, dense or cg") public var solver = LinearSolver.conjugateGradients
    /// The accuracy and cost limits of conjugate gradients.
    public var iterations = IterativeSolver()

    public init() {}

    public static let summary = RuleSummary(
        name: "gauss_newton", title: "GaussNewton", source: "labels and outputs", structure: "full",
        power: "1", momentum: "none", stateBytes: "4", cost: "3 passes per product",
        neglects: "second derivatives of the outputs",
        reference: "Schraudolph 2002; Martens 2010")

    public static var curvature: CurvatureRequest { .products(.gaussNewton) }

    public var systemRequest: CurvatureRequest? {
        switch solver {
        case .direct: .system(.gaussNewton)
        case .dense: .full(.gaussNewton)
        case .conjugateGradients: nil
        }
    }

    public var inconsistency: OptionError? { region.inconsistency(with: solver) }

    public func solve(
        _ matrix: SymmetricOperator, system: InformationSystem?, damping: Double, _ g: Tensor,
        layout: ParameterLayout, state: inout [TensorState]
    ) throws -> (solution: Tensor, record: SolutionRecord?, fallbackCount: Int) {
        if let system {
            let found = try system.solution(damping: damping, g)
            return (found.solution.to(dtype: g.dtype), nil, found.fallbackCount)
        }
        let (found, record) = try iterations.solution(
            of: matrix, damping: damping, g, layout: layout, state: &state)
        return (found.solution, record, found.metNegativeCurvature ? 1 : 0)
    }

    public func solverShapes(_ shape: [Int]) -> [String: [Int]] {
        solver.isDirect ? [:] : ["solution": shape]
    }
}
