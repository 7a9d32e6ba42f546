import Fisher
import Testing

/// The examples of the articles on layer-wise rules, as they stand there, and what they must do.
@Suite struct LayerwiseSnippets {
    /// KFACRule.md
    @Test func kfac() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Sequential([Linear(4, 8, using: generator), Tanh(), Linear(8, 3, using: generator)])
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try KFAC(learningRate: 0.3) {
            $0.damping = 0.01
            $0.momentum = 0.5
            $0.inverseInterval = 5
            $0.klClip = 0.01
        }
        let optimizer = try Optimizer(for: model, rule, labelSeed: 1)
        for _ in 1...50 {
            let report = try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
            if report.update == 50 {
                print(report.fallbackCount)  // 0: no decomposition failed its check
                print(report.statisticsTime)  // the part of the time that went into A and S
            }
        }

        #expect(try Self.loss(model, batch) < 0.8 * Self.lossOfNothing)
    }

    /// EKFACRule.md
    @Test func ekfac() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Sequential([Linear(4, 8, using: generator), Tanh(), Linear(8, 3, using: generator)])
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try EKFAC(learningRate: 0.3) {
            $0.damping = 0.03
            $0.labels = .exact
            $0.inverseInterval = 10
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }

        #expect(try Self.loss(model, batch) < 0.8 * Self.lossOfNothing)
    }

    /// AdaFisherRule.md
    @Test func adaFisher() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Sequential([Linear(4, 8, using: generator), LayerNorm(8), Linear(8, 3, using: generator)])
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try AdaFisherW(learningRate: 2e-3) {
            $0.damping = 0.01
            $0.statisticsInterval = 10
        }
        let optimizer = try Optimizer(for: model, rule)
        print(optimizer.describe())  // the LayerNorm has a diagonal of its own
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }

        #expect(optimizer.describe().contains("1.weight [8] float32, no decay, diagonal of its own"))
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// log 3.
    private static let lossOfNothing = 1.0986

    private static func loss(_ model: Sequential, _ batch: SupervisedBatch) throws -> Double {
        let likelihood = Categorical(logits: withoutGradients { model(batch.inputs) })
        return try likelihood.negativeLogLikelihood(of: batch.targets).item() / 30
    }
}
