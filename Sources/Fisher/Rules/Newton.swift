import FisherInformation
import Torch

/// Newton's method: the gradient divided by the Hessian of the loss.
///
///     theta <- theta - eta (H + damping I)^-1 g
///
/// The Hessian of a network is not positive where the loss is not convex, and the step may then go uphill, to a saddle
/// or nowhere; the Fisher information never is negative, which is the case for the natural gradient. `dense` takes
/// the step as it is written, from the eigenvalues of the whole matrix (directions without curvature are left out
/// and counted). `cg` ends where it meets negative curvature, with what it had; where it had nothing, with the
/// gradient over the magnitude of the curvature along it (Nocedal and Wright 2006, Algorithm 7.1).
public struct Newton: QuadraticModelRule {
    /// eta.
    public var learningRate: Schedule = 1
    /// The damping at the start.
    public var damping: Double = 1
    /// Whether the damping follows how well the model predicts the loss.
    public var adaptsDamping: Bool = true
    /// What the damping is multiplied by where it is lowered, and divided by where it is raised.
    public var dampingFactor: Double = 2.0 / 3
    /// How the system is solved.
    public var solver: NaturalGradient.Solver = .conjugateGradients
    /// |residual| / |g| at which conjugate gradients end.
    public var tolerance: Double = 1e-10
    /// The most products that an update may take.
    public var maximumIterations: Double = 250

    public init() {}

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1, damping: Double = 1, adaptsDamping: Bool = true,
        dampingFactor: Double = 2.0 / 3, solver: NaturalGradient.Solver = .conjugateGradients,
        tolerance: Double = 1e-10, maximumIterations: Int = 250
    ) throws(HyperparameterError) {
        self.learningRate = learningRate
        self.damping = damping
        self.adaptsDamping = adaptsDamping
        self.dampingFactor = dampingFactor
        self.solver = solver
        self.tolerance = tolerance
        self.maximumIterations = Double(maximumIterations)
        try validate()
    }

    public static let summary = RuleSummary(
        name: "newton", title: "Newton", source: "the loss itself", structure: "full", power: "1",
        momentum: "none", stateBytes: "0", cost: "2 passes a product",
        neglects: "nothing of the batch; may be indefinite",
        reference: "Nocedal and Wright 2006, Algorithm 7.1")

    public static let options: [RuleOption<Newton>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "eta"),
        .number("damping", \.damping, .nonNegative, "added to every eigenvalue, at the start"),
        .flag("adaptive_damping", \.adaptsDamping, "whether the damping follows the model's success"),
        .number("damping_factor", \.dampingFactor, .exponent, "by which the damping falls, and rises"),
        .choice("solver", \.solver, "dense or cg"),
        .number("tolerance", \.tolerance, .positive, "relative residual of cg"),
        .count("maximum_iterations", \.maximumIterations, "products of an update with cg"),
    ]

    public static var curvature: CurvatureRequest { .hessian }

    public func solve(
        _ matrix: SymmetricOperator, damping: Double, _ g: Tensor, layout: ParameterLayout,
        state: inout [TensorState]
    ) throws -> (solution: Tensor, record: SolutionRecord?, fallbackCount: Int) {
        if solver == .dense {
            let (x, fallbackCount) = try Newton.solved(matrix, damping: damping, g)
            return (x, nil, fallbackCount)
        }
        let damped = matrix.damped(by: damping)
        let found = try ConjugateGradients(
            damped, g, tolerance: tolerance, maximumIterations: Int(maximumIterations))
        let record = SolutionRecord(
            relativeResidual: found.relativeResidual, iterations: found.iterations, damping: damping)
        guard found.metNegativeCurvature else { return (found.solution, record, 0) }
        if found.iterations > 1 { return (found.solution, record, 1) }
        let curvature = try (g * (try damped(g))).sum(dtype: .float64).item()
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
