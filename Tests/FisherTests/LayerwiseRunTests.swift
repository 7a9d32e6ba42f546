import Foundation
import Testing

@testable import Fisher
@testable import FisherInformation

/// What every run of a layer-wise rule must keep: state, micro-batches, hard numbers, the two paths of execution.
@Suite struct LayerwiseRunTests {
    static let some = LayerwiseCase.all.filter { layerwise in
        ["intervals", "exact-damping", "none", "official", "w-sequence", "kfac-wide"].contains {
            layerwise.testDescription.contains($0)
        }
    }

    @Test func thereAreSome() { #expect(Self.some.count >= 20) }

    /// Stopped after every step in turn, also between refreshes; with labels drawn from the model.
    @Test(arguments: some, [DType.float32, .float64])
    func aRestoredRunGoesOnBitForBit(_ layerwise: LayerwiseCase, _ dtype: DType) throws {
        let settings = ["labels": "sampled", "adapts_damping": "true"]
        let whole = try layerwise.run(dtype, setting: settings)
        for batch in whole.batches { try whole.step(on: batch) }
        for stop in 1..<whole.batches.count {
            let first = try layerwise.run(dtype, setting: settings)
            for batch in first.batches.prefix(stop) { try first.step(on: batch) }
            let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
            defer { try? FileManager.default.removeItem(atPath: file) }
            try SafetensorsWriter().write(
                try first.optimizer.state.map { try SafetensorsSource(name: $0.key, tensor: $0.value) },
                to: file)
            let second = try layerwise.run(dtype, setting: settings)
            try second.network.load(first.network.weights)
            try second.optimizer.restore(try SafetensorsFile(path: file).allTensors())
            for batch in second.batches.dropFirst(stop) { try second.step(on: batch) }
            #expect(try second.weights() == whole.weights(), "after \(stop)")
        }
    }

    @Test(arguments: some)
    func microBatchesMakeTheSameStep(_ layerwise: LayerwiseCase) throws {
        let (whole, parts) = (try layerwise.run(), try layerwise.run())
        for batch in whole.batches {
            try whole.step(on: batch)
            try parts.step(on: batch, microBatches: 3)
        }
        for (name, expected) in try whole.weights() {
            let found = try #require(try parts.weights()[name])
            let scale = max(expected.map(abs).max() ?? 0, 1e-12)
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-10 * scale }, "\(name)")
        }
    }

    /// AdaFisher's fused loop against its formula, by every instruction set that this processor has.
    @Test(
        arguments: LayerwiseCase.all.filter {
            $0.testDescription.hasPrefix("adafisher") && !$0.testDescription.hasSuffix("power")
        }, InstructionSet.supported)
    func theFusedPathIsTheFormula(_ layerwise: LayerwiseCase, _ instructions: InstructionSet) throws {
        let settings = ["statistics_interval": "3"]
        let formula = try layerwise.run(.float32, setting: settings, by: .formula)
        let fused = try layerwise.run(.float32, setting: settings)
        fused.optimizer.instructionSet = instructions
        for (step, batch) in fused.batches.enumerated() {
            let report = try fused.step(on: batch)
            try formula.step(on: batch)
            // Only a refresh takes the formula path.
            #expect(report.entries.allSatisfy { ($0.update != nil) == (step % 3 == 0) })
        }
        for (name, expected) in try formula.weights() {
            let found = try #require(try fused.weights()[name])
            let scale = max(expected.map(abs).max() ?? 0, 1e-12)
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-5 * scale }, "\(name)")
        }
    }

    static let rules = ["kfac", "ekfac", "adafisher", "adafisherw"]

    /// Inputs that are zero, tiny, of rank one or so large that their squares overflow.
    @Test(arguments: rules, [0, 1e-25, 1, 1e15, 1e19])
    func hardNumbersStayFinite(_ name: String, _ scale: Double) throws {
        for settings in [
            [:], ["damping": "0", "pi": "false"], ["damping_style": "exact", "damping": "1e-30"],
        ] {
            let generator = try RandomGenerator(seed: 7)
            let model = Sequential([
                Linear(6, 5, using: generator), Tanh(), Linear(5, 4, using: generator), LayerNorm(4),
            ])
            var rule = try RuleRegistry.rule(named: name)
            rule.learningRate = 1e-12
            for (option, value) in settings {
                let isOption =
                    rule.settings.contains { $0.name == option } || option == "pi" && name.hasSuffix("kfac")
                if isOption { try rule.set(option, to: value) }
            }
            let optimizer = try Optimizer(for: model, rule)
            let row = Tensor.normal([1, 6], using: generator) * scale
            for _ in 1...3 {
                try optimizer.step(
                    on: SupervisedBatch(
                        inputs: row.expanded([7, 6]).contiguous(),
                        targets: Tensor([0, 1, 2, 3, 0, 1, 2] as [Int64]))
                ) { try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets) }
            }
            for (key, tensor) in optimizer.state where tensor.dtype == .float32 {
                #expect(try tensor.scalars(as: Double.self).allSatisfy(\.isFinite), "\(key)")
            }
            let weights = try model.parameters.flatMap {
                try $0.parameter.wrappedValue.scalars(as: Double.self)
            }
            let areFinite = weights.allSatisfy(\.isFinite)
            #expect(areFinite)
        }
    }

    /// An undamped singular factor is told, not hidden.
    @Test func failedChecksAreCounted() throws {
        let model = Sequential([Linear(6, 3, using: try RandomGenerator(seed: 7))])
        let optimizer = try Optimizer(
            for: model,
            try KFAC {
                $0.damping = 0
                $0.labels = .empirical
            })
        let report = try optimizer.step(
            on: SupervisedBatch(inputs: .ones([4, 6]), targets: Tensor([0, 1, 2, 0] as [Int64]))
        ) { try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets) }
        #expect(report.fallbackCount > 0)
        #expect(
            try model.parameters[0].parameter.wrappedValue.scalars(as: Double.self).allSatisfy(\.isFinite))
    }

    @Test func inversesAreInverses() throws {
        let generator = try RandomGenerator(seed: 8)
        for n in [1, 5, 96, 97, 230] {
            let x = Tensor.normal([n + 3, n], dtype: .float64, using: generator)
            let m = x.transposed(0, 1).matmul(x)
            let found = try SymmetricInverse(m, damping: 0.5)
            let residual = m.addingDiagonal(0.5).matmul(found.inverse) - .identity(n, dtype: .float64)
            #expect(found.fallbackCount == 0)
            #expect(try residual.norm().item() <= 1e-9)
        }
    }

    @Test(arguments: rules)
    func aLayerThatIsRoutedApartIsRefused(_ name: String) throws {
        let model = Sequential([Linear(3, 2, using: try RandomGenerator(seed: 1))])
        let rule = try RuleRegistry.rule(named: name)
        let error = #expect(throws: OptimizerError.self) {
            try Optimizer(for: model, groups: [.init(.matching("weight"), rule), .init(.rest, SGD())])
        }
        let text = "\(try #require(error))"
        #expect(text.contains("the layer 0"))
    }

    @Test func whatIsOutsideIsNamed() throws {
        let model = GPT(
            .init(vocabulary: 5, context: 4, width: 8, layers: 1, heads: 2, tiesHead: true),
            using: try RandomGenerator(seed: 1))
        let text = try Optimizer(for: model, try KFAC { $0.fallback = .adamw }).describe()
        let lines = text.split(separator: "\n")
        #expect(lines.contains { $0.contains("tokenEmbedding.weight") && $0.hasSuffix("by AdamW") })
        #expect(lines.contains { $0.contains("finalNorm.weight") && $0.contains("by AdamW") })
        #expect(!lines.contains { $0.contains("blocks.0.attention.") && $0.contains("by AdamW") })
        let ada = try Optimizer(for: model, AdaFisher()).describe()
        #expect(
            ada.split(separator: "\n").contains {
                $0.contains("finalNorm") && $0.contains("diagonal of its own")
            })
    }

    /// Steps that overshoot raise the damping at the fifth update, small ones lower it.
    @Test(arguments: [(rate: 1e-4, raises: false), (rate: 40.0, raises: true)])
    func dampingFollowsThePromise(_ rate: Double, _ raises: Bool) throws {
        let generator = try RandomGenerator(seed: 9)
        let model = Sequential([
            Linear(4, 6, dtype: .float64, using: generator), Tanh(),
            Linear(6, 3, dtype: .float64, using: generator),
        ])
        let inputs = Tensor.normal([32, 4], dtype: .float64, using: generator)
        let targets = Tensor((0..<32).map { Int64($0 % 3) })
        let rule = try KFAC(learningRate: .constant(rate)) {
            $0.damping = 0.01
            $0.labels = .exact
            $0.adaptsDamping = true
        }
        let optimizer = try Optimizer(for: model, rule)
        for step in 1...10 {
            try optimizer.step(on: SupervisedBatch(inputs: inputs, targets: targets)) {
                try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
            }
            if step == 4 { #expect(optimizer.state["parameter/0.weight/damping"] == nil) }
        }
        let found = try #require(optimizer.state["parameter/0.weight/damping"]).item()
        let omega = 0.9 * 0.9 * 0.9 * 0.9 * 0.9
        #expect(abs(found - 0.01 * (raises ? 1 / omega / omega : omega * omega)) < 1e-12)
    }

    @Test(arguments: rules)
    func codingKeepsEveryOption(_ name: String) throws {
        func roundTrip<Rule: OptimizationRule>(_ rule: Rule) throws {
            var rule = rule
            rule.learningRate = .cosine(0.5, steps: 10, warmUp: 2, floor: 0.125)
            try rule.set("statistics_interval", to: "7")
            let data = try JSONEncoder().encode(rule)
            #expect(try JSONDecoder().decode(Rule.self, from: data) == rule)
            #expect(throws: HyperparameterError.self) { try rule.set("statistics_interval", to: "0") }
            #expect(throws: HyperparameterError.self) { try rule.set("decay", to: "1") }
        }
        try roundTrip(try RuleRegistry.rule(named: name))
    }
}

