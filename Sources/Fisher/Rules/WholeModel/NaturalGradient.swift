import FisherInformation
import FisherOptions
import NeuralNet
import Torch

/// Natural gradient descent: the gradient divided by the whole Fisher information.
///
///     theta <- theta - eta (F + damping I)^-1 g
///
/// Amari (1998), Eq. 2; damping is Tikhonov's. `direct` factorizes F of all the group's parameters, or the products of
/// the batch's gradients with each other where these are fewer: memory of the square of the smaller number; see
/// ``/FisherInformation/InformationSystem``. `dense` always forms F. `cg` solves by conjugate gradients on products with F,
/// starting at the last solution: J^T F_z J v with the likelihood's information in closed form (`exact`), or (1/N) J^T J v with
/// the per-sample gradients as rows of J (`empirical`, `sampled`).
///
/// The accumulated form keeps the information of earlier batches, and its step shrinks as 1 / t:
///
///     I_t = I_{t-1} + N F,   theta <- theta - eta I_t^-1 N g,   I_0 = damping I
///
/// With eta = 1 and a linear model of Gaussian observations it is recursive least squares.
public struct NaturalGradient: IterativeSolverRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 0.1
    /// Damping that is added to every eigenvalue of F.
    @Configurable("damping", .nonNegative, "added to every eigenvalue") public var damping: Schedule = 1e-3
    /// Whose labels F is of: exact, empirical or sampled.
    @Configurable(
        "source", .among([.exact, .empirical, .sampled(1)]), aliases: ["labels"],
        "whose labels: exact, empirical or sampled")
    public var source = CurvatureSource.exact
    /// Number of draws of labels per update, if they are sampled.
    @Configurable("draws", .atLeast(1), "draws of labels per update, if they are sampled")
    public var draws = 1
    /// How the system is solved.
    @Configurable("solver", "direct, dense or cg") public var solver = LinearSolver.direct
    /// Whether the information of earlier batches is kept and added up; needs a direct solver.
    @Configurable("accumulated", "add the information of all batches up") public var accumulates = false
    /// The accuracy and cost limits of conjugate gradients.
    public var iterations = IterativeSolver()

    public init() {}

    public static let summary = RuleSummary(
        name: "natural_gradient", title: "NaturalGradient", source: "exact, labels or draws",
        structure: "full", power: "1", momentum: "none", stateBytes: "0 (cg 4, accumulated 4 n)",
        cost: "n = min(P, B K): B K n P, n^3 / 3; cg: 3 passes per product", neglects: "nothing of the batch",
        reference: "Amari 1998, Eq. 2")

    /// The information of earlier batches is added up as a whole matrix only.
    public var inconsistency: OptionError? {
        guard accumulates, !solver.isDirect else { return nil }
        return OptionError(option: "accumulated", value: "true", reason: "needs the solver direct or dense")
    }

    private var informationSource: CurvatureSource { source == .sampled(1) ? .sampled(draws) : source }

    public func requests(at step: Int) -> [CurvatureRequest] {
        switch solver {
        case .direct where !accumulates: [.system(informationSource)]
        case .direct, .dense: [.full(informationSource)]
        case .conjugateGradients: [.products(informationSource)]
        }
    }

    public func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        let layout = ParameterLayout(of: group.inputs.map(\.parameter))
        let g = layout.joined(group.gradients)
        let (eta, damping) = (learningRate(group.step), damping(group.step))
        if solver.isDirect {
            let found = try directSolution(group, g, damping: damping, layout, state: &state)
            return group.updates(
                layout.split(found.solution.to(dtype: g.dtype) * -eta), fallbackCount: found.fallbackCount)
        }
        guard let matrix = group.statistics.products(informationSource) else {
            throw OptimizerError.needsModel(rule: Self.summary.name)
        }
        let (found, record) = try iterations.solution(
            of: matrix, damping: damping, g, layout: layout, state: &state)
        return group.updates(
            layout.split(found.solution * -eta), fallbackCount: found.metNegativeCurvature ? 1 : 0,
            solution: record)
    }

    /// The solution by a factorization.
    private func directSolution(
        _ group: RuleGroup, _ g: Tensor, damping: Double, _ layout: ParameterLayout,
        state: inout [TensorState]
    ) throws -> DampedSolution {
        if accumulates, let full = group.statistics.full(informationSource) {
            let count = Double(full.observationCount)
            let information = accumulated(full.sums.sum, layout, in: &state)
            return try DampedSolution(information, damping: damping, g * count)
        }
        guard let system = group.statistics.system(informationSource) else {
            throw OptimizerError.needsModel(rule: Self.summary.name)
        }
        return try system.solution(damping: damping, g)
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
            return solver.isDirect ? [:] : ["solution": shape]
        }
    }
}
