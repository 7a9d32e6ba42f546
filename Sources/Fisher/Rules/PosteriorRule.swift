import Torch

/// A rule that keeps a Gaussian over the parameters, whose mean they are, and takes its gradients at draws from it.
protocol PosteriorRule: CurvatureRule {
    /// The number of draws of the parameters in a step.
    var draws: Int { get }

    /// The standard deviation of each element before an update, in the shape and type of `parameter`.
    func deviation(like parameter: Tensor, state: TensorState, decays: Bool, at step: Int) -> Tensor
}

/// The second moments of a parameter's draws and the gradients at them.
struct DrawnMoments {
    /// The mean of (theta_s - theta) g(theta_s) over draws s.
    var products: Tensor
    /// The mean of g(theta_s)^2 over draws s.
    var squares: Tensor

    static func + (a: DrawnMoments, b: DrawnMoments) -> DrawnMoments {
        DrawnMoments(products: a.products + b.products, squares: a.squares + b.squares)
    }

    /// Those of gradients that are scaled by a factor.
    func scaled(by factor: Double) -> DrawnMoments {
        DrawnMoments(products: products * factor, squares: squares * (factor * factor))
    }

    /// The same sums over a count.
    func divided(by count: Double) -> DrawnMoments {
        DrawnMoments(products: products / count, squares: squares / count)
    }
}