extension LayerwiseRunTests {
    /// What the rules remember is named in their articles, and no more.
    @Test(arguments: [
        ("kfac", [[:], ["damping_style": "exact", "momentum": "0.9", "adapts_damping": "true"]]),
        ("ekfac", [["momentum": "0.9", "adapts_damping": "true"]]), ("adafisher", [[:]]),
    ])
    func statesAreInTheArticles(_ name: String, _ settings: [[String: String]]) throws {
        let layerwise = try #require(
            LayerwiseCase.all.first {
                $0.testDescription == "\(name)-sequence-intervals"
                    || $0.testDescription == "\(name)-sequence-official"
            })
        var kept: Set<String> = []
        for setting in settings {
            let run = try layerwise.run(setting: setting.merging(["fallback": "sgd"]) { first, _ in first })
            for batch in run.batches.prefix(5) { try run.step(on: batch) }
            kept.formUnion(run.optimizer.state.keys.map { String($0.split(separator: "/").last ?? "") })
        }
        kept.subtract(["updates", "skipped", "skipped_in_a_row", "step", "label_generator"])
        let article = DocumentationTests.article(of: type(of: try RuleRegistry.rule(named: name)).summary)
        let section = try #require(
            String(contentsOf: article, encoding: .utf8).split(separator: "### State and cost\n").dropFirst()
                .first
        ).split(separator: "\n###")[0]
        #expect(Set(section.matches(of: /`([a-z]+)`/).map { String($0.1) }) == kept)
    }
}
