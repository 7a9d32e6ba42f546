import Fisher
import Testing

/// The example of ContinualLearning.md, as it stands there, and what it must do.
@Suite struct ContinualSnippets {
    @Test func continualLearning() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Sequential(
            Linear(4, 16, using: generator), Tanh(), Linear(16, 3, using: generator))
        let inputs = Tensor.normal([64, 4], using: generator)
        let classes = Tensor((0..<64).map { Int64($0 % 3) }, shape: [64])
        let tasks = [
            SupervisedBatch(inputs: inputs, targets: classes),
            SupervisedBatch(inputs: inputs + 2, targets: classes),
        ]

        var consolidation = ElasticWeightConsolidation(strength: 100)
        for task in tasks {
            let optimizer = try Optimizer(for: model, try SGD(learningRate: 0.05) { $0.momentum = 0.9 })
            for _ in 1...50 {
                try optimizer.step(on: task) { batch in
                    try Objective(
                        Categorical(logits: model(batch.inputs)), observing: batch.targets,
                        auxiliaries: consolidation.auxiliaries(for: model))
                }
            }
            let found = try CurvatureEstimator(of: model).estimate(
                [.diagonal(.exact)],
                of: Objective(Categorical(logits: model(task.inputs)), observing: task.targets))
            guard let information = found.diagonal(.exact) else { continue }
            try consolidation.remember(model, information: information)
        }
        print(consolidation.taskCount)  // 2

        #expect(consolidation.taskCount == 2)
        #expect(try consolidation.auxiliary(for: model)!.value.item() >= 0)
    }
}
