import Torch

/// A rule that keeps a Gaussian over the parameters, whose mean they are, and takes its gradients at draws from it.
protocol PosteriorRule: CurvatureRule {
    /// The number of draws of the parameters in a step.
    var draws: Int { get }

    /// The standard deviation of each element before an update, in the shape and type of `parameter`.
    func deviation(like parameter: Tensor, state: TensorState, decays: Bool, at step: Int) -> Tensor
}

/// A rule that keeps many tensors of a parameter's size, for which there must be memory.
protocol HistoryRule: OptimizationRule {
    /// The memory of its state in bytes; it may be beyond any memory.
    func stateByteCount(of parameters: [Tensor]) -> Double
}
