import Fisher
import Testing

/// The examples of the articles on rules with a whole Fisher information, as they stand there.
@Suite struct NaturalRuleSnippets {
    /// NaturalGradientRule.md
    @Test func naturalGradient() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try NaturalGradient(learningRate: 0.5) {
            $0.solver = .conjugateGradients
            $0.tolerance = 1e-4
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...20 {
            let report = try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
            if report.update == 20 {
                // by path: residual, iterations and damping of the group that begins there
                print(report.solutions)
            }
        }
        print(optimizer.stateByteCount)  // 60: the last solution for 15 parameters

        #expect(optimizer.stateByteCount == 60)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// DiagonalNaturalGradientRule.md
    @Test func diagonalNaturalGradient() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try DiagonalNaturalGradient(learningRate: 0.01) {
            $0.beta2 = 0.9
            $0.damping = 0.01
            $0.source = .exact
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 60: one float32 tensor for 15 parameters

        #expect(optimizer.stateByteCount == 60)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// GaussNewtonRule.md
    @Test func gaussNewton() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(
            for: model,
            try GaussNewton {
                $0.damping = 0.1
                $0.tolerance = 1e-4
            })
        for _ in 1...10 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        // 68: the solution for 15 parameters, the damping with each of two tensors
        print(optimizer.stateByteCount)

        #expect(optimizer.stateByteCount == 68)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// NewtonRule.md
    @Test func newton() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(
            for: model,
            try Newton {
                $0.damping = 0.1
                $0.tolerance = 1e-4
            })
        for _ in 1...10 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.stateByteCount)  // 8: the damping with each of two tensors

        #expect(optimizer.stateByteCount == 8)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// MFACRule.md
    @Test func mfac() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(
            for: model,
            try MFAC(learningRate: 0.05) {
                $0.damping = 0.1
                $0.history = 8
            })
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        // 992: eight gradients of 15 parameters, and 64 products for each of two tensors
        print(optimizer.stateByteCount)

        #expect(optimizer.stateByteCount == 992)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// IEFRule.md
    @Test func ief() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(for: model, try IEF(learningRate: 0.1) { $0.damping = 0.1 })
        for _ in 1...50 {
            let report = try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
            if report.fallbackCount > 0 { print("more damping was needed at update \(report.update)") }
        }
        print(optimizer.stateByteCount)  // 0

        #expect(optimizer.stateByteCount == 0)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }
}
