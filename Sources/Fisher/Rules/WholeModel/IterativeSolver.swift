import FisherInformation
import FisherOptions
import Torch

/// How a rule solves the linear system of its step.
public enum LinearSolver: String, CaseIterable, Codable, OptionValue {
    /// A factorization of the smaller of two matrices: the whole one, or the products of a batch's gradients with each other.
    /// A Hessian is whole.
    case direct
    /// A factorization of the whole matrix.
    case dense
    /// Conjugate gradients on products.
    case conjugateGradients = "cg"

    /// Whether a matrix is factorized.
    var isDirect: Bool { self != .conjugateGradients }
}

/// The accuracy and cost limits of conjugate gradients in a rule's step.
public struct IterativeSolver: ConfigurableOptions {
    /// Relative residual |residual| / |g| at which conjugate gradients end.
    @Configurable("tolerance", .positive, "relative residual of cg") public var tolerance = 1e-10
    /// Largest number of products that an update may take.
    @Configurable("maximum_iterations", .atLeast(1), "products of an update with cg")
    public var maximumIterations = 250

    /// The defaults.
    public init() {}

    /// x of (C + damping I) x = g, and how well it was solved.
    func solution(
        of matrix: SymmetricOperator, damping: Double, _ g: Tensor, from start: Tensor? = nil
    ) throws -> (found: ConjugateGradients, record: SolutionRecord) {
        let found = try ConjugateGradients(
            matrix.damped(by: damping), g, start: start, tolerance: tolerance,
            maximumIterations: maximumIterations)
        let record = SolutionRecord(
            relativeResidual: found.relativeResidual, iterations: found.iterations, damping: damping)
        return (found, record)
    }

    /// The same from the last solution, if `state` has one of every parameter; the new one replaces it.
    func solution(
        of matrix: SymmetricOperator, damping: Double, _ g: Tensor, layout: ParameterLayout,
        state: inout [TensorState]
    ) throws -> (found: ConjugateGradients, record: SolutionRecord) {
        let last = state.compactMap { $0["solution"] }
        let made = try solution(
            of: matrix, damping: damping, g, from: last.count < state.count ? nil : layout.joined(last))
        for (k, part) in layout.split(made.found.solution).enumerated() { state[k]["solution"] = part }
        return made
    }
}

/// A rule that solves a linear system by conjugate gradients.
@dynamicMemberLookup
public protocol IterativeSolverRule: CurvatureRule {
    /// The accuracy and cost limits of the solver; its options are accessible as the rule's own.
    var iterations: IterativeSolver { get set }
}

extension IterativeSolverRule {
    /// An option of the solver.
    public subscript<Value>(dynamicMember path: WritableKeyPath<IterativeSolver, Value>) -> Value {
        get { iterations[keyPath: path] }
        set { iterations[keyPath: path] = newValue }
    }
}
