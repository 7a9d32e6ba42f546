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
        let found = try estimator.estimate(
            [.diagonal(.empirical), .kronecker(.exact)],
            of: Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets))
        print(found.diagonal(.empirical)?.mean ?? [:], found.kronecker(.exact)?.layers ?? [:])

        let diagonal = try #require(found.diagonal(.empirical))
        #expect(diagonal.observationCount == 6)
        #expect(diagonal.squares.count == 4 && diagonal.gradients.count == 4)
    }

    @Test func onePass() throws {
        let (model, batch) = try make()
        let (estimator, generator) = (
            try CurvatureEstimator(of: model), try RandomGenerator(seed: 1)
        )

        let found = try estimator.estimate(
            [.gradient, .kronecker(.sampled(1))],
            of: Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets),
            using: generator)

        #expect(found.gradient?.count == 4 && found.kronecker(.sampled(1))?.layers.count == 2)
    }

    @Test func generic() throws {
        let (model, _) = try make()

        let estimator = try CurvatureEstimator(of: model, fallback: .whereNeeded)

        #expect(CurvatureRequest.kronecker(.minibatch).unsupportedReason != nil)
        _ = estimator
    }
}
