import NeuralNet
import Torch

/// The information F as the matrix of a linear system (F + damping I) x = g, in the smaller of two forms: the gradients of
/// the units as the rows of J with F = J^T J if these are fewer than the parameters, else the whole matrix.
///
/// With J the system is that of the rows, by Woodbury's identity:
///
///     (J^T J + damping I)^-1 g = (g - J^T (J J^T + damping I)^-1 J g) / damping
///
/// J is not formed for layers with Kronecker factors; J J^T is made and factorized column by column. Of several processes
/// all have the whole matrix.
public struct InformationSystem: Summable {
    /// The whole matrix of some rows, once it is made.
    private final class Whole {
        var found: FullInformation?
    }

    private enum Form {
        case rows(UnitGradients, Whole)
        case matrix(FullInformation)
    }

    private let form: Form

    init(_ rows: UnitGradients) { form = .rows(rows, Whole()) }

    /// The system of the whole matrix.
    init(_ matrix: FullInformation) { form = .matrix(matrix) }

    /// The number of rows of J; nil for the whole matrix.
    public var rowCount: Int? { if case .rows(let rows, _) = form { rows.rowCount } else { nil } }

    /// The whole matrix. Costs the square of the number of parameters for each row.
    public func matrix() throws -> FullInformation {
        switch form {
        case .matrix(let matrix): return matrix
        case .rows(let rows, let whole):
            if let found = whole.found { return found }
            let found = try rows.fullInformation()
            whole.found = found
            return found
        }
    }

    /// The information of both data. Throws `mismatched` if they are of other sources or parameters.
    public func adding(_ other: InformationSystem) throws(CurvatureError) -> InformationSystem {
        if case .rows(let own, _) = form, case .rows(let its, _) = other.form {
            let both = try own.adding(its)
            if both.rowCount < both.parameterCount { return InformationSystem(both) }
        }
        let (own, its): (FullInformation, FullInformation)
        do { (own, its) = (try matrix(), try other.matrix()) } catch let error as CurvatureError {
            throw error
        } catch {
            throw .mismatched(reason: "\(error)")
        }
        return InformationSystem(try own.adding(its))
    }

    /// The whole matrix of the data of all processes.
    public func summed(by sum: ProcessSum) throws -> InformationSystem {
        InformationSystem(try matrix().summed(by: sum))
    }

    /// x of (F + damping I) x = g, in float64.
    ///
    /// The rows' system is factorized in float32 where the parameters are float32, and the solution refined with products in
    /// float64; where that does not converge, in float64; at last with the whole matrix, as for a damping of zero.
    package func solution(damping: Double, _ target: Tensor) throws -> DampedSolution {
        if case .rows(let rows, _) = form, damping > 0,
            let found = try rows.solution(damping: damping, target)
        {
            return DampedSolution(solution: found, damping: damping)
        }
        return try DampedSolution(try matrix().mean, damping: damping, target)
    }
}

extension UnitGradients {
    /// The number of columns of the blocks in which J J^T is factorized, about.
    private static let blockWidth = 128
    private static let maximumRefinements = 12

    /// J itself, [rows, parameters], in float64. Costs a product for each parameter.
    package func matrix() throws -> Tensor {
        let whole = try SampleMatrix(self)
        return .stacked(
            (0..<parameterCount).map { place in
                whole.product(
                    Tensor.zeros([parameterCount], dtype: .float64).addingRows(
                        .ones([1], dtype: .float64), at: Tensor([Int64(place)])))
            }, along: 1)
    }

    /// (J^T J + damping I)^-1 g in float64; nil where no precision suffices.
    fileprivate func solution(damping: Double, _ target: Tensor) throws -> Tensor? {
        let rows = try SampleMatrix(self)
        for dtype in target.dtype == .float64 ? [DType.float64] : [.float32, .float64] {
            if let found = try Self.solution(
                of: rows, damping: damping, target.to(dtype: .float64), factorizedIn: dtype,
                tolerance: target.dtype == .float64 ? 1e-12 : 1e-6)
            {
                return found
            }
        }
        return nil
    }

