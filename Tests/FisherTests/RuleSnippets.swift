import Fisher
import Testing

/// The examples of the articles on rules, as they stand there, and what they must do.
@Suite struct RuleSnippets {
    /// SGDRule.md
    @Test func sgd() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try SGD(learningRate: 0.1) {
            $0.momentum = 0.9
            $0.usesNesterov = true
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 60: one float32 tensor for 15 parameters

        #expect(optimizer.stateByteCount == 60)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// AdagradRule.md
    @Test func adagrad() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(for: model, try Adagrad(learningRate: 0.1))
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 60: one float32 tensor for 15 parameters

        #expect(optimizer.stateByteCount == 60)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// RMSPropRule.md
    @Test func rmsProp() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try RMSProp(learningRate: .linearWarmUp(3e-3, warmUp: 10))
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 60: one float32 tensor for 15 parameters

        #expect(optimizer.stateByteCount == 60)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// AdamRule.md
    @Test func adam() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try AdamW(learningRate: .cosine(1e-2, steps: 50, warmUp: 5)) {
            $0.beta2 = 0.99
            $0.weightDecay = 0.1
        }
        let optimizer = try Optimizer(for: model, rule, clipGradientNorm: 1)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 120: two float32 tensors for 15 parameters

        #expect(optimizer.stateByteCount == 120)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// AdaDeltaRule.md
    @Test func adaDelta() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(for: model, try AdaDelta(learningRate: 1) { $0.epsilon = 1e-4 })
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 120: two float32 tensors for 15 parameters

        #expect(optimizer.stateByteCount == 120)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// AMSGradRule.md
    @Test func amsGrad() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try AMSGrad(learningRate: 1e-2) {
            $0.weightDecay = 0.1
            $0.decouplesDecay = true
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 180: three float32 tensors for 15 parameters

        #expect(optimizer.stateByteCount == 180)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// AdaMaxRule.md
    @Test func adaMax() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(for: model, try AdaMax(learningRate: 1e-2))
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 120: two float32 tensors for 15 parameters

        #expect(optimizer.stateByteCount == 120)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// YogiRule.md
    @Test func yogi() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try Yogi(learningRate: 1e-2) { $0.epsilon = 1e-4 }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 120: two float32 tensors for 15 parameters

        #expect(optimizer.stateByteCount == 120)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// LaPropRule.md
    @Test func laProp() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try LaProp(learningRate: .cosine(1e-2, steps: 50, warmUp: 5)) { $0.weightDecay = 0.1 }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 128: two float32 tensors for 15 parameters, two numbers

        #expect(optimizer.stateByteCount == 128)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// AdafactorRule.md
    @Test func adafactor() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try Adafactor(learningRate: .cosine(1e-2, steps: 50)) {
            $0.weightDecay = .cosine(1e-4, steps: 50)
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        // 100: for the 3 x 4 weight 3 rows, 4 columns and 12 momenta, for the 3 biases 3 and 3
        print(optimizer.stateByteCount)

        #expect(optimizer.stateByteCount == 100)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// FAdamRule.md
    @Test func fadam() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try FAdam(learningRate: .cosine(1e-2, steps: 50)) {
            $0.beta2 = 0.99
            $0.power = 0.6
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            let report = try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
            if report.update == 50 {
                print(try report.clipFactors())  // by path: what each step was divided by, at least 1
                print(try report.epsilons())  // by path: the epsilon-hat in force
                print(try report.decayShares())  // by path: what the least-informed 1 % took of the decay
            }
        }
        print(optimizer.stateByteCount)  // 120: two float32 tensors for 15 parameters

        #expect(optimizer.stateByteCount == 120)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// FAdafactorRule.md
    @Test func fadafactor() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try FAdafactor(learningRate: 1e-2) {
            $0.beta2 = 0.99
            $0.decayMetric = .euclidean
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        // 100: for the 3 x 4 weight 3 rows, 4 columns and 12 momenta, for the 3 biases 3 and 3
        print(optimizer.stateByteCount)

        #expect(optimizer.stateByteCount == 100)
        #expect(try Self.loss(model, batch) < Self.lossOfNothing)
    }

    /// The mean loss of the model on the batch that it was trained on.
    static func loss(_ model: Linear, _ batch: SupervisedBatch) throws -> Double {
        try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets).loss.item()
    }

    /// log 3: what three classes cost a model that knows nothing.
    static let lossOfNothing = 1.0986
}
