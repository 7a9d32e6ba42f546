import FisherInformation
import Foundation
import Torch

/// A diagonal with a low-rank part that brings off-diagonal elements and leaves the diagonal as it is, to a power.
///
///     F = D + kappa U U^T,   D = f - kappa diag(U U^T) >= (1 - kappa) f
///     d = D^rho + eh^(2 rho),   V = sqrt(kappa) d^(-1 / (2 rho)) U
///     M = d^(1/2) (I + V V^T)^rho d^(1/2)
///
/// At rho = 1 and eh = 0, M is F; without U it is FAdam's f^rho + eh^(2 rho); in between it is F's power in the
/// coordinates in which its diagonal part is the identity. M^-1 x costs products with U and the eigenvectors
/// of V^T V, a matrix of as many rows as U has columns:
///
///     M^-1 x = d^(-1/2) [z + V Y diag(((1 + s)^-rho - 1) / s) Y^T V^T z],   z = d^(-1/2) x,   V^T V = Y diag(s) Y^T
struct CorrelatedMetric {
    /// The columns of U as rows, [columns, elements].
    let factor: Tensor
    /// kappa, in [0, 1).
    let correlation: Double
    /// rho.
    let power: Double

    /// x -> M^-1 x for a diagonal f and eh^(2 rho), all in one shape.
    func division(_ f: Tensor, _ floor: Tensor) -> (Tensor) -> Tensor {
        let plain = raised(f, to: power) + floor
        guard f.failure == nil, factor.failure == nil, f.count > 0 else { return { quotient($0, plain) } }
        let flat = f.flattened()
        let share = factor.squared().sum(along: 0) * correlation
        let kept = (flat - share).maximum(flat * (1 - correlation))
        let d = raised(kept, to: power) + floor.flattened()
        let root = d.squareRoot()
        let v = quotient(
            factor * correlation.squareRoot(), raised(d, to: 1 / (2 * power)).expanded(factor.shape))
        let gram = v.matmul(v.transposed()).to(dtype: .float64)
        guard let found = SafeEigen.decomposition(of: gram, .orthonormality),
            let values = try? found.values.scalars(as: Double.self)
        else { return { quotient($0, plain) } }
        let weights = values.map { value -> Double in
            let s = max(value, 0)
            return s > 0 ? expm1(-power * log1p(s)) / s : -power
        }
        let small = (found.vectors * Tensor(weights)).matmul(found.vectors.transposed())
            .to(dtype: v.dtype, device: v.device)
        return { x in
            let z = quotient(x.flattened(), root).unsqueezed(1)
            let bent = z + v.transposed().matmul(small.matmul(v.matmul(z)))
            return quotient(bent.flattened(), root).reshaped(x.shape)
        }
    }
}
