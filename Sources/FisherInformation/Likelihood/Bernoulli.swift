import Torch

/// Bits: p(y_j = 1) = sigmoid(logits_j), independently for each element of the logits.
///
/// An observation is a vector of bits along the last axis: logits of shape [samples, 1] for a classifier of two
/// classes, [samples, bits] for several labels or a flattened image.
public struct Bernoulli: Likelihood {
    /// The target that marks a bit as not observed.
    public static let masked = -100

    /// The logits, log p/(1 - p), shape [..., bits].
    public let logits: Tensor

    /// Creates the likelihood of its logits, shape [..., bits].
    public init(logits: Tensor) { self.logits = checkedOutputs(logits, named: "logits") }

    /// The number of observations with at least one unmasked bit.
    public func observationCount(of targets: Tensor) throws(TorchError) -> Int {
        if let failure = shapeFailure("targets", targets, like: logits) { throw failure }
        let maskedBits = isMasked(targets).sum(along: -1)
        return maskedBits.count - Int(try maskedBits.equals(Double(logits.lastAxis)).sum().item())
    }

    private func isMasked(_ targets: Tensor) -> Tensor { targets.equals(Double(Bernoulli.masked)) }
}

extension Bernoulli: Samplable {
    /// Bits in the logits' shape and type.
    public func sample(using generator: RandomGenerator) -> Tensor {
        logits.detached().sigmoid().sampledBernoulli(using: generator)
    }

    public func sample(like targets: Tensor, using generator: RandomGenerator) -> Tensor {
        if let failure = shapeFailure("targets", targets, like: logits) { return Tensor(failed: failure) }
        return .drawn(
            outside: isMasked(targets), marking: Double(Bernoulli.masked), using: generator
        ) { places in
            let all = logits.detached().flattened()
            return (places.map { all.gathering($0, along: 0) } ?? all).sigmoid().sampledBernoulli(
                using: generator)
        }
    }

    /// -sum_j t_j log p_j + (1 - t_j) log(1 - p_j) for targets in the logits' shape; a target of `masked`
    /// does not count.
    ///
    /// A target between 0 and 1 is a bit that is randomly rounded from it, and the loss its expectation.
    /// Others give a failed tensor; the check reads two numbers from the device.
    public func perObservationNegativeLogLikelihood(of targets: Tensor) -> Tensor {
        if let failure = shapeFailure("targets", targets, like: logits) { return Tensor(failed: failure) }
        let masked = isMasked(targets)
        let bits = targets.to(dtype: logits.dtype).masked(masked, with: 0)
        if let failure = rangeFailure("targets of Bernoulli", bits, in: 0...1) {
            return Tensor(failed: failure)
        }
        let terms = bits * logits.logSigmoid() + (1 - bits) * (-logits).logSigmoid()
        return -terms.masked(masked, with: 0).sum(along: -1)
    }
}

/// F = diag(p (1 - p)); factors sqrt(p_j (1 - p_j)) e_j, one a bit. The Hessian is F.
extension Bernoulli: ClosedFormFisher {
    public var outputs: Tensor { logits }

    /// Sigmoids on both sides: 1 - p would lose the digits of a sure bit.
    private var fisher: DiagonalFisher { DiagonalFisher(logits.sigmoid() * (-logits).sigmoid()) }

    public func outputFisherProduct(_ v: Tensor) -> Tensor { fisher.product(v) }

    public var outputFisherFactorCount: Int { logits.lastAxis }

    public func outputFisherFactor(_ k: Int) -> Tensor { fisher.factor(k) }

    public func outputHessianProduct(of targets: Tensor, _ v: Tensor) -> Tensor {
        if let failure = shapeFailure("targets", targets, like: logits) { return Tensor(failed: failure) }
        return outputFisherProduct(v, observing: targets)
    }

    public func divergence(from other: Bernoulli, observing targets: Tensor?) -> Tensor {
        if let failure = shapeFailure("other logits", other.logits, like: logits) {
            return Tensor(failed: failure)
        }
        let ones = logits.sigmoid() * (logits.logSigmoid() - other.logits.logSigmoid())
        let zeros = (-logits).sigmoid() * ((-logits).logSigmoid() - (-other.logits).logSigmoid())
        return masking(ones + zeros, as: targets).sum()
    }

    public func maskedOutputs(of targets: Tensor) -> Tensor? { isMasked(targets) }
}

extension Bernoulli: NamedLikelihood {
    public static let name = "bernoulli"
    public init(outputs: Tensor) { self.init(logits: outputs) }
}
