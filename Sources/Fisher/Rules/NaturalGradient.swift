import FisherInformation
import NeuralNet
import Torch

/// Natural gradient descent: the gradient divided by the whole Fisher information.
///
///     theta <- theta - eta (F + damping I)^-1 g
///
/// Amari (1998), Eq. 2; damping is Tikhonov's. `dense` forms F of all the group's parameters and factorizes it in
/// float64: memory of the square of their number, for small models. `cg` solves by conjugate gradients on products with
/// F, starting at the last solution: J^T F_z J v with the likelihood's information in closed form (`exact`), or
/// (1/N) J^T J v with the units' gradients as rows of J (`empirical`, `sampled`).
///
/// The accumulated form keeps what earlier batches told, and its step shrinks as 1 / t:
///
///     I_t = I_{t-1} + N F,   theta <- theta - eta I_t^-1 N g,   I_0 = damping I
///
/// With eta = 1 and a linear model of Gaussian observations it is recursive least squares.
public struct NaturalGradient: CurvatureRule {
    /// How the system is solved.
    public enum Solver: String, CaseIterable, Codable, Sendable {
        /// A factorization of the matrix.
        case dense
        /// Conjugate gradients on products.
        case conjugateGradients = "cg"
    }

    /// eta.
    public var learningRate: Schedule = 0.1
    /// What is added to every eigenvalue of F.
    public var damping: Schedule = 1e-3
    /// Whose labels F is of.
    public var source: LabelSource = .exact
    /// The number of draws of labels an update, where they are sampled.
    public var draws: Double = 1
    /// How the system is solved.
    public var solver: Solver = .dense
    /// Whether the information of earlier batches is kept and added up.
    public var accumulates: Bool = false
    /// |residual| / |g| at which conjugate gradients end.
    public var tolerance: Double = 1e-10
    /// The most products that an update may take.
    public var maximumIterations: Double = 250

    public init() {}

    /// Makes the rule; throws an option whose value is not allowed.
    public init(
        learningRate: Schedule = 0.1, damping: Schedule = 1e-3, source: LabelSource = .exact, draws: Int = 1,
        solver: Solver = .dense, accumulates: Bool = false, tolerance: Double = 1e-10,
        maximumIterations: Int = 250
    ) throws(HyperparameterError) {
        self.learningRate = learningRate
        self.damping = damping
        self.source = source
        self.draws = Double(draws)
        self.solver = solver
        self.accumulates = accumulates
        self.tolerance = tolerance
        self.maximumIterations = Double(maximumIterations)
        try validate()
    }

    public static let summary = RuleSummary(
        name: "natural_gradient", title: "NaturalGradient", source: "exact, labels or draws",
        structure: "full", power: "1", momentum: "none", stateBytes: "0 (cg 4, accumulated 4 n)",
        cost: "B K P^2, P^3 / 3; cg: 3 passes a product", neglects: "nothing of the batch",
        reference: "Amari 1998, Eq. 2")

    public static let options: [RuleOption<NaturalGradient>] = [
        .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "eta"),
        .schedule("damping", \.damping, .nonNegative, "added to every eigenvalue"),
        .choice("source", \.source, aliases: ["labels"], "whose labels: exact, empirical or sampled"),
        .count("draws", \.draws, "draws of labels an update, where they are sampled"),
        .choice("solver", \.solver, "dense or cg"),
        .flag("accumulated", \.accumulates, "add the information of all batches up").forbidding(
            "needs the solver dense"
        ) { $0.accumulates && $0.solver != .dense },
        .number("tolerance", \.tolerance, .positive, "relative residual of cg"),
        .count("maximum_iterations", \.maximumIterations, "products of an update with cg"),
    ]

    private var informationSource: CurvatureSource { source.source(draws: Int(draws)) }

    public func requests(at step: Int) -> [CurvatureRequest] {
        switch solver {
        case .dense: [.full(informationSource)]
        case .conjugateGradients: [.products(informationSource)]
        }
    }

    public func movements(_ group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        let layout = ParameterLayout(of: group.inputs.map(\.parameter))
        let g = layout.joined(group.gradients)
        let (eta, damping) = (learningRate(group.step), damping(group.step))
        if let full = group.statistics.full(informationSource) {
            let found: DampedSolution
            if accumulates {
                let count = Double(full.observationCount)
                let information = accumulated(full.sums.sum, layout, in: &state)
                found = try DampedSolution(information, damping: damping, g * count)
            } else {
                found = try DampedSolution(full.mean, damping: damping, g)
            }
            return group.movements(
                layout.split(found.solution.to(dtype: g.dtype) * -eta), fallbackCount: found.fallbackCount)
        }
        guard let matrix = group.statistics.products(informationSource) else {
            throw OptimizerError.needsModel(rule: Self.summary.name)
        }
        let start = state.compactMap { $0["solution"] }
        let found = try ConjugateGradients(
            matrix.damped(by: damping), g, start: start.count < state.count ? nil : layout.joined(start),
            tolerance: tolerance, maximumIterations: Int(maximumIterations))
        for (k, part) in layout.split(found.solution).enumerated() { state[k]["solution"] = part }
        return group.movements(
            layout.split(found.solution * -eta), fallbackCount: found.metNegativeCurvature ? 1 : 0,
            solution: SolutionRecord(
                relativeResidual: found.relativeResidual, iterations: found.iterations, damping: damping))
    }

    /// I_t. Each parameter keeps its rows, in its shape.
    private func accumulated(
        _ new: Tensor, _ layout: ParameterLayout, in state: inout [TensorState]
    ) -> Tensor {
        var (first, rows): (Int, [Tensor]) = (0, [])
        for (k, shape) in layout.shapes.enumerated() {
            let count = shape.reduce(1, *)
            let part = new.narrowed(0, from: first, length: count)
            let sum = state[k]["information"].map { $0.reshaped([count, layout.count]) + part } ?? part
            state[k]["information"] = sum.reshaped(shape + [layout.count])
            rows.append(sum)
            first += count
        }
        return .concatenated(rows)
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        let count = structure.shapes.reduce(0) { $0 + $1.reduce(1, *) }
        return structure.shapes.map { shape in
            if accumulates { return ["information": shape + [count]] }
            return solver == .dense ? [:] : ["solution": shape]
        }
    }
}
