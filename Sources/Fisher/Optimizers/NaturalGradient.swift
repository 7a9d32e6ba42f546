import NeuralNet
import Torch

/// Natural gradient descent: the gradient divided by the whole Fisher information.
///
///     theta <- theta - eta (F + damping I)^-1 g
///
/// Amari (1998), Eq. 2; damping is Tikhonov's. `dense` forms F of all the group's parameters and factorises it:
/// memory of the square of their number, for small models. `cg` solves by conjugate gradients on products J^T F_z J v
/// with the likelihood's Fisher information in closed form, starting at the last solution.
public struct NaturalGradient: InformedRule {
    /// How the system is solved.
    public enum Solver: String, CaseIterable, Codable, Sendable {
        /// A Cholesky factorisation of the matrix.
        case dense
        /// Conjugate gradients on products.
        case conjugateGradients = "cg"
    }

    /// Whose labels the information is of.
    public enum Labels: String, CaseIterable, Codable, Sendable {
        /// The model's own, in closed form.
        case exact
        /// The data's.
        case empirical
        /// Drawn from the model, one draw an update.
        case sampled

        var source: InformationSource {
            switch self {
            case .exact: .exact
            case .empirical: .empirical
            case .sampled: .sampled(1)
            }
        }
    }

    /// eta.
    public var learningRate: Schedule = 0.1
    /// What is added to every eigenvalue of F.
    public var damping: Schedule = 1e-3
    /// Whose labels F is of.
    public var source: Labels = .exact
    /// How the system is solved.
    public var solver: Solver = .dense
    /// |residual| / |g| at which conjugate gradients end.
    public var tolerance: Double = 1e-10
    /// The most products that an update may take.
    public var maximumIterations: Double = 250

    public init() {}

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 0.1, damping: Schedule = 1e-3, source: Labels = .exact,
        solver: Solver = .dense, tolerance: Double = 1e-10, maximumIterations: Int = 250
    ) throws(HyperparameterError) {
        self.learningRate = learningRate
        self.damping = damping
        self.source = source
        self.solver = solver
        self.tolerance = tolerance
        self.maximumIterations = Double(maximumIterations)
        try validate()
    }

    public static let information = RuleInformation(
        name: "natural_gradient", title: "NaturalGradient", source: "exact, labels or draws",
        structure: "full", power: "1", momentum: "none", stateBytes: "0 (cg: 4)",
        reference: "Amari 1998, Eq. 2")

    public static let options: [RuleOption<NaturalGradient>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "eta"),
        .schedule("damping", \.damping, .nonNegative, "added to every eigenvalue"),
        .choice("source", \.source, aliases: ["labels"], "whose labels: exact, empirical or sampled"),
        .choice("solver", \.solver, "dense or cg"),
        .number("tolerance", \.tolerance, .positive, "relative residual of cg"),
        .number("maximum_iterations", \.maximumIterations, .positive, "products of an update with cg"),
    ]

    public func requests(at step: Int) -> [InformationRequest] {
        if solver == .dense { return [.full(source.source)] }
        return [.products(.fisher)]
    }

    public func movements(_ group: InformedGroup, state: inout [TensorState]) throws -> [Movement] {
        let layout = ParameterLayout(of: group.inputs.map(\.parameter))
        let g = layout.joined(group.gradients)
        let damping = damping(group.step)
        let solution: Tensor
        if let matrix = group.statistics.products(.fisher) {
            let start = state.compactMap { $0["solution"] }
            let found = try ConjugateGradients(
                matrix.damped(by: damping), g, start: start.isEmpty ? nil : layout.joined(start),
                tolerance: tolerance, maximumIterations: Int(maximumIterations))
            solution = found.solution
            for (k, part) in layout.split(solution).enumerated() { state[k]["solution"] = part }
        } else if let full = group.statistics.full(source.source) {
            solution = full.mean.addingDiagonal(damping).solvingPositiveDefinite(g)
        } else {
            throw OptimizerError.needsModel(rule: Self.information.name)
        }
        let eta = learningRate(group.step)
        return layout.split(solution).map { Movement(change: $0 * -eta) }
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        structure.shapes.map { solver == .dense ? [:] : ["solution": $0] }
    }
}
