import Fisher
import Foundation
import Testing

/// Rules with a whole Fisher information, or with a diagonal of the batch's own: against PyTorch, in parts, resumed.
@Suite struct NaturalRuleTests {
    typealias Network = OptimizerTests.Network

    /// Every rule and source on the small network, with options under which it settles.
    static let subjects = [
        "natural_gradient", "natural_gradient:solver=cg", "natural_gradient:source=empirical",
        "natural_gradient:source=empirical,solver=cg", "natural_gradient:source=sampled,draws=2,damping=0.1",
        "natural_gradient:source=sampled,solver=cg,damping=0.1",
        "natural_gradient:accumulated=true,lr=1,damping=1",
        "diagonal_natural_gradient:source=exact,damping=1e-3,lr=1e-3",
        "diagonal_natural_gradient:source=sampled,damping=1e-3,lr=1e-3",
        "gauss_newton", "gauss_newton:solver=direct", "gauss_newton:solver=dense",
        "natural_gradient:solver=dense", "newton", "newton:solver=dense", "ief", "mfac:history=3",
        "fadam:source=empirical",
        "fadam:source=sampled", "fadam:source=exact", "fadam:source=improved", "fadafactor:source=improved",
    ]

    static func rule(_ text: String) throws -> any OptimizationRule {
        let parts = text.split(separator: ":")
        var rule = try RuleRegistry.rule(named: String(parts[0]))
        for setting in parts.count > 1 ? parts[1].split(separator: ",") : [] {
            let pair = setting.split(separator: "=")
            try rule.set(String(pair[0]), to: String(pair[1]))
        }
        return rule
    }

    @discardableResult
    static func step(
        _ optimizer: Optimizer, _ model: Network, _ batch: SupervisedBatch, microBatches: Int = 1
    ) throws -> StepReport {
        try optimizer.step(on: batch, microBatches: microBatches) {
            try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
        }
    }

    @Test func allCasesAreHere() { #expect(ModelCase.all(in: "natural").count == 59) }

    @Test(arguments: ModelCase.all(in: "natural"))
    func agreesWithBruteForceInPyTorch(_ model: ModelCase) throws {
        #expect(try model.error() <= 1e-9)
    }

    /// Whole batches were the reference's.
    @Test(arguments: ModelCase.all(in: "natural").filter { !$0.testDescription.hasPrefix("regression") })
    func microBatchesGiveTheWholeStep(_ model: ModelCase) throws {
        #expect(try model.error(microBatches: 3) <= 1e-8)
    }

    @Test(arguments: subjects)
    func restoredGoesOnExactly(_ text: String) throws {
        let (one, two) = (try Network(), try Network())
        let batch = try OptimizerTests.batch()
        let first = try Optimizer(for: one, try Self.rule(text), labelSeed: 3)
        for _ in 1...3 { try Self.step(first, one, batch) }
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try SafetensorsWriter().write(
            try first.state.map { try SafetensorsSource(name: $0.key, tensor: $0.value) }, to: file)
        let second = try Optimizer(for: two, try Self.rule(text), labelSeed: 8)
        try second.restore(try SafetensorsFile(path: file).allTensors())
        for (a, b) in zip(one.parameters, two.parameters) {
            try b.parameter.assign(a.parameter.wrappedValue.detached())
        }
        #expect(first.stateByteCount == first.expectedStateByteCount)
        for _ in 1...3 {
            try Self.step(first, one, batch)
            try Self.step(second, two, batch)
        }
        #expect(try OptimizerTests.weights(one) == OptimizerTests.weights(two))
        #expect(try OptimizerTests.weights(one) != OptimizerTests.weights(try Network()))
    }

    @Test(arguments: subjects)
    func theLossFalls(_ text: String) throws {
        let model = try Network()
        let batch = try OptimizerTests.batch()
        let optimizer = try Optimizer(for: model, try Self.rule(text))
        let first = try Self.step(optimizer, model, batch).loss
        for _ in 1...20 { try Self.step(optimizer, model, batch) }
        let last = try Self.step(optimizer, model, batch).loss
        #expect(last < first)
    }

    /// Inputs without information, and some that saturate every unit.
    @Test(arguments: subjects, [0, 1e-12, 1e8])
    func extremeBatchesStayFinite(_ text: String, _ scale: Double) throws {
        let model = try Network()
        let batch = try OptimizerTests.batch()
        let scaled = SupervisedBatch(inputs: batch.inputs * scale, targets: batch.targets)
        let optimizer = try Optimizer(for: model, try Self.rule(text))
        for _ in 1...3 { try Self.step(optimizer, model, scaled) }
        #expect(try OptimizerTests.weights(model).allSatisfy(\.isFinite))
        for (key, tensor) in optimizer.state where !key.hasPrefix("optimizer/") {
            #expect(try tensor.scalars(as: Double.self).allSatisfy(\.isFinite), "\(key)")
        }
    }

    @Test func onlySourcesOtherThanTheGradientNeedAModel() throws {
        let parameters = try Network().parameters
        _ = try Optimizer(parameters: parameters, groups: [.init(.rest, FAdam())])
        for text in ["fadam:source=exact", "diagonal_natural_gradient:source=empirical", "ief", "newton"] {
            let rule = try Self.rule(text)
            #expect(throws: OptimizerError.self) {
                try Optimizer(parameters: parameters, groups: [.init(.rest, rule)])
            }
        }
        let bound = try Optimizer(for: try Network(), try FAdam { $0.source = .exact })
        #expect(bound.describe().contains("formula path (source exact)"))
    }

