import Fisher
import Testing

/// What Adam squares depends on the batch size: E|g_B|^2 / mean |g_i|^2 = 1/B + (1 - 1/B) r, r = |mean g|^2 / mean
/// |g_i|^2, for batches drawn with replacement.
@Suite struct BatchSizeLawTests {
    /// Over all N^B batches, so that the expectation is one.
    @Test(arguments: [1, 2, 3])
    func theMinibatchSourceFollowsTheLaw(_ size: Int) throws {
        let model = try OptimizerTests.Network()
        let all = try OptimizerTests.batch(4)
        let estimator = try CurvatureEstimator(of: model)
        func trace(_ source: CurvatureSource, _ batch: SupervisedBatch) throws -> Double {
            let found = try #require(
                try estimator.estimate(
                    [.diagonal(source)],
                    of: Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
                ).diagonal(source))
            return try found.mean.sorted { $0.key < $1.key }.reduce(0) { $0 + (try $1.value.sum().item()) }
        }
        let samples = (0..<4).map { all.slice($0..<$0 + 1) }
        let mean = try trace(.empirical, all)
        let r = try trace(.minibatch, all) / mean

        var batches: [[Int]] = [[]]
        for _ in 0..<size { batches = batches.flatMap { batch in (0..<4).map { batch + [$0] } } }
        let squares = try batches.map { picks in
            let chosen = picks.map { samples[$0] }
            return try trace(
                .minibatch,
                SupervisedBatch(
                    inputs: .concatenated(chosen.map(\.inputs)),
                    targets: .concatenated(chosen.map(\.targets))))
        }
        let ratio = squares.reduce(0, +) / Double(squares.count) / mean
        let b = Double(size)
        #expect(abs(ratio - (1 / b + (1 - 1 / b) * r)) < 1e-12)
        #expect(r < 0.9)
    }
}
