import Torch

/// The quintic iteration that brings a matrix near its orthogonal polar factor (Jordan et al. 2024):
///
///     X_0 = G / (|G|_F + epsilon),   X <- a X + (b M + c M^2) X,   M = X X^T
///
/// with M = X^T X on the other side where G is tall. A step maps each singular value s to p(s) = a s + b s^3
/// + c s^5; five iterations bring those in [0.01, 1] into [0.68, 1.13].
package struct NewtonSchulz {
    static let (a, b, c) = (3.4445, -4.7750, 2.0315)

    package let steps: Int
    package let epsilon: Double
    /// Whether the iteration runs in bfloat16.
    package var inBFloat16 = false

    package init(steps: Int, epsilon: Double, inBFloat16: Bool = false) {
        self.steps = steps
        self.epsilon = epsilon
        self.inBFloat16 = inBFloat16
    }

    /// The iteration on a matrix of rank two. A zero matrix stays zero.
    package func callAsFunction(_ g: Tensor) -> Tensor {
        guard g.failure == nil, g.count > 0 else { return g }
        let norm = frobeniusNorm(g) + epsilon
        let x = g / inPrecision(of: g, norm.masked(norm.equals(0), with: 1))
        let (short, long) = (min(g.shape[0], g.shape[1]), max(g.shape[0], g.shape[1]))
        // Products of M would lose too much in eight significant bits: bfloat16 uses the iteration as
        // published.
        if inBFloat16 {
            do { return try iterated(x.to(dtype: .bfloat16)).to(dtype: g.dtype) } catch {
                return Tensor(failed: error)
            }
        }
        return long >= 2 * short && steps > 1 ? iteratedOnGram(x) : iteratedBySums(x)
    }

    /// The iteration as published, with M = Y^T Y for the tall one of X and its transpose, Y <- a Y + Y P,
    /// P = b M + c M^2, and half of each symmetric product.
    private func iteratedBySums(_ start: Tensor) -> Tensor {
        let isTall = start.shape[0] > start.shape[1]
        var y = isTall ? start : start.transposed()
        for _ in 0..<steps {
            let m = gram(y)
            let p = m * Self.b + gram(m) * Self.c
            y = y * Self.a + transposedProduct(y.transposed(), p)
        }
        return isTall ? y : y.transposed()
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
    /// X_k = Q_k X_0, Q <- P Q, M <- P M P, P = a I + b M + c M^2. Four products of m x m a step, all of them of
    /// symmetric matrices.
    private func iteratedOnGram(_ x: Tensor) -> Tensor {
        let isTall = x.shape[0] > x.shape[1]
        var m = gram(isTall ? x : x.transposed())
        var q: Tensor?
        for step in 1...steps {
            // p is P - a I: the multiple of the identity is added within the products.
            let p = m * Self.b + gram(m) * Self.c
            q = q.map { $0 * Self.a + transposedProduct($0, p) } ?? p.addingDiagonal(Self.a)
            if step == steps { break }
            let half = m * Self.a + transposedProduct(m, p)
            m = half * Self.a + transposedProduct(half, p)
        }
        guard let q else { return x }
        return isTall ? transposedProduct(x.transposed(), q) : transposedProduct(q, x)
    }
}
