import Torch

/// The quintic iteration that brings a matrix near its orthogonal polar factor (Jordan et al. 2024):
///
///     X_0 = G / (|G|_F + epsilon),   X <- a X + (b M + c M^2) X,   M = X X^T
///
/// on G transposed where it is tall. Each singular value s goes through p(s) = a s + b s^3 + c s^5; five times
/// bring those in [0.01, 1] into [0.68, 1.13].
enum NewtonSchulz {
    static let (a, b, c) = (3.4445, -4.7750, 2.0315)

    /// The iteration on a matrix of rank two, in its own precision or in bfloat16. A zero matrix stays zero.
    static func orthogonalised(_ g: Tensor, steps: Int, epsilon: Double, inBFloat16: Bool = false) -> Tensor {
        guard g.failure == nil, g.count > 0 else { return g }
        let (rows, columns) = (g.shape[0], g.shape[1])
        let norm = g.rootMeanSquare() * Double(g.count).squareRoot() + epsilon
        let x = quotient(rows > columns ? g.transposed() : g, inPrecision(of: g, norm))
        let y: Tensor
        if inBFloat16 {
            // The products of M would lose what eight bits do not hold: the iteration is the published one.
            y = iterated(x.to(dtype: .bfloat16).contiguous(), steps).to(dtype: g.dtype)
        } else {
            let isWide = max(rows, columns) >= 2 * min(rows, columns) && steps > 1
            y = isWide ? iteratedOnGram(x, steps) : iterated(x, steps)
        }
        return rows > columns ? y.transposed() : y
    }

    /// The iteration as published: 2 m^2 n + m^3 multiplications a step.
    private static func iterated(_ start: Tensor, _ steps: Int) -> Tensor {
        var x = start
        for _ in 0..<steps {
            let m = x.matmul(x.transposed())
            let q = m.addingProduct(m, m, scale: c, keeping: b)
            x = x.addingProduct(q, x, keeping: a)
        }
        return x
    }

    /// The same polynomials for a wide matrix, where they are cheaper on M = X X^T, with which they commute:
    /// X_k = Q_k X_0, Q <- P Q, M <- P M P, P = a I + b M + c M^2. Four products of m x m a step.
    private static func iteratedOnGram(_ x: Tensor, _ steps: Int) -> Tensor {
        var m = x.matmul(x.transposed())
        var q: Tensor?
        for step in 1...steps {
            // P - a I: the multiple of the identity is left to the products.
            let p = m.addingProduct(m, m, scale: c, keeping: b)
            q = q.map { $0.addingProduct($0, p, keeping: a) } ?? p + identity(like: p) * a
            if step == steps { break }
            let half = m.addingProduct(m, p, keeping: a)
            m = half.addingProduct(half, p, keeping: a)
        }
        return q.map { $0.matmul(x) } ?? x
    }

    private static func identity(like matrix: Tensor) -> Tensor {
        guard matrix.failure == nil else { return matrix }
        return .identity(matrix.shape[0], dtype: matrix.dtype, device: matrix.device)
    }
}
