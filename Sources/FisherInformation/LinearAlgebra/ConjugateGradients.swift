import Torch

/// The solution of A x = b by conjugate gradients (Hestenes and Stiefel 1952), and how good it is.
public struct ConjugateGradients {
    /// The solution x.
    public let solution: Tensor
    /// |b - A x| / |b| after the last iteration, recomputed.
    public let relativeResidual: Double
    /// The number of products with A, the one for the residual not counted.
    public let iterations: Int
    /// Whether a direction was found in which the matrix is not positive: the solution is the best one before
    /// it.
    public let metNegativeCurvature: Bool

    /// Solves, from `start` or zero, until the residual is `tolerance` times |b| or the iterations are used up.
    ///
    /// - Parameters:
    ///   - matrix: A, symmetric; positive definite or nearly so.
    ///   - target: b.
    ///   - start: where to begin; the last solution of a similar problem saves iterations.
    ///   - tolerance: the relative residual at which iterations stop.
    ///   - maximumIterations: the number of products allowed.
    ///   - preconditioner: an approximation of A's inverse as a product.
    public init(
        _ matrix: SymmetricOperator, _ target: Tensor, start: Tensor? = nil, tolerance: Double = 1e-8,
        maximumIterations: Int = 100, preconditioner: ((Tensor) throws -> Tensor)? = nil
    ) throws {
        func dot(_ a: Tensor, _ b: Tensor) throws -> Double { try (a * b).sum(dtype: .float64).item() }
        let scale = try dot(target, target).squareRoot()
        var x = start ?? .zeros(like: target)
        var residual = start == nil ? target : target - (try matrix(x))
        var z = try preconditioner?(residual) ?? residual
        var direction = z
        var slope = try dot(residual, z)
        var made = 0
        var isNegative = false
        while made < maximumIterations, scale > 0,
            try dot(residual, residual).squareRoot() > tolerance * scale
        {
            let product = try matrix(direction)
            made += 1
            let curvature = try dot(direction, product)
            guard curvature > 0 else {
                isNegative = true
                break
            }
            let step = slope / curvature
            x = x + direction * step
            residual = residual - product * step
            z = try preconditioner?(residual) ?? residual
            let next = try dot(residual, z)
            direction = z + direction * (next / slope)
            slope = next
        }
        solution = x
        iterations = made
        metNegativeCurvature = isNegative
        let left = target - (try matrix(x))
        relativeResidual = scale > 0 ? try dot(left, left).squareRoot() / scale : 0
    }
}
