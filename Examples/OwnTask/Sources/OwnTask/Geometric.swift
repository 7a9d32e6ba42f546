import Fisher

/// The number of failures before the first success: P(y) = p (1 - p)^y with p = sigmoid(z), for logits z of shape [samples, 1].
public struct Geometric: Samplable {
    /// The logits z of success, shape [samples, 1].
    public let logits: Tensor

    /// Makes the likelihood of its logits.
    public init(logits: Tensor) { self.logits = logits }

    /// Every sample is one observation.
    public func observationCount(of targets: Tensor) throws(TorchError) -> Int {
        try targets.check()
        return targets.shape[0]
    }

    /// -log p - y log(1 - p).
    public func perObservationNegativeLogLikelihood(of targets: Tensor) -> Tensor {
        (-logits.logSigmoid() - targets * (-logits).logSigmoid()).sum(along: -1)
    }

    /// An exponential variable of rate -log(1 - p), rounded down.
    public func sample(using generator: RandomGenerator) -> Tensor {
        let rate = -(-logits.detached()).logSigmoid()
        return (Tensor.exponential(like: rate, using: generator) / rate).to(dtype: .int64).to(
            dtype: rate.dtype)
    }
}

/// F = 1 - p: the score y p - (1 - p) has this variance. The Hessian is (1 + y) p (1 - p).
extension Geometric: ClosedFormFisher {
    public var outputs: Tensor { logits }
    public var outputFisherFactorCount: Int { 1 }

    private var failure: Tensor { (-logits.detached()).sigmoid() }

    public func outputFisherProduct(_ v: Tensor) -> Tensor { failure * v }
    public func outputFisherFactor(_ k: Int) -> Tensor { failure.squareRoot() }

    public func outputHessianProduct(of targets: Tensor, _ v: Tensor) -> Tensor {
        (targets + 1) * failure * (1 - failure) * v
    }

    /// log p/p' + E[y] log (1 - p)/(1 - p'), where E[y] = (1 - p)/p = exp(-z).
    public func divergence(from other: Geometric, observing targets: Tensor?) -> Tensor {
        let success = logits.logSigmoid() - other.logits.logSigmoid()
        let failure = (-logits).logSigmoid() - (-other.logits).logSigmoid()
        return (success + (-logits).exp() * failure).sum()
    }
}
