import Fisher
import Testing

/// Groups, clipping, micro-batches, auxiliaries and states that do not fit.
@Suite struct OptimizerTests {
    /// Two linear layers on four inputs.
    final class Network: Module {
        let first: Linear
        let second: Linear

        init(seed: UInt64 = 0) throws {
            let generator = try RandomGenerator(seed: seed)
            first = Linear(4, 8, dtype: .float64, using: generator)
            second = Linear(8, 3, dtype: .float64, using: generator)
        }

        func callAsFunction(_ input: Tensor) -> Tensor { second(first(input).tanh()) }
    }

    static func batch(_ count: Int = 12) throws -> SupervisedBatch {
        let generator = try RandomGenerator(seed: 9)
        let targets = (0..<count).map { Int64($0 % 3) }
        return SupervisedBatch(
            inputs: .normal([count, 4], dtype: .float64, using: generator), targets: Tensor(targets))
    }

    static func weights(_ model: Network) throws -> [Double] {
        try model.parameters.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) }
    }

    @Test func firstMatchingGroupWins() throws {
        let optimizer = try Optimizer(
            for: try Network(), groups: [.init(.matching("first"), FAdam()), .init(.rest, SGD())])
        let lines = optimizer.describe().split(separator: "\n")
        #expect(lines[0].contains("FAdam"))
        #expect(lines[1].contains("first.weight [8, 4]"))
        #expect(lines[2].contains("first.bias") && lines[2].contains("no decay"))
        #expect(lines[3].contains("SGD"))
        #expect(lines[4].contains("second.weight"))
    }

    @Test func routingErrorsNameTheCulprit() throws {
        let model = try Network()
        func message(_ groups: [ParameterGroup]) -> String {
            do {
                _ = try Optimizer(for: model, groups: groups)
                return "none"
            } catch { return "\(error)" }
        }
        #expect(message([.init(.matching("first"), SGD())]).contains("second.weight"))
        #expect(message([.init(.matching("third"), SGD()), .init(.rest, SGD())]).contains("third"))
        #expect(message([.init(.matching("("), SGD())]).contains("regular expression"))
        for parameter in model.parameters { parameter.parameter.isTrainable = false }
        #expect(message([.init(.rest, SGD())]).contains("no trainable parameter"))
    }

    @Test func frozenParametersAreLeftOut() throws {
        let model = try Network()
        model.first.$weight.isTrainable = false
        let frozen: [Double] = try model.first.weight.scalars()
        let optimizer = try Optimizer(
            parameters: model.parameters, groups: [.init(.rest, try SGD(learningRate: 0.1))])
        let moving: [Double] = try model.second.weight.scalars()
        try optimizer.step(on: try Self.batch()) { batch in
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
        let description = optimizer.describe().components(separatedBy: "frozen, moved by no rule\n")
        #expect(description.count == 2)
        #expect(!description[0].contains("first.weight") && description[1].contains("first.weight"))
        #expect(try model.first.weight.scalars() == frozen)
        #expect(try model.second.weight.scalars() != moving)
    }

    @Test(arguments: RuleConformanceTests.names, [2, 3, 5, 12])
    func microBatchesGiveTheWholeStep(_ name: String, _ count: Int) throws {
        let (whole, parts) = (try Network(), try Network())
        let batch = try Self.batch()
        for (model, slices) in [(whole, 1), (parts, count)] {
            let optimizer = try Optimizer(
                for: model, try RuleRegistry.rule(named: name), clipGradientNorm: 0.1)
            for _ in 0..<3 {
                let report = try optimizer.step(on: batch, microBatches: slices) { slice in
                    try Objective(Categorical(logits: model(slice.inputs)), observing: slice.targets)
                }
                #expect(report.loss > 0)
            }
        }
        let difference = zip(try Self.weights(whole), try Self.weights(parts)).map { abs($0 - $1) }.max()!
        #expect(difference < 1e-11)
    }

    @Test func badBatchesAreNamed() throws {
        let model = try Network()
        let optimizer = try Optimizer(for: model, SGD())
        let batch = try Self.batch(4)
        #expect(throws: OptimizerError.self) {
            try optimizer.step(on: batch, microBatches: 5) {
                try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
            }
        }
        let masked = SupervisedBatch(
            inputs: batch.inputs, targets: Tensor([Int64](repeating: -100, count: 4)))
        #expect(throws: OptimizerError.self) {
            try optimizer.step(on: masked) {
                try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
            }
        }
        let wide = SupervisedBatch(inputs: .ones([4, 5], dtype: .float64), targets: batch.targets)
        let error = #expect(throws: TorchError.self) {
            try optimizer.step(on: wide) {
                try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
            }
        }
        #expect(error?.message.contains("linear") == true)
        #expect(error?.message.contains("\n") == false)
    }

    @Test func clippingScalesTheWholeGradient() throws {
        let (a, b) = (try Network(), try Network())
        let scale = 0.25
        let clipped = try Optimizer(for: a, try SGD(learningRate: 1), clipGradientNorm: scale)
        let plain = try Optimizer(for: b, try SGD(learningRate: 1))
        func objective(_ model: Network) -> (SupervisedBatch) throws -> Objective {
            { try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets) }
        }
        let before = try Self.weights(a)
        let batch = try Self.batch()
        let norm = try clipped.step(on: batch, objective(a)).gradientNorm
        try plain.step(on: batch, objective(b))
        #expect(norm > scale)
        for ((x, y), old) in zip(zip(try Self.weights(a), try Self.weights(b)), before) {
            #expect(abs((x - old) - (y - old) * scale / norm) < 1e-14)
        }
    }

    /// A penalty reaches the weights of FAdam but not its Fisher information.
    @Test func auxiliariesBypassTheInformation() throws {
        func fisher(penalty: Double, _ rule: any OptimizationRule) throws -> [Double] {
            let model = try Network()
            let optimizer = try Optimizer(for: model, rule)
            try optimizer.step(on: try Self.batch()) { slice in
                try Objective(
                    Categorical(logits: model(slice.inputs)), observing: slice.targets,
                    auxiliaries: [.init("penalty", model.first.weight.squared().sum() * penalty)])
            }
            return try optimizer.state["parameter/first.weight/fisher"]!.scalars()
        }
        #expect(try fisher(penalty: 0, FAdam()) == fisher(penalty: 10, FAdam()))
        #expect(try fisher(penalty: 0, Adam()) != fisher(penalty: 10, Adam()))
    }

    @Test func statesThatDoNotFitChangeNothing() throws {
        let model = try Network()
        let optimizer = try Optimizer(for: model, FAdam())
        try optimizer.step(on: try Self.batch()) {
            try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
        }
        let good = optimizer.state
        let key = "parameter/first.weight/fisher"
        let bad: [(String, (inout [String: Tensor]) -> Void)] = [
            ("is missing", { $0[key] = nil }),
            ("has shape", { $0[key] = .ones([8, 5], dtype: .float64) }),
            ("has type", { $0[key] = .ones([8, 4]) }),
            ("belongs to no parameter", { $0["parameter/third/fisher"] = .ones([1]) }),
            (
                "is not one that the rule keeps",
                { $0["parameter/first.weight/sum"] = .ones([8, 4], dtype: .float64) }
            ),
            ("is no count", { $0["optimizer/updates"] = Tensor([-1.0], shape: []) }),
        ]
        for (reason, damage) in bad {
            var state = good
            damage(&state)
            let error = #expect(throws: OptimizerError.self) { try optimizer.restore(state) }
            #expect(error?.description.contains(reason) == true, "\(reason)")
            #expect(try optimizer.state[key]!.scalars(as: Double.self) == good[key]!.scalars(as: Double.self))
        }
        try optimizer.restore(good)
    }

    @Test func aStepHandsTheLossBack() throws {
        let generator = try RandomGenerator(seed: 0)
        let model = Linear(4, 3, using: generator)
        let twin = Linear(4, 3, using: try RandomGenerator(seed: 0))
        let batch = SupervisedBatch(
            inputs: .normal([30, 4], using: generator), targets: Tensor((0..<30).map { Int64($0 % 3) }))
        func objective(_ model: Linear) throws -> Objective {
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
        for rule in [try KFAC(learningRate: 0.1) { $0.labels = .exact }, SGD()] as [any OptimizationRule] {
            let (one, other) = (try Optimizer(for: model, rule), try Optimizer(for: twin, rule))
            let expected = try objective(model).loss.item()
            let loss = try one.step { try objective(model) }.loss
            let report = try other.step(on: batch) { _ in try objective(twin) }
            #expect(loss == report.loss && abs(loss - expected) < 1e-6)
            #expect(
                try model.weight.scalars(as: Float.self) == twin.weight.scalars(as: Float.self))
        }
        let given = try Optimizer(for: model, SGD()).update(with: [
            ParameterPath("weight"): Tensor.zeros([3, 4])
        ])
        #expect(given.loss.isNaN && given.gradientNorm == 0)
    }

    @Test func theLearningRateChangesWhileTraining() throws {
        func parameters() -> [NamedParameter] {
            ["a", "b"].map {
                NamedParameter(path: ParameterPath($0), parameter: Parameter(wrappedValue: Tensor([1.0])))
            }
        }
        let groups = [
            ParameterGroup(.matching("a"), try SGD(learningRate: 1) { $0.momentum = 0.5 }),
            ParameterGroup(.rest, try SGD(learningRate: 1)),
        ]
        let gradients = [ParameterPath("a"): Tensor([1.0]), ParameterPath("b"): Tensor([1.0])]
        let own = parameters()
        let optimizer = try Optimizer(parameters: own, groups: groups)
        func values(_ named: [NamedParameter]) throws -> [Double] {
            try named.map { try $0.parameter.wrappedValue.item() }
        }
        try optimizer.update(with: gradients)
        #expect(try values(own) == [0, 0])
        let before = optimizer.state.mapValues { $0.copy() }
        try optimizer.setLearningRate(0.5, of: .matching("a"))
        try optimizer.update(with: gradients)
        // The momentum stayed: 1 + 0.5.
        #expect(try values(own) == [-0.75, -1])

        let copies = parameters()
        let restored = try Optimizer(parameters: copies, groups: groups)
        try restored.restore(optimizer.state)
        for (a, b) in zip(own, copies) { try b.parameter.assign(a.parameter.wrappedValue) }
        try optimizer.update(with: gradients)
        try restored.update(with: gradients)
        #expect(try values(own) == values(copies))
        #expect(restored.describe().contains("learning_rate=0.5"))
        // A state from before the change has the rules' own learning rates.
        try restored.restore(before)
        #expect(!restored.describe().contains("learning_rate=0.5"))

        #expect(throws: HyperparameterError.self) { try optimizer.setLearningRate(-1) }
        #expect(throws: OptimizerError.self) { try optimizer.setLearningRate(1, of: .matching("x")) }
        #expect(throws: OptimizerError.self) {
            try restored.restore(
                before.merging(["optimizer/learning_rate/0": Tensor(Array("x".utf8))]) { $1 })
        }
    }
}