    @Test func combinationsThatDoNotExistAreNamed() throws {
        #expect(throws: HyperparameterError.self) {
            try NaturalGradient {
                $0.solver = .conjugateGradients
                $0.accumulates = true
            }
        }
        #expect(throws: HyperparameterError.self) { try MFAC { $0.history = 0 } }
        #expect(throws: HyperparameterError.self) {
            try FAdam {
                $0.source = .sampled(1)
                $0.draws = 0
            }
        }
    }

    /// A likelihood whose Hessian in the outputs is zero, or may be indefinite.
    @Test func gaussNewtonThrowsWhereThereIsNone() throws {
        let layer = Linear(3, 4, dtype: .float64, using: try RandomGenerator(seed: 1))
        let batch = SupervisedBatch(
            inputs: .ones([5, 3], dtype: .float64), targets: .full([5, 2], 0.5, dtype: .float64))
        let before = try layer.weight.scalars(as: Double.self)
        #expect(throws: LikelihoodError.self) {
            try Optimizer(for: layer, GaussNewton()).step(on: batch) {
                try Objective(LogitLaplace(locationAndLogScale: layer($0.inputs)), observing: $0.targets)
            }
        }
        #expect(throws: LikelihoodError.self) {
            try Optimizer(for: layer, GaussNewton()).step(on: batch) {
                try Objective(Gaussian(meanAndLogVariance: layer($0.inputs)), observing: $0.targets)
            }
        }
        #expect(try layer.weight.scalars(as: Double.self) == before)
    }

    /// Undamped, a matrix of the rank of the batch has no inverse: the damping grows, is counted, and nothing breaks.
    @Test(arguments: ["natural_gradient:source=empirical,damping=0,lr=1e-3", "ief:damping=0,lr=1e-3"])
    func whatCannotBeFactorizedFallsBack(_ text: String) throws {
        let model = try Network()
        let one = try OptimizerTests.batch(3)
        // Every sample twice.
        let batch = SupervisedBatch(
            inputs: .concatenated([one.inputs, one.inputs]),
            targets: .concatenated([one.targets, one.targets])
        )
        let report = try Self.step(try Optimizer(for: model, try Self.rule(text)), model, batch)
        #expect(report.fallbackCount > 0)
        #expect(try OptimizerTests.weights(model).allSatisfy(\.isFinite))
        let damped = try Optimizer(for: model, IEF())
        #expect(try Self.step(damped, model, batch).fallbackCount == 0)
    }

    @Test func solutionsAreReportedAndStartWarm() throws {
        let model = try Network()
        let batch = try OptimizerTests.batch()
        let rule = try NaturalGradient(learningRate: 1e-4) {
            $0.solver = .conjugateGradients
            $0.tolerance = 1e-6
        }
        let optimizer = try Optimizer(for: model, rule)
        let first = try #require(try Self.step(optimizer, model, batch).solutions.values.first)
        let second = try #require(try Self.step(optimizer, model, batch).solutions.values.first)
        #expect(first.relativeResidual <= 2e-6 && first.damping == 1e-3)
        #expect(second.iterations < first.iterations)
    }
}
