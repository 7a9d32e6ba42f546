import Torch

/// The objective of one batch: a negative log-likelihood, and terms that are not likelihoods.
///
///     loss = (1/N) sum_i -log p(y_i) + sum_k auxiliary_k
///
/// N is the number of observations. The Fisher information is scaled by the same N, so that it approximates
/// the Hessian of this loss.
public struct Objective {
    /// A term that reaches the parameters but never the estimate of the information: a commitment loss, a
    /// penalty. It counts once per step; over micro-batches it is averaged by their observations.
    public struct Auxiliary {
        /// The name in reports.
        public let name: String
        /// Its value; 0-dimensional.
        public let value: Tensor

        /// Names a term.
        public init(_ name: String, _ value: Tensor) {
            self.name = name
            self.value = value
        }
    }

    /// The unit of independence given the parameters.
    public enum Unit: Sendable {
        /// An index of the first axis: a sample, or a whole sequence.
        case firstAxis
        /// Each observation.
        case observation
    }

    /// -log p, summed over the observations; 0-dimensional.
    public let negativeLogLikelihood: Tensor
    /// The number N of observations.
    public let observationCount: Int
    /// The terms that are not likelihoods.
    public let auxiliaries: [Auxiliary]
    /// The unit of independence; estimates of the information square the gradient of one unit.
    public let unit: Unit
    /// The precision of the products of the network, in which a likelihood that uses it again does so.
    package let precision = ComputePrecision.current
    /// The distribution, for estimates of its information.
    package let likelihood: any Likelihood
    /// The observations, of the likelihood's own type.
    private let observed: Any

    /// Creates the objective of a likelihood and what was observed.
    ///
    /// Throws the model's failure, if there is one.
    public init<Model: Likelihood>(
        _ likelihood: Model, observing observed: Model.Observation, auxiliaries: [Auxiliary] = [],
        unit: Unit = .firstAxis
    ) throws(TorchError) {
        negativeLogLikelihood = likelihood.negativeLogLikelihood(of: observed)
        try negativeLogLikelihood.check()
        for auxiliary in auxiliaries { try auxiliary.value.check() }
        observationCount = try likelihood.observationCount(of: observed)
        self.auxiliaries = auxiliaries
        self.unit = unit
        self.likelihood = likelihood
        self.observed = observed
    }

    /// The mean negative log-likelihood in nats per observation, without the auxiliaries; 0-dimensional.
    public var loss: Tensor { negativeLogLikelihood / Double(max(observationCount, 1)) }

    /// Which positions of the layers are observed, by kind of position; empty if all are.
    package var observedPositions: [Tensor] {
        // Counting is cheaper than looking at every output.
        if let likelihood = likelihood as? any ClosedFormFisher {
            let shape = likelihood.outputs.shape
            if likelihood.outputs.failure != nil || observationCount >= shape.dropLast().reduce(1, *) {
                return []
            }
        }
        return observedPositions(of: likelihood)
    }

    private func observedPositions<Model: Likelihood>(of likelihood: Model) -> [Tensor] {
        likelihood.observedPositions(of: observations(of: likelihood))
    }

    /// The observations, for the likelihood to which they belong.
    package func observations<Model: Likelihood>(of likelihood: Model) -> Model.Observation {
        guard let observed = observed as? Model.Observation else {
            preconditionFailure("a likelihood's observations are of its own type")
        }
        return observed
    }
}

// Observations that the model itself draws, for the parametric bootstrap.
extension Objective {
    /// Observations drawn from the likelihood at its outputs; nil where it cannot be drawn from.
    package func drawnObservations(using generator: RandomGenerator) -> Any? {
        func draw<Model: Samplable>(_ likelihood: Model) -> Any {
            likelihood.sample(like: observations(of: likelihood), using: generator)
        }
        return (likelihood as? any Samplable).map { draw($0) }
    }

    /// The objective of other observations at the same outputs; they must be of the likelihood's own type.
    package func observing(_ other: Any) throws(TorchError) -> Objective {
        func objective<Model: Likelihood>(_ likelihood: Model) throws(TorchError) -> Objective {
            guard let other = other as? Model.Observation else {
                preconditionFailure("a likelihood's observations are of its own type")
            }
            return try Objective(likelihood, observing: other, auxiliaries: auxiliaries, unit: unit)
        }
        return try objective(likelihood)
    }
}
