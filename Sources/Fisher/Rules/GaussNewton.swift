import FisherInformation
import Torch

/// Gauss and Newton's method: the gradient divided by the generalized Gauss-Newton matrix.
///
///     theta <- theta - eta (C + damping I)^-1 g,   C = (1/N) J^T H J
///
/// H is the Hessian of -log p in the model's outputs, J their derivative (Schraudolph 2002). Where H is the outputs'
/// Fisher information (categorical, Bernoulli, fixed variance) this is ``NaturalGradient`` with exact labels. Solved by
/// conjugate gradients from the last solution; the damping follows ``QuadraticModelRule`` (Martens 2010). Throws
/// ``/FisherInformation/LikelihoodError`` for a likelihood whose H is zero or may be indefinite: LogitLaplace, a learned variance.
public struct GaussNewton: QuadraticModelRule {
    /// eta.
    public var learningRate: Schedule = 1
    /// The damping at the start.
    public var damping: Double = 1
    /// Whether the damping follows how well the model predicts the loss.
    public var adaptsDamping: Bool = true
    /// What the damping is multiplied by where it is lowered, and divided by where it is raised.
    public var dampingFactor: Double = 2.0 / 3
    /// |residual| / |g| at which conjugate gradients end.
    public var tolerance: Double = 1e-10
    /// The most products that an update may take.
    public var maximumIterations: Double = 250

    public init() {}

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 1, damping: Double = 1, adaptsDamping: Bool = true,
        dampingFactor: Double = 2.0 / 3, tolerance: Double = 1e-10, maximumIterations: Int = 250
    ) throws(HyperparameterError) {
        self.learningRate = learningRate
        self.damping = damping
        self.adaptsDamping = adaptsDamping
        self.dampingFactor = dampingFactor
        self.tolerance = tolerance
        self.maximumIterations = Double(maximumIterations)
        try validate()
    }

    public static let summary = RuleSummary(
        name: "gauss_newton", title: "GaussNewton", source: "labels and outputs", structure: "full",
        power: "1", momentum: "none", stateBytes: "4", cost: "3 passes a product",
        neglects: "second derivatives of the outputs",
        reference: "Schraudolph 2002; Martens 2010")

    public static let options: [RuleOption<GaussNewton>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "eta"),
        .number("damping", \.damping, .nonNegative, "added to every eigenvalue, at the start"),
        .flag("adaptive_damping", \.adaptsDamping, "whether the damping follows the model's success"),
        .number("damping_factor", \.dampingFactor, .exponent, "by which the damping falls, and rises"),
        .number("tolerance", \.tolerance, .positive, "relative residual of cg"),
        .count("maximum_iterations", \.maximumIterations, "products of an update"),
    ]

    public static var curvature: CurvatureRequest { .products(.gaussNewton) }

    public func solve(
        _ matrix: SymmetricOperator, damping: Double, _ g: Tensor, layout: ParameterLayout,
        state: inout [TensorState]
    ) throws -> (solution: Tensor, record: SolutionRecord?, fallbackCount: Int) {
        let start = state.compactMap { $0["solution"] }
        let found = try ConjugateGradients(
            matrix.damped(by: damping), g, start: start.count < state.count ? nil : layout.joined(start),
            tolerance: tolerance, maximumIterations: Int(maximumIterations))
        for (k, part) in layout.split(found.solution).enumerated() { state[k]["solution"] = part }
        let record = SolutionRecord(
            relativeResidual: found.relativeResidual, iterations: found.iterations, damping: damping)
        return (found.solution, record, found.metNegativeCurvature ? 1 : 0)
    }

    public func solverShapes(_ shape: [Int]) -> [String: [Int]] { ["solution": shape] }
}
