import Torch

/// The quintic iteration that brings a matrix near its orthogonal polar factor (Jordan et al. 2024):
///
///     X_0 = G / (|G|_F + epsilon),   X <- a X + (b M + c M^2) X,   M = X X^T
///
/// with M = X^T X on the other side where G is tall. Each singular value s goes through
/// p(s) = a s + b s^3 + c s^5; five times bring those in [0.01, 1] into [0.68, 1.13].
struct NewtonSchulz {
    static let (a, b, c) = (3.4445, -4.7750, 2.0315)

    let steps: Int
    let epsilon: Double
    /// Whether the iteration runs in bfloat16.
    var inBFloat16 = false

    /// The iteration on a matrix of rank two. A zero matrix stays zero.
    func callAsFunction(_ g: Tensor) -> Tensor {
        guard g.failure == nil, g.count > 0 else { return g }
        let norm = frobeniusNorm(g) + epsilon
        let x = g / inPrecision(of: g, norm.filling(norm.equals(0), with: 1))
        let (short, long) = (min(g.shape[0], g.shape[1]), max(g.shape[0], g.shape[1]))
        do {
            // The products of M would lose what eight bits do not hold: there the iteration is the published one.
            if inBFloat16 { return try iterated(x.to(dtype: .bfloat16)).to(dtype: g.dtype) }
            return long >= 2 * short && steps > 1 ? try iteratedOnGram(x) : try iterated(x)
        } catch {
            return Tensor(failed: error)
        }
    }

    /// The iteration as published: 2 m^2 n + m^3 multiplications a step for m x n, m <= n. The buffers are kept
    /// from step to step, because new memory costs more than the small products.
    private func iterated(_ start: Tensor) throws(TorchError) -> Tensor {
        let isTall = start.shape[0] > start.shape[1]
        let size = min(start.shape[0], start.shape[1])
        var (x, next) = (start, Tensor.empty(start.shape, dtype: start.dtype, device: start.device))
        let m = Tensor.empty([size, size], dtype: start.dtype, device: start.device)
        let q = Tensor.empty([size, size], dtype: start.dtype, device: start.device)
        for _ in 0..<steps {
            try m.assignProduct(isTall ? x.transposed() : x, isTall ? x : x.transposed())
            try q.assignSum(m, keeping: Self.b, addingProduct: m, m, scale: Self.c)
            try next.assignSum(x, keeping: Self.a, addingProduct: isTall ? x : q, isTall ? q : x)
            (x, next) = (next, x)
        }
        return x
    }

    /// The same polynomials for a long matrix, where they are cheaper on M = X X^T, with which they commute:
    /// X_k = Q_k X_0, Q <- P Q, M <- P M P, P = a I + b M + c M^2. Four products of m x m a step.
    private func iteratedOnGram(_ x: Tensor) throws(TorchError) -> Tensor {
        let isTall = x.shape[0] > x.shape[1]
        let size = min(x.shape[0], x.shape[1])
        func buffer() -> Tensor { .empty([size, size], dtype: x.dtype, device: x.device) }
        // p is P - a I: the products take the multiple of the identity.
        let (m, p, half) = (buffer(), buffer(), buffer())
        var (q, next) = (buffer(), buffer())
        try m.assignProduct(isTall ? x.transposed() : x, isTall ? x : x.transposed())
        for step in 1...steps {
            try p.assignSum(m, keeping: Self.b, addingProduct: m, m, scale: Self.c)
            if step == 1 {
                try q.assign(p)
                try q.add(.identity(size, dtype: x.dtype, device: x.device), scale: Self.a)
            } else {
                try next.assignSum(q, keeping: Self.a, addingProduct: q, p)
                (q, next) = (next, q)
            }
            if step == steps { break }
            try half.assignSum(m, keeping: Self.a, addingProduct: m, p)
            try m.assignSum(half, keeping: Self.a, addingProduct: half, p)
        }
        return isTall ? x.matmul(q) : q.matmul(x)
    }
}
