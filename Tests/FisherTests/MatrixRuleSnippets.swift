import Fisher
import Testing

/// The examples of the articles on the matrix rules, as they stand there, and what they must do.
@Suite struct MatrixRuleSnippets {
    /// MuonRule.md
    @Test func muon() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = GPT(.init(context: 16, width: 32, layers: 2, heads: 4), using: generator)
        let text = Array("the quick brown fox jumps over the lazy dog. ".utf8).map(Int64.init)
        let batch = SupervisedBatch(
            inputs: Tensor(Array(text[0..<32]), shape: [2, 16]),
            targets: Tensor(Array(text[1..<33]), shape: [2, 16]))

        let groups = try Muon.groups(
            for: model, hidden: try Muon(learningRate: 0.02), rest: try FAdam(learningRate: 1e-3))
        let optimizer = try Optimizer(for: model, groups: groups)
        for _ in 1...20 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        print(optimizer.describe())  // hidden matrices: Muon, ...; rest: FAdam, ...

        #expect(optimizer.describe().hasPrefix("hidden matrices: Muon"))
        let loss = try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets).loss
        #expect(try loss.item() < 5)
    }

    /// ShampooRule.md
    @Test func shampoo() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try Shampoo(learningRate: 1e-2) {
            $0.decay = 0.95
            $0.grafting = .adam
            $0.rootInterval = 5
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            let report = try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
            if report.fallbackCount > 0 { print("a root failed at update \(report.update)") }
        }
        // 392: factors and roots of 3 x 3, 4 x 4 and, for the biases, 3 x 3; Adam's two for 15 parameters
        print(optimizer.stateByteCount)

        #expect(optimizer.stateByteCount == 392)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// SOAPRule.md
    @Test func soap() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try SOAP(learningRate: .cosine(1e-2, steps: 50)) { $0.basisInterval = 5 }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        // 320: two tensors for 15 parameters; factors and bases of 3 x 3 and 4 x 4
        print(optimizer.stateByteCount)

        #expect(optimizer.stateByteCount == 320)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }

    /// KroneckerFAdamRule.md
    @Test func kroneckerFAdam() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let rule = try KroneckerFAdam(learningRate: 1e-2) {
            $0.beta2 = 0.99
            $0.decay = 0.99
            $0.basisInterval = 5
        }
        let optimizer = try Optimizer(for: model, rule)
        for _ in 1...50 {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        // 320: two tensors for 15 parameters; factors and bases of 3 x 3 and 4 x 4
        print(optimizer.stateByteCount)

        #expect(optimizer.stateByteCount == 320)
        #expect(try RuleSnippets.loss(model, batch) < RuleSnippets.lossOfNothing)
    }
}
