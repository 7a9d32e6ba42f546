import Torch

/// A likelihood that can draw observations: what a Fisher information from the model's own labels needs.
public protocol Samplable: Likelihood {
    /// A draw for every observation, from the model's own distribution; no gradient flows through it.
    ///
    /// The generator must be one of the outputs' device; equal generators give equal draws. Estimates give one that draws
    /// by unit (`UnitDraws`): draw in the shape of the outputs, or of their rows, so that a sample's draw depends neither
    /// on the number of processes that share the batch nor on how it is cut.
    func sample(using generator: RandomGenerator) -> Observation

    /// A draw that is masked wherever `observed` is; the same as `sample(using:)` if nothing is masked. Nothing is drawn
    /// for masked observations, so that padding changes no draw.
    func sample(like observed: Observation, using generator: RandomGenerator) -> Observation

    /// -log p of each observation: the outputs' shape without its last axis; 0 if it is masked.
    func perObservationNegativeLogLikelihood(of observed: Observation) -> Tensor
}

extension Samplable {
    /// A likelihood without masks ignores the observations.
    public func sample(like observed: Observation, using generator: RandomGenerator) -> Observation {
        sample(using: generator)
    }

    /// The sum of `perObservationNegativeLogLikelihood(of:)`.
    public func negativeLogLikelihood(of observed: Observation) -> Tensor {
        perObservationNegativeLogLikelihood(of: observed).sum()
    }
}
