import Foundation
import Torch

/// The quintic iteration that brings a matrix near its orthogonal polar factor (Jordan et al. 2024):
///
///     X_0 = G / (|G|_F + epsilon),   X <- a X + (b M + c M^2) X,   M = X X^T
///
/// with M = X^T X on the other side where G is tall. A step maps each singular value s to
/// p(s) = a s + b s^3 + c s^5; five iterations bring those in [0.01, 1] into [0.68, 1.13].
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

    /// The iteration on a matrix of rank two, times a factor. A zero matrix stays zero.
    package func callAsFunction(_ g: Tensor, times factor: Double = 1) -> Tensor {
        guard g.failure == nil, g.count > 0 else { return g }
        do {
            // Products of M would lose too much in eight significant bits: bfloat16 uses the iteration as published.
            if inBFloat16 {
                return try iterated(normalized(g).to(dtype: .bfloat16)).to(dtype: g.dtype) * factor
            }
            let m = shorterGram(g)
            let squares = try m.diagonal().sum().item()
            guard Self.measurable.contains(squares) else {
                let x = normalized(g)
                return iterated(x, shorterGram(x), over: 1, times: factor)
            }
            return iterated(g, m, over: squares.squareRoot() + epsilon, times: factor)
        } catch { return Tensor(failed: error) }
    }

    /// The sums of squares whose squares neither overflow nor vanish in float32.
    private static let measurable = 1e-15...1e15

    /// X_0, by a norm that is finite whatever g is.
    private func normalized(_ g: Tensor) -> Tensor {
        let norm = frobeniusNorm(g) + epsilon
        return g / inPrecision(of: g, norm.masked(norm.equals(0), with: 1))
    }

    /// g g^T or g^T g, of the shorter side.
    private func shorterGram(_ g: Tensor) -> Tensor { gram(g.shape[0] > g.shape[1] ? g : g.transposed()) }

    /// The iteration from g over its norm, with M_0 of the shorter side.
    private func iterated(_ g: Tensor, _ m: Tensor, over norm: Double, times factor: Double) -> Tensor {
        let (short, long) = (min(g.shape[0], g.shape[1]), max(g.shape[0], g.shape[1]))
        return 2 * long >= 3 * short && steps > 1
            ? iteratedOnGram(g, m, over: norm, times: factor)
            : iteratedBySums(g, m, over: norm, times: factor)
    }

    /// The iteration as published, with M = Y^T Y for the tall one of X and its transpose, Y <- a Y + Y P,
    /// P = b M + c M^2, and half of each symmetric product. The first step's sums include the norm, the last one's
    /// the factor, because a pass over the matrix costs more than a multiplication within a product.
    private func iteratedBySums(_ start: Tensor, _ first: Tensor, over norm: Double, times factor: Double)
        -> Tensor
    {
        guard steps > 0 else { return start * (factor / norm) }
        let isTall = start.shape[0] > start.shape[1]
        var y = isTall ? start : start.transposed()
        for step in 1...steps {
            let m = step == 1 ? first : gram(y)
            let (inner, outer) = (step == 1 ? 1 / norm : 1, step == steps ? factor : 1)
            let p = symmetricProduct(
                m, m, scale: Self.c * pow(inner, 4), keeping: Self.b * pow(inner, 2), added: m)
            y = transposedProduct(
                y.transposed(), p, scale: inner * outer, keeping: Self.a * inner * outer, added: y)
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
    /// X_k = Q_k X_0, Q <- P Q, M <- P M P, P = a I + b M + c M^2. Four products of m x m a step, of which half need to
    /// be made: all are symmetric.
    private func iteratedOnGram(_ x: Tensor, _ first: Tensor, over norm: Double, times factor: Double)
        -> Tensor
    {
        let isTall = x.shape[0] > x.shape[1]
        var m = first
        var q: Tensor?
        for step in 1...steps {
            // p is P - a I: the multiple of the identity is added within the products.
            let inner = step == 1 ? pow(norm, -2) : 1
            let p = symmetricProduct(m, m, scale: Self.c * inner * inner, keeping: Self.b * inner, added: m)
            q =
                q.map { symmetricProduct($0, p, keeping: Self.a, added: $0) }
                ?? p.addingDiagonal(Self.a)
            if step == steps { break }
            let half = symmetricProduct(m, p, scale: inner, keeping: Self.a * inner, added: m)
            m = symmetricProduct(half, p, keeping: Self.a, added: half)
        }
        guard let q else { return x }
        return isTall
            ? transposedProduct(x.transposed(), q, scale: factor / norm)
            : transposedProduct(q, x, scale: factor / norm)
    }
}
