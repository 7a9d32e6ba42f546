import Torch

/// The solution of (A + damping I) x = b for a symmetric, positive semi-definite matrix A, in float64.
///
/// Cholesky's factorization with a check of the residual. Where either fails the damping grows tenfold, from a
/// trillionth of A's mean diagonal at least, and that is counted; where nothing helps x is zero.
package struct DampedSolution {
    /// x, float64.
    package let solution: Tensor
    /// The damping with which it was found.
    package let damping: Double
    /// How often the damping had to grow.
    package let fallbackCount: Int

    /// The largest |(A + damping I) x - b| / |b| that passes.
    private static let tolerance = 1e-6
    private static let attempts = 16

    /// Solves; throws where A or b could not be computed.
    package init(_ matrix: Tensor, damping: Double, _ target: Tensor) throws(TorchError) {
        try matrix.check()
        let (matrix, b) = (matrix.to(dtype: .float64), target.to(dtype: .float64))
        let least = try 1e-12 * matrix.diagonal().mean().item()
        let length = try b.norm().item()
        var tried = damping
        for attempt in 0..<DampedSolution.attempts {
            let damped = matrix.addingDiagonal(tried)
            let x = damped.solvingPositiveDefinite(b)
            if x.failure == nil {
                let residual = try (damped.matmul(x.unsqueezed(1)).flattened() - b).norm().item()
                if residual <= DampedSolution.tolerance * length {
                    (solution, self.damping, fallbackCount) = (x, tried, attempt)
                    return
                }
            }
            tried = max(tried * 10, least)
        }
        (solution, self.damping, fallbackCount) = (.zeros(like: b), tried, DampedSolution.attempts)
    }
}
