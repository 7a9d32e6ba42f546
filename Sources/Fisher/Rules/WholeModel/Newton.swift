import FisherInformation
import FisherOptions
import Torch

/// Newton's method: the gradient divided by the Hessian of the loss.
///
///     theta <- theta - eta (H + damping I)^-1 g
///
/// The Hessian of a network is not positive where the loss is not convex, and the step may then go uphill, to
/// a saddle or nowhere; the Fisher information never is negative, which is the case for the natural gradient.
/// `dense` takes the step as it is written, from the eigenvalues of the whole matrix (directions without
/// curvature are left out and counted). `cg` ends where it meets negative curvature, with the solution so
/// far; without one, with the gradient over the magnitude of the curvature along it (Nocedal and Wright 2006,
/// Algorithm 7.1). With a ``TrustRegion`` negative curvature leads to its boundary, and no step is made that raises the
/// loss of the batch.
public struct Newton: QuadraticModelRule {
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
        name: "newton", title: "Newton", source: "the loss itself", structure: "full", power: "1",
        momentum: "none", stateBytes: "0", cost: "2 passes per product",
        neglects: "nothing of the batch; may be indefinite",
        reference: "Nocedal and Wright 2006, Algorithm 7.1")

    public static var curvature: CurvatureRequest { .hessian }

    public var inconsistency: OptionError? { region.inconsistency(with: solver) }

    public func solve(
        _ matrix: SymmetricOperator, system: InformationSystem?, damping: Double, _ g: Tensor,
        layout: ParameterLayout, state: inout [TensorState]
    ) throws -> (solution: Tensor, record: SolutionRecord?, fallbackCount: Int) {
        if solver.isDirect {
            let (x, fallbackCount) = try Newton.solved(matrix, damping: damping, g)
            return (x, nil, fallbackCount)
        }
        let (found, record) = try iterations.solution(of: matrix, damping: damping, g)
        guard found.metNegativeCurvature else { return (found.solution, record, 0) }
        if found.iterations > 1 { return (found.solution, record, 1) }
        let curvature = try (g * (try matrix.damped(by: damping)(g))).sum(dtype: .float64).item()
        let square = try g.squared().sum(dtype: .float64).item()
        return (curvature == 0 ? g : g * (square / abs(curvature)), record, 1)
    }

    /// Q (w + damping)^-1 Q^T g with the eigenvalues w of the matrix, made of as many products as it has rows.
    private static func solved(
        _ matrix: SymmetricOperator, damping: Double, _ g: Tensor
    ) throws -> (Tensor, fallbackCount: Int) {
        let identity = Tensor.identity(matrix.size, dtype: matrix.dtype)
        let columns = try (0..<matrix.size).map { try matrix(identity.selecting(0, $0)) }
        let whole = Tensor.stacked(columns).to(dtype: .float64)
        let (w, q) = ((whole + whole.transposed()) * 0.5).symmetricEigen()
        let values = try w.scalars(as: Double.self).map { $0 + damping }
        let least = (values.map(abs).max() ?? 0) * Double(values.count) * DType.float64.ulpOfOne
        let inverse = values.map { abs($0) > least ? 1 / $0 : 0 }
        let inBasis = q.transposed().matmul(g.to(dtype: .float64).unsqueezed(1)).flattened()
        let x = q.matmul((inBasis * Tensor(inverse)).unsqueezed(1)).flattened()
        return (x.to(dtype: g.dtype), inverse.filter { $0 == 0 }.count)
    }

    public func solverShapes(_ shape: [Int]) -> [String: [Int]] { [:] }
}
