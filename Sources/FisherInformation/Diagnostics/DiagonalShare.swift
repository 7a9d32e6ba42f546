import Torch

/// How much of a matrix a diagonal keeps: the share of its squared energy, sum_i m_ii^2 / sum_ij m_ij^2.
public struct DiagonalShare: Hashable, Sendable, Codable {
    /// The share of the second moment as it is.
    public let raw: Double
    /// The share of the covariance, the mean subtracted: the positive outputs of a rectifier share a mean in
    /// all pairs of inputs, which no diagonal keeps. Nil if the mean is not known.
    public let centred: Double?

    /// The shares of a second moment M = E[x x^T].
    ///
    /// - Parameters:
    ///   - moment: M, [n, n].
    ///   - mean: E[x], [n].
    ///   - weight: the multiple of the mean's outer product to subtract: 1 for M an average over the terms of the
    ///     mean, the number of terms over M's own divisor otherwise.
    public init(of moment: Tensor, mean: Tensor? = nil, weight: Double = 1) throws(TorchError) {
        raw = try Self.share(moment)
        guard let mean else {
            centred = nil
            return
        }
        let column = mean.to(dtype: .float64).unsqueezed(1)
        centred = try Self.share(
            moment.to(dtype: .float64) - column.matmul(column.transposed()) * weight)
    }

    /// 1 for a matrix of zeros, of which nothing is lost.
    private static func share(_ matrix: Tensor) throws(TorchError) -> Double {
        let all = try matrix.to(dtype: .float64).squared().sum().item()
        let diagonal = try matrix.diagonalScalars().reduce(0) { $0 + $1 * $1 }
        return all > 0 ? diagonal / all : 1
    }
}
