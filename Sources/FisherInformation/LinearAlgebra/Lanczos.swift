import Torch

/// The result of a few Lanczos steps on a symmetric matrix.
public struct LanczosResult {
    /// The Ritz values, descending: the extreme ones approach the matrix's own eigenvalues first.
    public let values: [Double]
    /// The squared first component of each Ritz vector: the weights of a quadrature.
    public let weights: [Double]
    /// The Ritz vectors as columns, [size, steps], in the order of the values.
    public let vectors: Tensor
    /// |A v - value v| of each, from the last off-diagonal element.
    public let residuals: [Double]
}

extension SymmetricOperator {
    /// Lanczos' iteration (1950) with full orthogonalization, in the operator's own precision; the small
    /// tridiagonal matrix in float64. Costs `steps` products and 4 steps^2 size operations; ends early where the
    /// space is exhausted.
    ///
    /// - Parameters:
    ///   - steps: the number of steps.
    ///   - start: the first vector, of any length but zero.
    public func lanczos(steps: Int, start: Tensor) throws -> LanczosResult {
        let length = try start.norm().item()
        precondition(steps > 0 && length > 0, "Lanczos needs a step and a direction")
        var basis = [start / length]
        var (diagonal, off): ([Double], [Double]) = ([], [])
        for step in 0..<min(steps, size) {
            var next = try self(basis[step])
            diagonal.append(try (basis[step] * next).sum(dtype: .float64).item())
            // Orthogonalizing twice is enough (Kahan and Parlett).
            let all = Tensor.stacked(basis, along: 1)
            for _ in 0..<2 {
                next = next - all.matmul(all.transposed().matmul(next.unsqueezed(1))).flattened()
            }
            let rest = try next.norm().item()
            off.append(rest)
            let scale = diagonal.map(abs).max() ?? 0
            if step + 1 == min(steps, size) || rest <= scale * 1e-12 { break }
            basis.append(next / rest)
        }
        let count = diagonal.count
        var elements = [Double](repeating: 0, count: count * count)
        for k in 0..<count {
            elements[k * count + k] = diagonal[k]
            if k + 1 < count {
                elements[k * count + k + 1] = off[k]
                elements[(k + 1) * count + k] = off[k]
            }
        }
        let (values, vectors) = Tensor(elements, shape: [count, count]).symmetricEigen()
        let (ascending, components) = (
            try values.scalars(as: Double.self), try vectors.scalars(as: Double.self)
        )
        let order = Array((0..<count).reversed())
        let turned = vectors.gathering(Tensor(order.map(Int64.init)), along: 1).to(dtype: dtype)
        return LanczosResult(
            values: order.map { ascending[$0] },
            weights: order.map { components[$0] * components[$0] },
            vectors: Tensor.stacked(Array(basis.prefix(count)), along: 1).matmul(turned),
            residuals: order.map { abs((off.last ?? 0) * components[(count - 1) * count + $0]) })
    }

    /// The largest eigenvalues by Lanczos from a random vector, with their residuals.
    public func topEigenvalues(
        _ count: Int, steps: Int? = nil, using generator: RandomGenerator
    ) throws -> [(value: Double, residual: Double)] {
        let start = Tensor.normal([size], dtype: dtype, using: generator)
        let found = try lanczos(steps: steps ?? max(2 * count + 20, 30), start: start)
        return zip(found.values, found.residuals).prefix(count).map { ($0, $1) }
    }
}
