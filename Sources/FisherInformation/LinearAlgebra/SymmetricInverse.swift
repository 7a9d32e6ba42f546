import Torch

/// (M + damping I)^-1 of a positive semidefinite matrix, checked; coarser where the check fails.
package struct SymmetricInverse {
    /// The inverse.
    package let inverse: Tensor
    /// How often a coarser one was tried.
    package let fallbackCount: Int

    /// Inverts; the lower triangle is read. Where the inverse fails its check the damping is raised to hundredths of
    /// the mean eigenvalue, and at last only the diagonal is inverted.
    package init(_ matrix: Tensor, damping: Double) throws(TorchError) {
        try matrix.check()
        var tries = 0
        let level = try matrix.diagonal().mean().item()
        for added in [damping, max(damping, 1e-4 * level), max(damping, 1e-2 * level)]
        where added.isFinite {
            let damped = matrix.addingDiagonal(added)
            let found = SymmetricInverse.recursive(damped)
            if try SymmetricInverse.holds(found, for: damped) {
                // In the order in which a saved one is read again, so that products round alike.
                inverse = found.contiguous()
                fallbackCount = tries
                return
            }
            tries += 1
        }
        inverse = SymmetricInverse.diagonal(matrix, damping: damping)
        fallbackCount = max(tries, 1)
    }

    /// The inverse by Schur complements: 4/3 n^3 multiplications, nearly all of them in large products.
    private static func recursive(_ m: Tensor) -> Tensor {
        if m.failure != nil { return m }
        let n = m.shape[0]
        guard n > 96 else {
            return Tensor.identity(n, dtype: m.dtype, device: m.device).choleskySolved(factor: m.cholesky())
        }
        let k = (n / 2 + 15) / 16 * 16
        let bT = m.narrowed(0, from: k, length: n - k).narrowed(1, from: 0, length: k).transposed(0, 1)
            .contiguous()
        let c = m.narrowed(0, from: k, length: n - k).narrowed(1, from: k, length: n - k)
        let first = recursive(m.narrowed(0, from: 0, length: k).narrowed(1, from: 0, length: k))
        let w = transposedProduct(bT, first)
        let last = recursive(c - transposedProduct(w.transposed(0, 1), bT))
        let u = transposedProduct(last, w)
        let side = -u
        return .concatenated([
            .concatenated([first + transposedProduct(w, u), side.transposed(0, 1)], along: 1),
            .concatenated([side, last], along: 1),
        ])
    }

    /// Whether M M^-1 v = v to a tenth of |v| for a vector of ones with changing signs.
    private static func holds(_ inverse: Tensor, for matrix: Tensor) throws(TorchError) -> Bool {
        if inverse.failure != nil { return false }
        let v = probe(matrix.shape[0], like: matrix)
        let residual = try (matrix.matmul(inverse.matmul(v)) - v).norm().item()
        return residual <= 0.1 * Double(matrix.shape[0]).squareRoot()
    }

    /// A vector of ones whose signs change at irregular places, the same always.
    package static func probe(_ count: Int, like other: Tensor) -> Tensor {
        Tensor((0..<count).map { ($0 &* 2_654_435_761) >> 7 & 1 == 0 ? 1.0 : -1 }, shape: [count])
            .to(dtype: other.dtype, device: other.device)
    }

    private static func diagonal(_ matrix: Tensor, damping: Double) -> Tensor {
        let d = matrix.diagonal() + damping
        let n = matrix.shape[0]
        return Tensor.identity(n, dtype: matrix.dtype, device: matrix.device) * quotient(.ones(like: d), d)
    }
}

/// The eigenvalues and eigenvectors of a positive semidefinite matrix, checked; those of its diagonal where the check
/// fails.
package struct SafeEigen {
    /// The eigenvalues, ascending; none is negative.
    package let values: Tensor
    /// The eigenvectors as columns.
    package let vectors: Tensor
    /// 1 where only the diagonal was used.
    package let fallbackCount: Int

    /// Decomposes; the lower triangle is read.
    package init(_ matrix: Tensor) throws(TorchError) {
        try matrix.check()
        let found = matrix.symmetricEigen()
        if try SafeEigen.holds(found, for: matrix) {
            (values, vectors, fallbackCount) = (found.values.clamped(min: 0), found.vectors.contiguous(), 0)
            return
        }
        values = matrix.diagonal().clamped(min: 0)
        vectors = .identity(matrix.shape[0], dtype: matrix.dtype, device: matrix.device)
        fallbackCount = 1
    }

    /// Whether M v = Q (l Q^T v) to a thousandth of |M v| for one vector.
    private static func holds(
        _ found: (values: Tensor, vectors: Tensor), for matrix: Tensor
    ) throws(TorchError) -> Bool {
        if found.values.failure != nil { return false }
        let v = SymmetricInverse.probe(matrix.shape[0], like: matrix)
        let product = matrix.matmul(v)
        let again = found.vectors.matmul(found.values * found.vectors.transposed(0, 1).matmul(v))
        let (residual, size) = (try (again - product).norm().item(), try product.norm().item())
        let largest = try found.values.magnitude().largest().item()
        return residual <= 1e-3 * max(size, largest) && size.isFinite
    }
}
