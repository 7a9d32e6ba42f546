import Torch

/// Solutions with positive definite matrices by Cholesky's factorization, whose failures are errors.
package enum SafeCholesky {
    /// M^-1 b for vectors b. Throws if M is not positive definite.
    package static func solution(_ matrix: Tensor, _ b: Tensor) throws(TorchError) -> Tensor {
        let x = matrix.solvingPositiveDefinite(b)
        try x.check()
        return x
    }

    /// The inverse M^-1. Throws if M is not positive definite.
    package static func inverse(_ matrix: Tensor) throws(TorchError) -> Tensor {
        let found = blockwiseInverse(matrix)
        try found.check()
        return found
    }

    /// The inverse by Schur complements: n^3 / 2 multiplications, nearly all of them in large products, of which half of the
    /// symmetric ones is made. Fails if M is not positive definite.
    static func blockwiseInverse(_ m: Tensor) -> Tensor {
        if m.failure != nil { return m }
        let n = m.shape[0]
        guard n > 96 else { return m.cholesky().choleskyInverted() }
        let k = (n / 2 + 15) / 16 * 16
        let bT = m.narrowed(0, from: k, length: n - k).narrowed(1, from: 0, length: k).transposed(0, 1)
            .contiguous()
        let c = m.narrowed(0, from: k, length: n - k).narrowed(1, from: k, length: n - k)
        let first = blockwiseInverse(m.narrowed(0, from: 0, length: k).narrowed(1, from: 0, length: k))
        let w = transposedProduct(bT, first)
        let last = blockwiseInverse(symmetricProduct(w.transposed(), bT, scale: -1, added: c))
        let u = transposedProduct(last, w)
        let side = -u
        return .concatenated([
            .concatenated([symmetricProduct(w, u, added: first), side.transposed(0, 1)], along: 1),
            .concatenated([side, last], along: 1),
        ])
    }

    /// The first attempt with a damped matrix that passes its check, with its damping and the number of those before.
    fileprivate static func firstPassing(
        _ matrix: Tensor, dampings: some Sequence<Double>,
        _ attempt: (_ damped: Tensor) throws(TorchError) -> Tensor?
    ) throws(TorchError) -> (found: Tensor, damping: Double, fallbackCount: Int)? {
        var count = 0
        for damping in dampings where damping.isFinite {
            if let found = try attempt(matrix.addingDiagonal(damping)) { return (found, damping, count) }
            count += 1
        }
        return nil
    }
}

/// The solution of (A + damping I) x = b for a symmetric, positive semi-definite matrix A, in float64.
///
/// Cholesky's factorization with a check of the residual. Where either fails the damping grows tenfold, from
/// a trillionth of A's mean diagonal at least, and that is counted; if nothing helps, x is zero.
package struct DampedSolution {
    /// The solution x, float64.
    package let solution: Tensor
    /// The damping with which it was found.
    package let damping: Double
    /// How often the damping had to grow.
    package let fallbackCount: Int

    /// The largest |(A + damping I) x - b| / |b| that passes.
    static let tolerance = 1e-6
    private static let attempts = 16

    /// A solution that another method found.
    package init(solution: Tensor, damping: Double) {
        (self.solution, self.damping) = (solution, damping)
        fallbackCount = 0
    }

    /// Solves; throws if A or b could not be computed.
    package init(_ matrix: Tensor, damping: Double, _ target: Tensor) throws(TorchError) {
        try matrix.check()
        let (matrix, b) = (matrix.to(dtype: .float64), target.to(dtype: .float64))
        let least = try 1e-12 * matrix.diagonal().mean().item()
        let length = try b.norm().item()
        var dampings = [damping]
        while dampings.count < Self.attempts {
            dampings.append(max(dampings[dampings.count - 1] * 10, least))
        }
        let passing = try SafeCholesky.firstPassing(matrix, dampings: dampings) { damped throws(TorchError) in
            let x = damped.solvingPositiveDefinite(b)
            if x.failure != nil { return nil }
            let residual = try (damped.matmul(x.unsqueezed(1)).flattened() - b).norm().item()
            return residual <= Self.tolerance * length ? x : nil
        }
        solution = passing?.found ?? .zeros(like: b)
        self.damping = passing?.damping ?? dampings[dampings.count - 1]
        fallbackCount = passing?.fallbackCount ?? Self.attempts
    }
}

/// (M + damping I)^-1 of a positive semidefinite matrix, checked, with fallbacks if the check fails.
package struct SymmetricInverse {
    /// The inverse.
    package let inverse: Tensor
    /// The number of fallbacks that were tried.
    package let fallbackCount: Int

    /// Inverts; the lower triangle is read. Where the inverse fails its check the damping is raised to hundredths of
    /// the mean eigenvalue, and at last only the diagonal is inverted.
    package init(_ matrix: Tensor, damping: Double) throws(TorchError) {
        try matrix.check()
        let level = try matrix.diagonal().mean().item()
        let dampings = [damping, max(damping, 1e-4 * level), max(damping, 1e-2 * level)].filter(\.isFinite)
        let passing = try SafeCholesky.firstPassing(matrix, dampings: dampings) { damped throws(TorchError) in
            let found = SafeCholesky.blockwiseInverse(damped)
            return try SymmetricInverse.holds(found, for: damped) ? found : nil
        }
        // Contiguous, as a restored one is, so that products round identically.
        inverse = passing?.found.contiguous() ?? SymmetricInverse.diagonal(matrix, damping: damping)
        fallbackCount = passing?.fallbackCount ?? max(dampings.count, 1)
    }

    /// Whether M M^-1 v = v to a tenth of |v| for a vector of ones with changing signs.
    private static func holds(_ inverse: Tensor, for matrix: Tensor) throws(TorchError) -> Bool {
        if inverse.failure != nil { return false }
        let v = SafeEigen.probe(matrix.shape[0], like: matrix)
        let residual = try (matrix.matmul(inverse.matmul(v)) - v).norm().item()
        return residual <= 0.1 * Double(matrix.shape[0]).squareRoot()
    }

    private static func diagonal(_ matrix: Tensor, damping: Double) -> Tensor {
        let d = matrix.diagonal() + damping
        let n = matrix.shape[0]
        return Tensor.identity(n, dtype: matrix.dtype, device: matrix.device) * quotient(.ones(like: d), d)
    }
}
