import Torch

/// A distribution over observations whose parameters a model computes.
///
/// Only a log-likelihood has a Fisher information, so the step of an optimizer requires one.
///
/// The last axis of the outputs holds the parameters of one observation; the axes before it number the
/// observations, which are independent given the outputs. Mismatches do not throw: outputs or observations of
/// a wrong shape, and observations outside the distribution's range, give failed tensors.
public protocol Likelihood {
    /// The observations of a whole batch.
    associatedtype Observation

    /// -log p(observations), summed over them; 0-dimensional.
    func negativeLogLikelihood(of observed: Observation) -> Tensor

    /// The number of observations that count: unmasked positions for a sequence model, samples otherwise.
    /// Throws why the observations could not be computed, if so.
    func observationCount(of observed: Observation) throws(TorchError) -> Int

    /// Which positions of the layers are no padding: Booleans [units, positions], one tensor for each kind of position
    /// that layers may have (frames, labels, pairs of both); empty if all of them are observed, as by default.
    ///
    /// The others take no part in Kronecker factors, unless the loss depends on them.
    func observedPositions(of observed: Observation) -> [Tensor]

    /// Why the Fisher information has no closed form, for errors: a sentence without its subject.
    static var closedFormAbsence: String { get }
}

extension Likelihood {
    /// Every position is observed.
    public func observedPositions(of observed: Observation) -> [Tensor] { [] }

    /// That it has none.
    public static var closedFormAbsence: String { "has no Fisher information in closed form" }
}

extension Likelihood {
    /// The sentence for an estimate that needs a closed form.
    package var withoutClosedForm: String { "\(Self.self) \(Self.closedFormAbsence)" }
}

/// A likelihood that is a function of one tensor of outputs: gradients with respect to it are what the improved
/// empirical Fisher information and the fallback of one backward pass per unit need.
public protocol OutputLikelihood: Likelihood {
    /// The parameters of the distribution as the model computed them, the units along the first axis.
    var outputs: Tensor { get }
}
