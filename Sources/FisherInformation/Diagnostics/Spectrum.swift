import Foundation
import Torch

/// The eigenvalues of a positive semi-definite matrix, and quantities derived from them.
public struct Spectrum: Hashable, Sendable {
    /// The eigenvalues, descending; those that rounding made negative are zero.
    public let values: [Double]

    /// The spectrum of given eigenvalues.
    public init(values: [Double]) { self.values = values.map { max($0, 0) }.sorted(by: >) }

    /// The spectrum of a symmetric matrix, in float64. Costs about 10 n^3. Throws if it cannot be computed.
    public init(of matrix: Tensor) throws(TorchError) {
        try matrix.check()
        guard let found = SafeEigen.decomposition(of: matrix.to(dtype: .float64), .product) else {
            throw TorchError(message: "the eigenvalues of a matrix of shape \(matrix.shape) were not found")
        }
        self.init(values: try found.values.scalars(as: Double.self))
    }

    /// The spectrum of a matrix whose off-diagonals are removed: its diagonal.
    public init(diagonalOf matrix: Tensor) throws(TorchError) {
        self.init(values: try matrix.diagonalScalars())
    }

    /// The sum of the eigenvalues.
    public var trace: Double { values.reduce(0, +) }

    /// exp of the entropy of the eigenvalues as shares of their sum (Roy and Vetterli 2007): n for n equal ones, 1
    /// for a single one, 0 for a matrix of zeros. That of a Kronecker product is the product of the factors'.
    public var effectiveRank: Double {
        let total = trace
        guard total > 0 else { return 0 }
        return exp(values.reduce(0) { $1 > 0 ? $0 - $1 / total * log($1 / total) : $0 })
    }

    /// The largest eigenvalue over the smallest; infinite if the smallest is not above `cutoff` times the
    /// largest, which is rounding. That of a Kronecker product is the product of the factors'.
    public func conditionNumber(cutoff: Double = 1e-12) -> Double {
        guard let largest = values.first, let smallest = values.last, largest > 0 else { return .infinity }
        return smallest > cutoff * largest ? largest / smallest : .infinity
    }

    /// The number of eigenvalues above `cutoff` times the largest.
    public func rank(cutoff: Double = 1e-12) -> Int {
        values.prefix { $0 > cutoff * (values.first ?? 0) }.count
    }

    /// The largest eigenvalue over the smallest that is above `cutoff` times it: the condition number of the part that the
    /// matrix determines, without its null space; infinite for a matrix of zeros.
    public func rangeConditionNumber(cutoff: Double = 1e-12) -> Double {
        let rank = rank(cutoff: cutoff)
        return rank > 0 ? values[0] / values[rank - 1] : .infinity
    }

    /// How far the sorted eigenvalues move to those of another matrix of the size, relative to their norm.
    public func relativeShift(to other: Spectrum) -> Double {
        precondition(values.count == other.values.count, "two spectra of different sizes")
        let squares = values.reduce(0) { $0 + $1 * $1 }
        let moved = zip(values, other.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return squares > 0 ? (moved / squares).squareRoot() : 0
    }
}
