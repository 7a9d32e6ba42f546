import FisherInformation
import NeuralNet

extension LikelihoodInference {
    /// Tests whether a model is that of its data: an information-matrix test by the parametric bootstrap.
    ///
    ///     let test = try LikelihoodInference.informationMatrixTest(of: model) {
    ///         try Objective(Bernoulli(logits: model(x)), observing: y)
    ///     }
    ///     let errors = try inference.standardErrors(test)
    ///
    /// The model must be at the maximum of its likelihood, and has its weights again in the end. Each draw costs a fit by
    /// Fisher scoring, a few evaluations of what `LikelihoodInference` costs. Throws `InferenceFault` where the
    /// information is singular, the likelihood cannot be drawn from, or fewer than half of the draws can be fitted.
    ///
    /// - Parameters:
    ///   - model: the model, every trainable parameter of which belongs to a layer with per-sample gradients.
    ///   - units: the number of independent units; by default the length of the first axis of the layers' outputs.
    ///   - replicates: the number of draws, at least 19; the probability is a multiple of 1 / (draws + 1).
    ///   - seed: equal seeds give equal draws.
    ///   - objective: computes the objective of the data by a forward pass of the model.
    public static func informationMatrixTest(
        of model: any Module, units: Int? = nil, replicates: Int = 199, seed: UInt64 = 0,
        on objective: @escaping () throws -> Objective
    ) throws -> InformationMatrixTest {
        let network = try NetworkModel(model, units: units, objective: objective)
        let point = network.start
        let fit = try LikelihoodFit(
            model: network,
            maximum: Maximum(
                point: point, evaluation: network.evaluation(at: point), iterations: 0, decrement: 0))
        let found = Result { try fit.informationMatrixTest(replicates: replicates, seed: seed) }
        try network.restore()
        return try found.get()
    }
}