    /// Iterative refinement: every correction solves for the residual r, what is left of g.
    ///
    /// Ends where the error of x, of which |r| / damping is a bound, is below the tolerance relative to x, or where residuals
    /// in float64 shrink no further and the last is small beside g; nil if neither comes.
    private static func solution(
        of rows: SampleMatrix, damping: Double, _ target: Tensor, factorizedIn dtype: DType, tolerance: Double
    ) throws -> Tensor? {
        let quick = rows.converted(to: dtype)
        let gram = quick.gram
        let width = gram.unitCount * max(1, Self.blockWidth / gram.unitCount)
        guard
            let factor = try BlockedCholesky(
                size: rows.rowCount, width: width > 3 * Self.blockWidth ? Self.blockWidth : width,
                damping: damping, columns: { try gram($0) })
        else { return nil }
        let length = try target.norm().item()
        var (x, left, last) = (Tensor.zeros(like: target), target, length)
        for _ in 0..<Self.maximumRefinements where last > 0 {
            // Of length 1, so that nothing underflows in float32.
            let r = (left / last).to(dtype: dtype)
            let weights = try factor.solving(quick.product(r))
            let next = x + (r - quick.combined(weights)).to(dtype: .float64) * (last / damping)
            let rest = target - rows.combined(rows.product(next)) - next * damping
            let size = try rest.norm().item()
            // Numbers that are not finite fail both comparisons.
            if try size <= tolerance * damping * next.norm().item() { return next }
            guard size < last / 2 else {
                return dtype == .float64 && last <= DampedSolution.tolerance * length ? x : nil
            }
            (x, left, last) = (next, rest, size)
        }
        return last <= DampedSolution.tolerance * length ? x : nil
    }
}

/// Keeps the passes while they have fewer rows than there are parameters, then sums the whole matrix.
struct InformationSystemAccumulator: CurvatureAccumulator {
    private let estimator: CurvatureEstimator
    private let run: PassRun
    private let parameterCount: Int
    private var passes: [BackwardPass] = []
    /// The bytes that were last compared with the memory there is.
    private var checkedByteCount = 1e8
    private var matrix: MatrixAccumulator?

    init(_ estimator: CurvatureEstimator, _ run: PassRun) {
        self.estimator = estimator
        self.run = run
        parameterCount = estimator.parameters.reduce(0) { $0 + $1.parameter.wrappedValue.count }
    }

    mutating func add(_ pass: BackwardPass) throws {
        if matrix == nil, (passes.count + 1) * run.units < parameterCount {
            passes.append(pass)
            try checkMemory()
            return
        }
        if matrix == nil {
            try estimator.check([.full(run.source)])
            matrix = MatrixAccumulator(estimator, run, blocks: [estimator.parameters], isWhole: true)
            for kept in passes { try matrix?.add(kept) }
            passes = []
        }
        try matrix?.add(pass)
    }

    /// Throws `tooLarge` if the passes and half of J J^T do not fit into the memory there is.
    private mutating func checkMemory() throws(CurvatureError) {
        let kept = passes.last?.uses.values.joined().reduce(0.0) { $0 + Double($1.outputGradient.byteCount) }
        let rows = Double(passes.count * run.units)
        let bytes = (kept ?? 0) * Double(passes.count) + rows * rows * 2
        guard bytes > checkedByteCount * 1.2 else { return }
        checkedByteCount = bytes
        let available = AvailableMemory.byteCount
        if bytes > available {
            throw .tooLarge(structure: "system", byteCount: bytes, available: available)
        }
    }

    func finished() throws -> any Summable {
        if let found = try matrix?.finished() as? FullInformation { return InformationSystem(found) }
        return InformationSystem(UnitGradients(passes, run, by: estimator))
    }
}
