import Torch

/// A likelihood of observations that were scaled, stated for the original ones: where z = (y - m) / s,
/// -log p(y) = -log p(z) + sum_j log s_j, which no parameter and no estimate of the information depends on.
///
/// The loss of a model of standardized targets is so the same number whether or not they were standardized.
public struct Rescaled<Base: Samplable & ClosedFormFisher>: Samplable, ClosedFormFisher {
    /// The likelihood of the scaled observations.
    public let base: Base
    /// sum_j log s_j of one observation, in nats.
    public let logScale: Double

    /// Wraps a likelihood of scaled observations; `logScale` is sum_j log s_j over the elements of an observation.
    public init(_ base: Base, logScale: Double) { (self.base, self.logScale) = (base, logScale) }

    public var outputs: Tensor { base.outputs }

    public static var closedFormAbsence: String { Base.closedFormAbsence }

    public func perObservationNegativeLogLikelihood(of observed: Base.Observation) -> Tensor {
        base.perObservationNegativeLogLikelihood(of: observed) + logScale
    }

    public func negativeLogLikelihood(of observed: Base.Observation) -> Tensor {
        let count: Int
        do { count = try observationCount(of: observed) } catch { return Tensor(failed: error) }
        return base.negativeLogLikelihood(of: observed) + logScale * Double(count)
    }

    public func observationCount(of observed: Base.Observation) throws(TorchError) -> Int {
        try base.observationCount(of: observed)
    }

    public func observedPositions(of observed: Base.Observation) -> [Tensor] {
        base.observedPositions(of: observed)
    }

    public func sample(using generator: RandomGenerator) -> Base.Observation { base.sample(using: generator) }

    public func sample(like observed: Base.Observation, using generator: RandomGenerator) -> Base.Observation
    {
        base.sample(like: observed, using: generator)
    }

    public func outputFisherProduct(_ v: Tensor) -> Tensor { base.outputFisherProduct(v) }

    public var outputFisherFactorCount: Int { base.outputFisherFactorCount }

    public func outputFisherFactor(_ k: Int) -> Tensor { base.outputFisherFactor(k) }

    public func outputHessianProduct(
        of observed: Base.Observation, _ v: Tensor
    ) throws(LikelihoodError) -> Tensor {
        try base.outputHessianProduct(of: observed, v)
    }

    public func divergence(from other: Rescaled, observing observed: Base.Observation?) -> Tensor {
        base.divergence(from: other.base, observing: observed)
    }

    public func maskedOutputs(of observed: Base.Observation) -> Tensor? { base.maskedOutputs(of: observed) }
}

extension LikelihoodDescription {
    /// The objective of a network's outputs and scaled targets, stated for the original ones (``Rescaled``).
    ///
    /// Throws the model's failure, if there is one, and `LikelihoodError`.
    package func objective(
        of outputs: Tensor, observing targets: Tensor, logScale: Double
    ) throws -> Objective {
        if logScale == 0 { return try objective(of: outputs, observing: targets) }
        return try Objective(
            Rescaled(try likelihood(of: outputs), logScale: logScale), observing: observations(targets))
    }
}
