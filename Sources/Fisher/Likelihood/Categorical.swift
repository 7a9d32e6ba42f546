import Torch

/// One class out of several: p(k) = softmax(logits)_k, independently at each position.
public struct Categorical: Likelihood {
    /// The target that marks a position as not observed.
    public static let masked = -100

    /// The logits, shape [..., classes].
    public let logits: Tensor

    /// Makes the likelihood of its logits, shape [..., classes].
    public init(logits: Tensor) { self.logits = logits }

    /// -sum log softmax(logits)[target] for int64 targets of shape [...]; a target of `masked` counts nothing.
    public func negativeLogLikelihood(of targets: Tensor) -> Tensor {
        if let failure = logits.failure ?? targets.failure { return Tensor(failed: failure) }
        // Flattened, targets of another shape could still have the right number of elements.
        guard let classes = logits.shape.last, targets.shape == Array(logits.shape.dropLast()) else {
            return Tensor(
                failed: TorchError(
                    message: "logits of shape \(logits.shape) have no targets of shape \(targets.shape)"))
        }
        return logits.reshaped([-1, classes])
            .crossEntropySum(targets: targets.flattened(), ignoring: Categorical.masked)
    }

    /// The number of unmasked targets; throws why the targets could not be computed, if so.
    public func observationCount(of targets: Tensor) throws(TorchError) -> Int {
        try targets.check()
        return targets.count - Int(try targets.equals(Double(Categorical.masked)).sum().item())
    }
}
