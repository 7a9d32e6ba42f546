import Torch

/// A distribution over observations whose parameters a model computes.
///
/// Only a log-likelihood has a Fisher information, so the step of an optimizer requires one.
///
/// The last axis of the outputs holds the parameters of one observation; the axes before it number the
/// observations, which are independent given the outputs. Mismatches do not throw: outputs or observations of
/// a wrong shape, and observations outside the distribution's range, give failed tensors.
public protocol Likelihood {
    /// What is observed, for a whole batch.
    associatedtype Observation

    /// -log p(observations), summed over them; 0-dimensional.
    func negativeLogLikelihood(of observed: Observation) -> Tensor

    /// The number of observations that count: unmasked positions for a sequence model, samples otherwise.
    /// Throws why the observations could not be computed, if so.
    func observationCount(of observed: Observation) throws(TorchError) -> Int
}
