import Torch

/// The discs around a symmetric matrix's diagonal in which its eigenvalues lie (Gershgorin 1931).
///
/// Every eigenvalue lies in some interval of center m_ii and radius sum_(j != i) |m_ij|; k of them that touch
/// no other hold k eigenvalues. If the radii are small, the diagonal approximates the spectrum.
public struct GershgorinDiscs: Hashable, Sendable {
    /// The centers m_ii, the diagonal's elements.
    public let centres: [Double]
    /// The sums of the other elements' magnitudes in each row.
    public let radii: [Double]

    /// The discs of a symmetric matrix.
    public init(of matrix: Tensor) throws(TorchError) {
        let wide = matrix.to(dtype: .float64)
        let diagonal = try wide.diagonalScalars()
        centres = diagonal
        radii = try zip(wide.magnitude().sum(along: 1).scalars(as: Double.self), diagonal)
            .map { max(0, $0 - abs($1)) }
    }

    /// The interval in which all eigenvalues lie.
    public var bounds: ClosedRange<Double> {
        let low = zip(centres, radii).map { $0 - $1 }.min() ?? 0
        let high = zip(centres, radii).map { $0 + $1 }.max() ?? 0
        return low...max(low, high)
    }

    /// The share of rows whose disc does not reach zero: diagonally dominant ones. All of them prove the matrix
    /// positive definite.
    public var dominantShare: Double {
        guard !centres.isEmpty else { return 1 }
        return Double(zip(centres, radii).filter { $0 > $1 }.count) / Double(centres.count)
    }

    /// The sum of the radii over the sum of the centers' magnitudes: 0 for a diagonal matrix.
    public var relativeRadius: Double {
        let total = centres.reduce(0) { $0 + abs($1) }
        return total > 0 ? radii.reduce(0, +) / total : 0
    }
}
