import Fisher
import Testing

@testable import FisherBenchmarks

@Suite struct StepSubjectTests {
    /// A network's batches are those of its steps in turn, whichever optimizer makes them.
    @Test func batchesTakeTurns() throws {
        let model = Linear(2, 3, using: try RandomGenerator(seed: 1))
        let batches = [2, 4, 5].map { count in
            SupervisedBatch(inputs: .ones([count, 2]), targets: .zeros([count], dtype: .int64))
        }
        var seen: [Int] = []
        let subject = StepSubject(model, onEachOf: batches) { batch in
            seen.append(batch.inputs.shape[0])
            return try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
        let optimizer = try Optimizer(for: model, SGD())
        for _ in 0..<4 { _ = try subject.step(optimizer) }
        #expect(seen == [2, 4, 5, 2])
    }
}
