import NeuralNet
import Torch

/// Several questions to one forward pass: what an optimizer asks that wants the gradient of the loss and an estimate
/// from the model's own labels.
///
///     let pass = try estimator.capture(units: batch.unitCount) { Categorical(logits: model(batch.inputs)) }
///     let gradients = try estimator.lossGradients(of: pass, observing: batch.targets, keepGraph: true)
///     let factors = try estimator.kronecker(.sampled(1), of: pass, observing: batch.targets, using: generator)
///
/// All but the last must keep the graph.
extension CurvatureEstimator {
    /// The gradients of the mean negative log-likelihood by parameter; nothing for one that was not reached.
    public func lossGradients<Model: Likelihood>(
        of pass: CapturedPass<Model>, observing observed: Model.Observation, keepGraph: Bool = false
    ) throws -> [ParameterPath: Tensor] {
        let count = try pass.outcome.observationCount(of: observed)
        guard count > 0 else { throw CurvatureError.noObservations }
        let loss = pass.outcome.negativeLogLikelihood(of: observed) / Double(count)
        let found = try gradients(
            of: loss, withRespectTo: parameters.map(\.parameter.wrappedValue), keepGraph: keepGraph)
        return Dictionary(
            uniqueKeysWithValues: zip(parameters, found).compactMap { named, gradient in
                gradient.map { (named.path, $0) }
            })
    }

    /// The diagonal from any source after a forward pass.
    public func diagonal<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, of pass: CapturedPass<Model>, observing observed: Model.Observation,
        using generator: RandomGenerator? = nil, keepGraph: Bool = false
    ) throws -> DiagonalInformation {
        try diagonal(try run(source, .diagonal, of: pass, observed, generator, keepGraph: keepGraph))
    }

    /// The Kronecker factors from any source but `.minibatch` after a forward pass.
    public func kronecker<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, sharing: WeightSharing = .expand, of pass: CapturedPass<Model>,
        observing observed: Model.Observation, using generator: RandomGenerator? = nil,
        keepGraph: Bool = false
    ) throws -> KroneckerInformation {
        try kronecker(
            try run(source, .kronecker, of: pass, observed, generator, keepGraph: keepGraph), sharing: sharing
        )
    }

    /// The diagonals of the Kronecker factors from any source but `.minibatch` after a forward pass.
    public func diagonalKronecker<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, sharing: WeightSharing = .expand, of pass: CapturedPass<Model>,
        observing observed: Model.Observation, using generator: RandomGenerator? = nil,
        keepGraph: Bool = false
    ) throws -> DiagonalKroneckerInformation {
        try diagonalKronecker(
            try run(source, .diagonalKronecker, of: pass, observed, generator, keepGraph: keepGraph),
            sharing: sharing)
    }

    /// The eigenvalues in given bases from any source but `.minibatch` after a forward pass.
    public func eigenvalues<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, in bases: [ParameterPath: KroneckerEigenbasis],
        of pass: CapturedPass<Model>,
        observing observed: Model.Observation, using generator: RandomGenerator? = nil,
        keepGraph: Bool = false
    ) throws -> EigenvalueCorrectedInformation {
        try eigenvalues(
            try run(source, .corrected, of: pass, observed, generator, keepGraph: keepGraph), in: bases)
    }
}
