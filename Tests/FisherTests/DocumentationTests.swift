import Fisher
import Foundation
import Testing

/// Every line of Swift in the documentation stands in a function below, which runs.
@Suite struct DocumentationTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The README, and the articles of this module.
    static let pages: [String] = {
        let folder = root.appending(path: "Sources/Fisher/Fisher.docc").path
        let articles = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        return ["README.md"] + articles.map { "Sources/Fisher/Fisher.docc/" + $0 }
    }()

    @Test(arguments: pages) func everyLineOfSwiftIsCompiledHere(_ page: String) throws {
        // Without white space, which the formatter arranges as it likes.
        func squeezed(_ text: some StringProtocol) -> String { String(text.filter { !$0.isWhitespace }) }
        let compiled = squeezed(try String(contentsOfFile: #filePath, encoding: .utf8))
        let text = try String(contentsOf: Self.root.appending(path: page), encoding: .utf8)
        var inside = false
        for line in text.split(separator: "\n") {
            if line.hasPrefix("```") {
                inside = line == "```swift"
            } else if inside, !line.hasPrefix(".package(") {
                let isCompiled = compiled.contains(squeezed(line))
                #expect(isCompiled, "\(page): \(line)")
            }
        }
    }

    @Test func thereArePages() { #expect(Self.pages.count > 10) }

    private static func example() throws -> (model: GPT, batch: SupervisedBatch) {
        let model = GPT(.init(context: 8, width: 8, layers: 1, heads: 2), using: try RandomGenerator(seed: 1))
        let tokens = Tensor((0..<32).map { Int64($0) }, shape: [4, 8])
        return (model, SupervisedBatch(inputs: tokens, targets: tokens))
    }

    @Test func readme() throws {
        let (_, batch) = try Self.example()
        let batches = [batch]
        let generator = try RandomGenerator(seed: 0)
        let model = GPT(.init(context: 128, width: 128, layers: 4, heads: 4), using: generator)
        let optimizer = try Optimizer(
            for: model,
            groups: [
                .init(.matching("Embedding|head"), try FAdam(learningRate: 1e-3)),
                .init(.rest, try FAdam(learningRate: .cosine(2e-3, steps: 1000), weightDecay: 1e-3)),
            ])
        for batch in batches {
            let report = try optimizer.step(on: batch, microBatches: 2) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
            print(try report.loss() ?? .nan)
        }
        #expect(optimizer.updateCount == 1)
    }

    @Test func overview() throws {
        let (model, batch) = try Self.example()
        let optimizer = try Optimizer(for: model, try FAdam(learningRate: 1e-3), clipGradientNorm: 1)
        let report = try optimizer.step(on: batch) { batch in
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
        #expect(report.update == 1)
    }

    @Test func rules() throws {
        let (model, _) = try Self.example()
        do {
            let rule = try SGD(learningRate: 0.05, momentum: 0.9, usesNesterov: true)
            _ = try Optimizer(for: model, rule)
        }
        do {
            let rule = try Adagrad(learningRate: 0.05)
            _ = try Optimizer(for: model, rule)
        }
        do {
            let rule = try RMSProp(learningRate: 1e-3, beta: 0.99)
            _ = try Optimizer(for: model, rule)
        }
        do {
            let rule = try AdamW(learningRate: 3e-4, weightDecay: 0.1)
            let optimizer = try Optimizer(for: model, rule, clipGradientNorm: 1)
            #expect(optimizer.clipGradientNorm == 1)
        }
        do {
            let rule = try Adafactor(learningRate: 1e-3, weightDecay: 1e-6)
            _ = try Optimizer(for: model, rule)
        }
        do {
            let rule = try FAdam(learningRate: .cosine(2e-3, steps: 1000), beta2: 0.99, weightDecay: 1e-3)
            _ = try Optimizer(for: model, rule)
        }
        do {
            let rule = try FAdafactor(learningRate: 2e-3, beta2: 0.99)
            _ = try Optimizer(for: model, rule)
        }
    }

    @Test func groups() throws {
        let (model, _) = try Self.example()
        let groups: [ParameterGroup] = [
            .init(.matching("Embedding|head"), try FAdam(learningRate: 3e-4)),
            .init(.rest, try AdamW(learningRate: .cosine(2e-3, steps: 1000, warmUp: 50))),
        ]
        let optimizer = try Optimizer(for: model, groups: groups, clipGradientNorm: 1)
        print(optimizer.describe())
        #expect(optimizer.describe().contains("FAdam"))
    }

    @Test func nonFinite() throws {
        let (model, _) = try Self.example()
        let optimizer = try Optimizer(for: model, FAdam(), nonFinite: .skip(abortAfter: 5))
        #expect(optimizer.skippedCount == 0)
    }

    @Test func fromPyTorch() throws {
        let (model, batch) = try Self.example()
        let optimizer = try Optimizer(
            for: model, try AdamW(learningRate: .cosine(1e-3, steps: 1000)), clipGradientNorm: 1)
        let report = try optimizer.step(on: batch, microBatches: 2) { batch in
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
        let loss = try report.loss() ?? .nan
        #expect(loss.isFinite)
    }

    @Test func fromMLXSwift() throws {
        let (model, batch) = try Self.example()
        let optimizer = try Optimizer(for: model, AdamW())
        let loss = model(batch.inputs).squared().mean()
        let tensors = model.parameters.map(\.parameter.wrappedValue)
        let found = try gradients(of: loss, withRespectTo: tensors)
        let byPath = zip(model.parameters, found).compactMap { named, gradient in
            gradient.map { (named.path, $0) }
        }
        try optimizer.update(with: Dictionary(uniqueKeysWithValues: byPath))
        #expect(optimizer.updateCount == 1)
    }

    /// Signum: the sign of the momentum.
    struct Signum: TensorRule {
        var learningRate: Schedule = 1e-3
        var beta1: Schedule = 0.9

        static let information = RuleInformation(
            name: "signum", title: "Signum", source: "none", structure: "sign", power: "0",
            momentum: "of the gradient", stateBytes: "4", reference: "Bernstein et al. 2018")

        static let options: [RuleOption<Signum>] = [
            .schedule("learning_rate", \.learningRate, .nonNegative, aliases: ["lr"], "step size"),
            .schedule("beta1", \.beta1, .decay, "decay of the momentum"),
        ]

        func movement(_ input: RuleInput, state: inout TensorState) -> Movement {
            let t = input.step
            let m = (state["momentum"] ?? .zeros(like: input.score)) * beta1(t) + input.score * (1 - beta1(t))
            state["momentum"] = m
            let sign = m / (m.magnitude() + 1e-30)
            return Movement(change: sign * -learningRate(t))
        }
    }

    @Test func addingARule() throws {
        let (model, batch) = try Self.example()
        let optimizer = try Optimizer(for: model, Signum())
        try optimizer.step(on: batch) { batch in
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
        #expect(optimizer.state.keys.contains("parameter/head.weight/momentum"))
        var rule: any OptimizationRule = Signum()
        try rule.set("beta1", to: "0.5")
        #expect(throws: HyperparameterError.self) { try rule.set("beta1", to: "2") }
    }
    @Test func likelihoods() throws {
        let generator = try RandomGenerator(seed: 0)
        let (outputs, observed, v) = (Tensor.zeros([2, 3]), Tensor.ones([2, 3]), Tensor.ones([2, 3]))
        let likelihood = try Gaussian(mean: outputs, variance: 0.25)
        let losses = likelihood.perObservationNegativeLogLikelihood(of: observed)
        let labels = likelihood.sample(like: observed, using: generator)
        let product = likelihood.outputFisherProduct(v, observing: observed)
        let distance = likelihood.divergence(from: Gaussian(mean: outputs + 1))
        #expect(losses.shape == [2] && labels.shape == [2, 3])
        #expect(try product.scalars(as: Double.self) == [Double](repeating: 4, count: 6))
        // Six elements: ((0.25 + 1)/1 - 1 + log 4)/2 each.
        #expect(abs(try distance.item() - 3 * (0.25 + 2 * 0.6931471805599453)) < 1e-5)
    }
}
