import Fisher
import Testing

/// The examples of the articles on rules that need more than a gradient, as they stand there, and what they must do.
@Suite struct CurvatureRuleSnippets {
    /// AdaHessianRule.md
    @Test func adaHessian() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(for: model, try AdaHessian(learningRate: 0.1) { $0.blockSize = 4 })
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 120: two tensors for 15 parameters

        #expect(optimizer.stateByteCount == 120)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// IVONRule.md
    @Test func ivon() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try IVON(learningRate: 0.5) { $0.effectiveSampleSize = 30 }
        let optimizer = try Optimizer(for: model, groups: rule.groups(for: model))
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        let probabilities = try optimizer.posterior?.averaged(over: 32, using: generator) {
            model(batch.inputs).softmax(along: -1)
        }
        print(optimizer.stateByteCount)  // 120: two tensors for 15 parameters

        #expect(optimizer.stateByteCount == 120)
        #expect(try #require(probabilities).shape == [30, 3])
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// TONGARule.md
    @Test func tonga() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(
            for: model,
            try TONGA(learningRate: 0.05) {
                $0.damping = 0.1
                $0.rank = 3
                $0.basisInterval = 5
            })
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        // 992: eight rows of 15 parameters, and 64 products for each of two tensors
        print(optimizer.stateByteCount)

        #expect(optimizer.stateByteCount == 992)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// CorrelatedFAdamRule.md
    @Test func correlatedFAdam() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try CorrelatedFAdam(learningRate: 1e-2) {
            $0.beta2 = 0.99
            $0.rank = 2
            $0.basisInterval = 4
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        // 900: momentum, f and six rows of 15 parameters, 36 products, factors and bases of 3 x 3 and 5 x 5, a weight
        print(optimizer.stateByteCount)

        #expect(optimizer.stateByteCount == 900)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }
}
