import Foundation
import Torch

/// (M + epsilon I)^-power of a symmetric positive semi-definite matrix by its eigenvectors, with a check.
///
/// The eigenvalues are kept above the rounding error of the largest, epsilon is added to them, and the
/// decomposition is taken in the matrix's own type. Where its residual |Q diag(l) Q^T - M| is large, or it
/// fails, it is repeated in float64 with 1e-3 of the mean eigenvalue added, and finally the matrix's diagonal
/// alone is used.
package struct InverseRoot {
    package let power: Double
    package let epsilon: Double
    /// The decomposition; another one in tests.
    var eigen: (Tensor) -> (values: Tensor, vectors: Tensor) = { $0.symmetricEigen() }

    package init(
        power: Double, epsilon: Double,
        eigen: @escaping (Tensor) -> (values: Tensor, vectors: Tensor) = { $0.symmetricEigen() }
    ) {
        self.power = power
        self.epsilon = epsilon
        self.eigen = eigen
    }

    /// The root, and the number of fallbacks that were needed (0, 1 or 2).
    package func callAsFunction(_ matrix: Tensor) -> (root: Tensor, fallbacks: Int) {
        guard matrix.failure == nil, matrix.count > 0 else { return (matrix, 0) }
        if let root = decomposed(matrix, damping: 0) { return (root, 0) }
        let wide = matrix.to(dtype: .float64)
        // A product in float32 is symmetric to float32's rounding only.
        let precise = (wide + wide.transposed()) / 2
        let mean = precise.diagonal().mean()
        if let value = try? mean.item(), value.isFinite,
            let root = decomposed(precise, damping: 1e-3 * value)
        {
            return (root.to(dtype: matrix.dtype), 1)
        }
        let diagonal = matrix.diagonal()
        let roots = power(of: diagonal.masked(diagonal.isFinite().equals(0), with: 0))
        return (
            roots.unsqueezed(1) * .identity(matrix.shape[0], dtype: matrix.dtype, device: matrix.device), 2
        )
    }

    /// The root; nil if the decomposition fails its check.
    private func decomposed(_ matrix: Tensor, damping: Double) -> Tensor? {
        guard let (values, vectors) = SafeEigen.decomposition(of: matrix, .residual, by: eigen) else {
            return nil
        }
        let root = (vectors * power(of: values + damping)).matmul(vectors.transposed())
        guard let isFinite = try? root.isFinite().all().item(), isFinite != 0 else { return nil }
        return root
    }

    /// (max(l, u l_max) + epsilon)^-power; u is the rounding error of the type.
    private func power(of values: Tensor) -> Tensor {
        let (least, unit) = (values.dtype.leastNormalMagnitude, values.dtype.ulpOfOne)
        let floor = values.max() * unit
        return (values.maximum(floor) + epsilon).clamped(min: least).power(-power)
    }
}
