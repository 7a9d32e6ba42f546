import Fisher
import Testing

/// The examples of the article on structures, as they stand there.
@Suite struct InformationStructureSnippets {
    private func make() throws -> (model: Sequential, batch: SupervisedBatch) {
        let generator = try RandomGenerator(seed: 0)
        let model = Sequential(
            Linear(4, 5, using: generator), Tanh(), Linear(5, 3, using: generator))
        let batch = SupervisedBatch(
            inputs: .normal([6, 4], using: generator), targets: Tensor([0, 1, 2, 0, 2, 1] as [Int64]))
        return (model, batch)
    }

    /// InformationStructures.md
    @Test func diagonal() throws {
        let (model, batch) = try make()

        let estimator = try CurvatureEstimator(of: model)
        let found = try estimator.diagonal(.empirical, units: batch.unitCount, observing: batch.targets) {
            Categorical(logits: model(batch.inputs))
        }

        #expect(found.observationCount == 6)
        #expect(found.squares.count == 4 && found.gradients.count == 4)
    }

    @Test func onePass() throws {
        let (model, batch) = try make()
        let (estimator, generator) = (
            try CurvatureEstimator(of: model), try RandomGenerator(seed: 1)
        )

        let pass = try estimator.capture(units: batch.unitCount) { Categorical(logits: model(batch.inputs)) }
        let gradients = try estimator.lossGradients(of: pass, observing: batch.targets, keepGraph: true)
        let factors = try estimator.kronecker(
            .sampled(1), of: pass, observing: batch.targets, using: generator)

        #expect(gradients.count == 4 && factors.layers.count == 2)
    }

    @Test func generic() throws {
        let (model, _) = try make()

        let estimator = try CurvatureEstimator(of: model, generic: .allowed)

        #expect(CurvatureEstimator.unsupportedReason(.kronecker, from: .minibatch) != nil)
        _ = estimator
    }
}
