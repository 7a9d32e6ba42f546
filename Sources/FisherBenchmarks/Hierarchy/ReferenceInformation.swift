import Fisher
import FisherInformation
import FisherTraining
import Torch

/// The Fisher information that a hierarchy is measured by: in closed form, or from draws of the model's own labels.
///
/// From draws it is kept as two halves, each of half the draws: how much a quantity differs between all draws and half of
/// them is about how much it differs between all draws and infinitely many, since a bias of the draws goes as one over
/// their number.
struct ReferenceInformation {
    /// Products with each part, and the part as a matrix in float64 if it was asked for.
    private let parts: [(product: SymmetricOperator, matrix: Tensor?)]
    /// The parts' mean as a matrix.
    private let matrix: Tensor?

    /// The type of vectors.
    var dtype: DType { parts[0].product.dtype }
    /// The halves' positions; none for a closed form.
    var halves: Range<Int> { parts.count > 1 ? parts.indices : 0..<0 }

    /// Estimates the information of some mini-batches together, and the gradient of the last one.
    ///
    /// - Parameters:
    ///   - estimator: of the model whose weights stay as they are.
    ///   - draws: draws of labels a unit; nil for the closed form.
    ///   - isDense: whether matrices are made.
    ///   - seed: of the draws.
    ///   - batches: each mini-batch's objective and number of units.
    static func estimate(
        by estimator: CurvatureEstimator, draws: Int?, isDense: Bool, seed: UInt64,
        of batches: [(objective: () throws -> Objective, units: Int)]
    ) throws -> (information: ReferenceInformation, gradient: [ParameterPath: Tensor]) {
        let source = draws.map { CurvatureSource.sampled(max(1, $0 / 2)) } ?? .exact
        // A matrix of draws gives the products too: what the draws' passes captured is not kept.
        let requests: [CurvatureRequest] =
            (isDense && draws != nil ? [] : [.products(source)]) + (isDense ? [.full(source)] : [])
        let generator = try RandomGenerator(seed: seed)
        var found = (0..<(draws == nil ? 1 : 2)).map { _ in CurvatureEstimates() }
        var slopes: [ParameterPath: Tensor] = [:]
        for (number, batch) in batches.enumerated() {
            for half in found.indices {
                try Interruption.poll()
                let wantsGradient = half == 0 && number + 1 == batches.count
                let own = try estimator.estimate(
                    requests + (wantsGradient ? [.gradient] : []), of: batch.objective(), units: batch.units,
                    using: generator)
                if wantsGradient { slopes = own.gradient ?? [:] }
                found[half] = try found[half] + own
            }
        }
        let parts = try found.map { found -> (product: SymmetricOperator, matrix: Tensor?) in
            let matrix = found.full(source)?.mean
            let product = found.products(source) ?? matrix.map(SymmetricOperator.init)
            guard let product else { throw CurvatureError.noObservations }
            return (product, matrix?.to(dtype: .float64))
        }
        return (ReferenceInformation(parts), slopes)
    }

    private init(_ parts: [(product: SymmetricOperator, matrix: Tensor?)]) {
        self.parts = parts
        let matrices = parts.compactMap(\.matrix)
        matrix = matrices.count < 2 ? matrices.first : (matrices[0] + matrices[1]) / 2
    }

    /// F v.
    func callAsFunction(_ vector: Tensor) throws -> Tensor {
        let products = try parts.map { try $0.product(vector) }
        return products.count == 1 ? products[0] : (products[0] + products[1]) / 2
    }

    /// F v for F of a half of the draws.
    func product(ofHalf half: Int, _ vector: Tensor) throws -> Tensor { try parts[half].product(vector) }

    /// (F + damping I)^-1 g: from the matrix in float64, or by conjugate gradients.
    ///
    /// - Parameters:
    ///   - gradient: g.
    ///   - damping: the damping.
    ///   - half: the half of the draws that F is of; nil for all.
    ///   - start: where the iterations begin.
    func solution(
        _ gradient: Tensor, damping: Double, half: Int? = nil, from start: Tensor? = nil
    ) throws -> Tensor {
        if let matrix = half.map({ parts[$0].matrix }) ?? matrix {
            return try DampedSolution(matrix, damping: damping, gradient).solution.to(dtype: gradient.dtype)
        }
        let damped = SymmetricOperator(size: parts[0].product.size, dtype: dtype) { vector in
            let product = try half.map { try self.product(ofHalf: $0, vector) } ?? self(vector)
            return product + vector * damping
        }
        // A half's solution is compared in angle only, and starts near its end.
        return try ConjugateGradients(
            damped, gradient, start: start, tolerance: half == nil ? 1e-4 : 1e-3, maximumIterations: 500
        ).solution
    }
}
