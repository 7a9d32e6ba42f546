import Torch

/// The eigenvalues and eigenvectors of a positive semidefinite matrix, checked; those of its diagonal if the
/// check fails.
package struct SafeEigen {
    /// The condition that a decomposition M = Q diag(l) Q^T must satisfy.
    package enum Check {
        /// M v = Q (l Q^T v) to a thousandth of |M v|, for one vector: n^2 multiplications.
        case product
        /// |Q diag(l) Q^T - M| is rounding error only: n^3 multiplications.
        case residual
        /// |Q^T Q - 1| is rounding error only: n^3 multiplications. The values are not checked.
        case orthonormality
    }

    /// The eigenvalues, ascending; none is negative.
    package let values: Tensor
    /// The eigenvectors as columns.
    package let vectors: Tensor
    /// 1 if only the diagonal was used.
    package let fallbackCount: Int

    /// Decomposes; the lower triangle is read. Throws if the matrix could not be computed.
    package init(_ matrix: Tensor) throws(TorchError) {
        try matrix.check()
        if let found = SafeEigen.decomposition(of: matrix, .product) {
            (values, vectors, fallbackCount) = (found.values.clamped(min: 0), found.vectors.contiguous(), 0)
            return
        }
        values = matrix.diagonal().clamped(min: 0)
        vectors = .identity(matrix.shape[0], dtype: matrix.dtype, device: matrix.device)
        fallbackCount = 1
    }

    /// The decomposition of a symmetric matrix, values ascending; nil if it fails its check.
    ///
    /// - Parameters:
    ///   - matrix: M, of which the lower triangle is read.
    ///   - check: what it must satisfy.
    ///   - decompose: the decomposition; another one in tests.
    package static func decomposition(
        of matrix: Tensor, _ check: Check,
        by decompose: (Tensor) -> (values: Tensor, vectors: Tensor) = { $0.symmetricEigen() }
    ) -> (values: Tensor, vectors: Tensor)? {
        let found = decompose(matrix)
        guard found.values.failure == nil, found.vectors.failure == nil else { return nil }
        let holds =
            switch check {
            case .product: (try? givesProduct(found, of: matrix)) ?? false
            case .residual: givesMatrix(found, matrix)
            case .orthonormality: isOrthonormal(found.vectors)
            }
        return holds ? found : nil
    }

    /// The eigenvectors with a basis of the null space that does not depend on how they were computed.
    ///
    /// Any orthonormal basis of the null space of a matrix M without full rank consists of eigenvectors, and rounding
    /// chooses one. Whatever else is measured in that basis, as the diagonals of EKFAC and SOAP are, would follow it.
    /// The canonical one is made of the eigenvectors of N D N, eigenvalues ascending, for the projector N onto the null
    /// space and D = diag(2 - k/n), k = 0, 1, ..., n - 1: a coordinate axis that lies in the null space is one of them.
    /// Eigenvalues up to n unit roundoffs of the largest count as zero. Signs stay free. Costs a second
    /// decomposition, of a matrix as large as the null space, where that has two dimensions or more; nil if it has not, or if
    /// the result is not orthonormal.
    ///
    /// - Parameter found: the eigenvalues and eigenvectors of M, ascending.
    package static func canonicalVectors(
        of found: (values: Tensor, vectors: Tensor)
    ) throws(TorchError) -> Tensor? {
        let (values, vectors) = (try found.values.scalars(as: Double.self), found.vectors)
        let n = values.count
        let least = (values.last ?? 0) * vectors.dtype.ulpOfOne * Double(n)
        let nullity = values.prefix { $0 <= least }.count
        if nullity <= 1 { return nil }
        let range = vectors.narrowed(1, from: nullity, length: n - nullity)
        // With N = V V^T the eigenvectors of N D N in the null space are V w for those w of V^T D V, which is smaller.
        let null = vectors.narrowed(1, from: 0, length: nullity)
        let weights = Tensor((0..<n).map { 2 - Double($0) / Double(n) }).to(
            dtype: vectors.dtype, device: vectors.device)
        let inside = symmetricProduct(null, null * weights.unsqueezed(1)).symmetricEigen().vectors
        let basis = Tensor.concatenated([transposedProduct(null.transposed(), inside), range], along: 1)
        return isOrthonormal(basis) ? basis : nil
    }

    /// The eigenvectors, those of a null space canonical.
    package var canonicalVectors: Tensor {
        get throws(TorchError) {
            if fallbackCount > 0 { return vectors }
            return try SafeEigen.canonicalVectors(of: (values, vectors)) ?? vectors
        }
    }

    private static func givesProduct(
        _ found: (values: Tensor, vectors: Tensor), of matrix: Tensor
    ) throws(TorchError) -> Bool {
        let v = probe(matrix.shape[0], like: matrix)
        let product = matrix.matmul(v)
        let again = found.vectors.matmul(found.values * found.vectors.transposed(0, 1).matmul(v))
        let (residual, size) = (try (again - product).norm().item(), try product.norm().item())
        let largest = try found.values.magnitude().largest().item()
        return residual <= 1e-3 * max(size, largest) && size.isFinite
    }

    private static func givesMatrix(_ found: (values: Tensor, vectors: Tensor), _ matrix: Tensor) -> Bool {
        // Scaled by the largest element, so that no square overflows or vanishes.
        let scale = matrix.magnitude().max().clamped(min: matrix.dtype.leastNormalMagnitude)
        let rebuilt = (found.vectors * (found.values / scale)).matmul(found.vectors.transposed())
        return isRounding(rebuilt - matrix / scale)
    }

    /// Whether |Q^T Q - 1| is rounding error only.
    package static func isOrthonormal(_ q: Tensor) -> Bool {
        guard q.failure == nil else { return false }
        return isRounding(gram(q) - Tensor.identity(q.shape[1], dtype: q.dtype, device: q.device))
    }

    private static func isRounding(_ difference: Tensor) -> Bool {
        guard let error = try? difference.norm().item() else { return false }
        return error <= 50 * difference.dtype.ulpOfOne * Double(difference.shape[0])
    }

    /// A fixed vector of ones with irregular signs, by which matrices are checked.
    package static func probe(_ count: Int, like other: Tensor) -> Tensor {
        Tensor((0..<count).map { ($0 &* 2_654_435_761) >> 7 & 1 == 0 ? 1.0 : -1 }, shape: [count])
            .to(dtype: other.dtype, device: other.device)
    }
}
