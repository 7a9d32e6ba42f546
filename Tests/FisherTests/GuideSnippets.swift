import Fisher
import Foundation
import NeuralNet
import Testing
import Torch

/// The examples of the guides and landing pages, as they stand there, and what they must do.
@Suite struct GuideSnippets {
    /// Fisher.md
    @Test func landingPage() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = GPT(.init(context: 16, width: 32, layers: 2, heads: 4), using: generator)
        let text = Array("the quick brown fox jumps over the lazy dog. ".utf8).map(Int64.init)
        let batch = SupervisedBatch(
            inputs: Tensor(Array(text[0..<32]), shape: [2, 16]),
            targets: Tensor(Array(text[1..<33]), shape: [2, 16]))

        let optimizer = try Optimizer(for: model, try FAdam(learningRate: 1e-3), clipGradientNorm: 1)
        for _ in 1...20 {
            let report = try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
            if report.update == 20 { print(report.loss) }
        }

        #expect(optimizer.updateCount == 20)
    }

    /// GroupsDecayAndSchedules.md
    @Test func groups() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = GPT(.init(context: 16, width: 32, layers: 2, heads: 4), using: generator)

        let optimizer = try Optimizer(
            for: model,
            groups: [
                .init(.matching("Embedding|head"), try FAdam(learningRate: 3e-4)),
                .init(.matching("^blocks\\.0\\."), try SGD(learningRate: 1e-2) { $0.momentum = 0.9 }),
                .init(.rest, try AdamW(learningRate: 3e-4)),
            ])
        print(optimizer.describe())
        for named in model.parameters where "\(named.path)".hasPrefix("tokenEmbedding") {
            named.parameter.isTrainable = false
        }
        let everything = try Optimizer(
            for: model, groups: [.init(.rest, try AdamW { $0.weightDecay = 0.01 }, decaying: .all)])
        let bound = 2 * Double(optimizer.parameterCount).squareRoot()
        let steady = try Optimizer(for: model, FAdam(), clipFisherNorm: bound)
        #expect(steady.clipFisherNorm == bound)

        let warmUp = Schedule.cosine(1e-3, steps: 1000, warmUp: 100, floor: 1e-5)
        let rule = try AdamW(learningRate: warmUp) { $0.weightDecay = .cosine(0.1, steps: 1000) }
        print(warmUp(1), warmUp(100), warmUp(1000))  // 1e-05 0.001 1e-05

        let course = Schedule.warmUp(
            100,
            then: .sequence([.init(.constant(1e-3), updates: 400), .init(.cosine(1e-3, steps: 500))]))
        print(course)  // as text, which configurations and the command line understand too
        print(course.scaled(by: 0.1)(50))  // 5e-05
        #expect(Schedule("\(course)") == course && abs(course.scaled(by: 0.1)(50) - 5e-5) < 1e-15)

        let falling = try SGD(learningRate: .plateau(0.1, factor: 0.5, patience: 1, minimum: 1e-3))
        let patient = try Optimizer(for: model, falling)
        for loss in [2.0, 1.5, 1.5, 1.5] { patient.observe(validationLoss: loss) }
        print(patient.describe())  // ... learning_rate now times 0.5
        #expect(patient.describe().contains("; learning_rate now times 0.5"))
        #expect(
            patient.describe().hasSuffix(
                "frozen, moved by no rule\n    tokenEmbedding.weight [256, 32] float32"))

        try optimizer.setLearningRate(1e-4, of: .rest)
        try optimizer.setLearningRate(.cosine(1e-4, steps: 2000))
        #expect(optimizer.describe().contains("learning_rate=cosine(peak=0.0001, steps=2000"))
        var chosen = try RuleRegistry.rule(named: "fadam")
        try chosen.set("rho", to: "0.6")
        try chosen.set("learning_rate", to: "cosine(peak=0.002, steps=400, warm_up=40)")
        print(chosen.settings.map { "\($0.name)=\($0.value)" }.joined(separator: " "))

        #expect(optimizer.describe().contains("SGD, fused path"))
        #expect(!model.tokenEmbedding.$weight.isTrainable && model.head!.$weight.isTrainable)
        #expect(!everything.describe().contains("no decay"))
        #expect([warmUp(1), warmUp(100), warmUp(1000)] == [1e-5, 1e-3, 1e-5])
        #expect(rule.weightDecay(1000) < 1e-9)
        #expect(chosen.settings.contains { $0 == ("power", "0.6") })
    }

    /// Likelihoods.md
    @Test func likelihoodsOfOutputs() throws {
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

    /// Likelihoods.md
    @Test func likelihoodsOfLabelSequences() throws {
        let generator = try RandomGenerator(seed: 0)
        let logits = Tensor.zeros([2, 50, 6])
        let likelihood = ConnectionistTemporal(logits: logits, frameCounts: [50, 42])
        let objective = try Objective(likelihood, observing: LabelSequences([[3, 1, 4], [1, 5]]))
        let labels = likelihood.sample(using: generator)
        #expect(objective.observationCount == 2 && labels.unitCount == 2)
    }

    /// LikelihoodsAndObjectives.md
    @Test func likelihoods() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let inputs = Tensor.normal([2, 5, 4], using: generator)  // two sequences of five positions
        let targets = Tensor([0, 1, 2, 0, -100, 1, 1, -100, -100, -100] as [Int64], shape: [2, 5])

        let objective = try Objective(Categorical(logits: model(inputs)), observing: targets)
        print(objective.observationCount)  // 6
        print(try objective.loss.item())
        struct UnitGaussian: Likelihood {
            let mean: Tensor

            func negativeLogLikelihood(of observed: Tensor) -> Tensor {
                ((observed - mean).squared() * 0.5 + 0.5 * log(2 * Double.pi)).sum()
            }

            func observationCount(of observed: Tensor) throws(TorchError) -> Int {
                try observed.check()
                return observed.shape[0]
            }
        }
        let penalty = model.weight.squared().sum() * 1e-3
        let regularized = try Objective(
            Categorical(logits: model(inputs)), observing: targets,
            auxiliaries: [.init("penalty", penalty)])
        let optimizer = try Optimizer(for: model, FAdam())
        let batch = SupervisedBatch(inputs: inputs, targets: targets)
        let report = try optimizer.step(on: batch, microBatches: 2) { slice in
            try Objective(Categorical(logits: model(slice.inputs)), observing: slice.targets)
        }
        let answer = model(inputs).reshaped([10, 3]).softmax(along: -1)
        let found = try gradients(of: answer.squared().mean(), withRespectTo: [model.weight])
        try optimizer.update(with: [ParameterPath("weight"): found[0]!])

        #expect(objective.observationCount == 6)
        #expect(regularized.auxiliaries.count == 1)
        #expect(try abs(report.loss - objective.loss.item()) < 1e-6)
        #expect(optimizer.updateCount == 2)
        let gaussian = try Objective(UnitGaussian(mean: .zeros([2, 3])), observing: .ones([2, 3]))
        let expected = 3 * (0.5 + 0.5 * log(2 * Double.pi))
        #expect(try abs(gaussian.loss.item() - expected) < 1e-6)
    }

    /// WhenNumbersGoWrong.md
    @Test func wrongNumbers() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let optimizer = try Optimizer(for: model, FAdam(), nonFinite: .skip(abortAfter: 2))

        let bad = model.weight.detached() * Double.infinity
        let report = try optimizer.update(with: [ParameterPath("weight"): bad])
        if let reason = report.skipped { print(reason) }
        // the gradient of weight is not finite at update 1; the weights are unchanged
        print(optimizer.skippedCount, optimizer.updateCount)  // 1 0
        let product = Tensor.ones([2, 3]).matmul(.ones([4, 5])).relu().sum()
        print(product.failure?.message ?? "fine")  // begins with "matmul: "
        do {
            print(try product.item())
        } catch {
            print(error.kind, error)
        }

        #expect(
            report.skipped?.description.hasPrefix("the gradient of weight is not finite at update 1;") == true
        )
        #expect((optimizer.skippedCount, optimizer.updateCount) == (1, 0))
        #expect(product.failure?.message.hasPrefix("matmul: ") == true)
    }

    /// FromPyTorch.md
    @Test func fromPyTorch() throws {
        final class Model: Module {
            let first: Linear
            let second: Linear

            init(using generator: RandomGenerator) {
                first = Linear(4, 16, using: generator)
                second = Linear(16, 3, using: generator)
            }

            func callAsFunction(_ input: Tensor) -> Tensor { second(first(input).relu()) }
        }

        let generator = try RandomGenerator(seed: 0)
        let model = Model(using: generator)
        let batches = (1...10).map { _ in
            SupervisedBatch(
                inputs: .normal([30, 4], using: generator),
                targets: Tensor((0..<30).map { Int64($0 % 3) }))
        }

        let optimizer = try Optimizer(for: model, try AdamW(learningRate: 1e-3), clipGradientNorm: 1)
        for batch in batches {
            try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        let folder = FileManager.default.temporaryDirectory
        let weightsFile = folder.appending(path: "model.safetensors").path
        let stateFile = folder.appending(path: "optimizer.safetensors").path

        func save(_ tensors: [String: Tensor], to path: String) throws {
            try SafetensorsWriter().write(
                try tensors.map { try SafetensorsSource(name: $0.key, tensor: $0.value) }, to: path)
        }
        try save(model.weights, to: weightsFile)
        try save(optimizer.state, to: stateFile)

        try model.load(try SafetensorsFile(path: weightsFile).allTensors())
        try optimizer.restore(try SafetensorsFile(path: stateFile).allTensors())

        #expect(optimizer.updateCount == 10)
        for file in [weightsFile, stateFile] { try FileManager.default.removeItem(atPath: file) }
    }

    /// FromMLXSwift.md
    @Test func fromMLXSwift() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator),
            targets: Tensor((0..<30).map { Int64($0 % 3) }))

        let optimizer = try Optimizer(for: model, try AdamW(learningRate: 1e-3))
        let report = try optimizer.step(on: batch) { batch in
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
        print(report.loss)
        let familiar = try AdamW(learningRate: 1e-3) {
            $0.weightDecay = 0.01
            $0.correctsBias = false
        }
        let same = try Optimizer(for: model, groups: [.init(.rest, familiar, decaying: .all)])

        #expect(report.loss > 0)
        #expect(same.describe().contains("corrects_bias=false"))
        #expect(!same.describe().contains("no decay"))
    }

    /// Torch.md
    @Test func torch() throws {
        let x = try Tensor([1, 2, 3] as [Double]).requiringGradient()
        let y = (x.squared() * 0.5).sum()
        let slope = try gradients(of: y, withRespectTo: [x])
        print(try slope[0]!.scalars(as: Double.self))  // [1.0, 2.0, 3.0]

        let table = Tensor([3, 1, 2, 5, 4, 6] as [Float], shape: [2, 3])
        print(table[0..., -1])  // Tensor([2., 6.], shape: [2], dtype: float32)
        print(table[table .> 3])  // Tensor([5., 4., 6.], shape: [3], dtype: float32)
        try table.assign(0, at: 1, 1...)
        print(try Tensor.call("aten::topk", .tensor(table), 1)[0].tensor)  // the largest of each row

        let whole = Tensor([3, 1, 2, 5, 4, 6] as [Float], shape: [2, 3])
        #expect("\(whole[0..., -1])" == "Tensor([2., 6.], shape: [2], dtype: float32)")
        #expect("\(whole[whole .> 3])" == "Tensor([5., 4., 6.], shape: [3], dtype: float32)")
        #expect(try slope[0]!.scalars(as: Double.self) == [1, 2, 3])
        #expect(try table.scalars(as: Float.self) == [3, 1, 2, 5, 0, 0])
    }

    /// README.md
    @Test func readMe() throws {
        let batches = [try Self.bytes()]
        let generator = try RandomGenerator(seed: 0)
        let model = GPT(.init(context: 128, width: 128, layers: 4, heads: 4), using: generator)
        let optimizer = try Optimizer(
            for: model,
            groups: [
                .init(.matching("Embedding|head"), try FAdam(learningRate: 1e-3)),
                .init(.rest, try FAdam(learningRate: .cosine(2e-3, steps: 1000)) { $0.weightDecay = 1e-3 }),
            ])
        for batch in batches {
            let report = try optimizer.step(on: batch, microBatches: 2) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
            print(report.loss)
        }

        #expect(optimizer.updateCount == 1)
    }

    /// NeuralNet.md
    @Test func neuralNet() throws {
        final class Gain: Module {
            @Parameter var weight: Tensor
            let inner: Linear

            init(_ width: Int, using generator: RandomGenerator) {
                _weight = Parameter(wrappedValue: .ones([width]))
                inner = Linear(width, width, using: generator)
            }

            func callAsFunction(_ input: Tensor) -> Tensor { inner(input) * weight }
        }

        let model = Gain(8, using: try RandomGenerator(seed: 0))
        print(model.parameters.map { "\($0.path)" })  // ["weight", "inner.weight", "inner.bias"]
        print(model.parameterCount)  // 80

        #expect(model.parameters.map { "\($0.path)" } == ["weight", "inner.weight", "inner.bias"])
        #expect(model.parameterCount == 80)
    }

    /// Two windows of 128 bytes that count up, and the byte after each.
    static func bytes() throws -> SupervisedBatch {
        let stream = (0..<257).map { Int64($0 % 256) }
        return SupervisedBatch(
            inputs: Tensor(Array(stream[0..<256]), shape: [2, 128]),
            targets: Tensor(Array(stream[1..<257]), shape: [2, 128]))
    }
}
