import Torch

/// The minimum of g p + p^T B p / 2 within a ball, by conjugate gradients from zero (Toint 1981; Steihaug 1983).
///
/// The iterates grow in length. The first that would leave the ball is cut at its boundary, and a direction of negative
/// curvature is followed to the boundary; otherwise the solution is that of B p = -g. Nocedal and Wright (2006),
/// Algorithm 7.2.
package struct SteihaugToint {
    /// The step p.
    package let step: Tensor
    /// Whether |p| is the radius.
    package let isOnBoundary: Bool
    /// Whether a direction was found in which the matrix is not positive.
    package let metNegativeCurvature: Bool
    /// |B p + g| / |g| of the iterate before the boundary was met, from the recursion.
    package let relativeResidual: Double
    /// The number of products with B.
    package let iterations: Int

    /// Solves.
    ///
    /// - Parameters:
    ///   - matrix: B, symmetric; it may be indefinite.
    ///   - gradient: g.
    ///   - radius: the radius of the ball, more than zero.
    ///   - tolerance: the relative residual at which iterations stop.
    ///   - maximumIterations: the number of products allowed.
    package init(
        _ matrix: SymmetricOperator, _ gradient: Tensor, radius: Double, tolerance: Double,
        maximumIterations: Int
    ) throws {
        func dot(_ a: Tensor, _ b: Tensor) throws -> Double { try (a * b).sum(dtype: .float64).item() }
        /// The positive t with |p + t d| = radius.
        func reach(_ p: Tensor, _ d: Tensor) throws -> Double {
            let (a, b, c) = (try dot(d, d), try dot(p, d), try dot(p, p) - radius * radius)
            let root = max(b * b - a * c, 0).squareRoot()
            // The form without cancellation.
            return b > 0 ? -c / (b + root) : (root - b) / a
        }
        var (p, residual) = (Tensor.zeros(like: gradient), gradient)
        var direction = -gradient
        var square = try dot(gradient, gradient)
        let scale = square.squareRoot()
        var (made, isOutside, isNegative) = (0, false, false)
        while made < maximumIterations, scale > 0, square.squareRoot() > tolerance * scale {
            let product = try matrix(direction)
            made += 1
            let curvature = try dot(direction, product)
            let length = curvature > 0 ? square / curvature : .infinity
            let next = curvature > 0 ? p + direction * length : p
            isNegative = !(curvature > 0)
            let reached = try dot(next, next)
            if isNegative || !(reached < radius * radius) {
                p = p + direction * (try reach(p, direction))
                isOutside = true
                break
            }
            p = next
            residual = residual + product * length
            let following = try dot(residual, residual)
            direction = direction * (following / square) - residual
            square = following
        }
        try p.check()
        step = p
        isOnBoundary = isOutside
        metNegativeCurvature = isNegative
        relativeResidual = scale > 0 ? square.squareRoot() / scale : 0
        iterations = made
    }
}
