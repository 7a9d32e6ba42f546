import Foundation
import Testing

@testable import Fisher
@testable import FisherInformation

/// What cannot be estimated, moved or restored is refused by an error that says why.
@Suite struct RefusalTests {
    /// A network whose first layer multiplies, so that its logits can be made anything.
    private static func network(scale: Double = 1) throws -> OptimizerTests.Network {
        let network = try OptimizerTests.Network()
        try network.second.$weight.assign(network.second.weight.detached() * scale)
        return network
    }

    private static func objective(
        _ network: OptimizerTests.Network, _ batch: SupervisedBatch, adding extra: Tensor? = nil
    ) throws -> Objective {
        let logits = network(batch.inputs)
        return try Objective(
            Categorical(logits: extra.map { logits + $0 } ?? logits), observing: batch.targets)
    }

    // MARK: logits that are not finite

    static let sources: [CurvatureSource] = [
        .exact, .sampled(1), .empirical, .gaussNewton, .improved, .minibatch,
    ]

    @Test(arguments: sources)
    func aLossThatIsNotFiniteHasNoInformation(_ source: CurvatureSource) throws {
        let (network, batch) = (try Self.network(), try OptimizerTests.batch())
        let error = #expect(throws: NonFiniteError.self) {
            try CurvatureEstimator(of: network).estimate(
                [.diagonal(source)], of: Self.objective(network, batch, adding: Tensor([Double.nan, 0, 0])),
                using: RandomGenerator(seed: 1))
        }
        #expect(error?.source == "the loss" && error?.update == nil)
        #expect(error?.description == "the loss is not finite, so that nothing can be estimated from it")
    }

    /// A masked position has no loss, but a label would be drawn for it.
    @Test func logitsThatAreNotFiniteAreFoundBeforeADraw() throws {
        let network = try Self.network()
        let inputs = try OptimizerTests.batch().inputs
        let batch = SupervisedBatch(
            inputs: inputs,
            targets: Tensor((0..<12).map { $0 == 3 ? Int64(Categorical.masked) : Int64($0 % 3) }))
        let extra = Tensor((0..<12).map { $0 == 3 ? Double.nan : 0 }, shape: [12, 1])
        let error = #expect(throws: NonFiniteError.self) {
            try CurvatureEstimator(of: network).estimate(
                [.diagonal(.sampled(1))], of: Self.objective(network, batch, adding: extra),
                using: RandomGenerator(seed: 1))
        }
        #expect(error?.source == "the logits")
    }

    /// Classes that are excluded by logits of minus infinity are legitimate.
    @Test(arguments: [CurvatureSource.sampled(2), .empirical])
    func excludedClassesAreLegitimate(_ source: CurvatureSource) throws {
        let (network, batch) = (try Self.network(), try OptimizerTests.batch())
        let wide = SupervisedBatch(inputs: batch.inputs, targets: Tensor((0..<12).map { Int64($0 % 2) }))
        let found = try CurvatureEstimator(of: network).estimate(
            [.diagonal(source)],
            of: Self.objective(network, wide, adding: Tensor([0, 0, -Double.infinity])),
            using: RandomGenerator(seed: 1))
        for tensor in try #require(found.diagonal(source)).mean.values {
            #expect(try tensor.nonFiniteElement() == nil)
        }
    }

    @Test(arguments: [
        "kfac", "ekfac", "adafisher", "natural_gradient:source=sampled", "fadam:source=sampled",
    ])
    func rulesThatDrawGoByThePolicy(_ text: String) throws {
        let (network, batch) = (try Self.network(), try OptimizerTests.batch())
        let rule = try NaturalRuleTests.rule(text)
        let stopping = try Optimizer(for: network, rule)
        let skipping = try Optimizer(for: network, rule, nonFinite: .skip(abortAfter: 1))
        let before = try OptimizerTests.weights(network)
        let bad = Tensor([Double.infinity, 0, 0])
        let error = #expect(throws: NonFiniteError.self) {
            try stopping.step(on: batch) { try Self.objective(network, $0, adding: bad) }
        }
        #expect(error?.source == "the loss" && error?.update == 1)
        let report = try skipping.step(on: batch) { try Self.objective(network, $0, adding: bad) }
        #expect(report.skipped?.source == "the loss" && skipping.skippedCount == 1)
        #expect(throws: NonFiniteError.self) {
            try skipping.step(on: batch) { try Self.objective(network, $0, adding: bad) }
        }
        #expect(try OptimizerTests.weights(network) == before)
        #expect(try skipping.step(on: batch) { try Self.objective(network, $0) }.skipped == nil)
    }

    // MARK: sizes

    /// 442,600 parameters: 783 GB in float32, twice.
    private static func large() throws -> Sequential {
        let generator = try RandomGenerator(seed: 0)
        return Sequential(Linear(664, 664, using: generator), Linear(664, 2, bias: false, using: generator))
    }

    @Test(arguments: [CurvatureRequest.full(.exact), .full(.empirical), .blocks(.exact)])
    func aMatrixThatDoesNotFitIsRefused(_ request: CurvatureRequest) throws {
        let network = try Self.large()
        let duration = ContinuousClock().measure {
            let error = #expect(throws: CurvatureError.self) {
                try CurvatureEstimator(of: network).estimate(
                    [request],
                    of: Objective(
                        Categorical(logits: network(.ones([2, 664]))), observing: Tensor([0, 1] as [Int64])))
            }
            guard case .tooLarge(_, let bytes, let available) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(bytes > 1.5e12 && available < bytes)
        }
        #expect(duration < .seconds(5))
    }

    @Test func aRuleThatDoesNotFitIsRefused() throws {
        let network = try Self.large()
        let dense = try NaturalGradient { $0.solver = .dense }
        for rule: any OptimizationRule in [dense, try MFAC { $0.history = 10_000_000 }] {
            let error = #expect(throws: OptimizerError.self) { try Optimizer(for: network, rule) }
            guard case .tooLarge(let name, let bytes, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(name == type(of: rule).summary.name && bytes > 1e12)
        }
        #expect(throws: OptimizerError.self) { try Optimizer(for: network, try MFAC { $0.history = .max }) }
    }

    @Test func anEnormousRankIsAll() throws {
        let (network, batch) = (try Self.network(), try OptimizerTests.batch())
        let found = try CurvatureEstimator(of: network).estimate(
            [.lowRank(.max, .exact)], of: Self.objective(network, batch))
        #expect(try #require(found.lowRank(.max, .exact)).values.count <= network.parameterCount)
    }

    // MARK: states

    /// The state of `a` is not that of `a/b`, whose keys begin alike.
    @Test(arguments: ["adam", "soap", "mfac"])
    func namesWithSlashesAreRestored(_ name: String) throws {
        func parameters() -> [NamedParameter] {
            ["a", "a/b", "a/b/step", "b"].map {
                NamedParameter(
                    path: ParameterPath(components: [$0]), parameter: Parameter(wrappedValue: .ones([2, 2])))
            }
        }
        let (one, two) = (parameters(), parameters())
        let rule = try RuleRegistry.rule(named: name)
        let gradients = Dictionary(
            uniqueKeysWithValues: one.enumerated().map { ($1.path, Tensor.full([2, 2], Double($0 + 1))) })
        let first = try Optimizer(parameters: one, groups: [.init(.rest, rule)])
        try first.update(with: gradients)
        let second = try Optimizer(parameters: two, groups: [.init(.rest, rule)])
        try second.restore(first.state.mapValues { $0.copy() })
        for (key, tensor) in first.state {
            #expect(
                try second.state[key]?.scalars(as: Double.self) == tensor.scalars(as: Double.self), "\(key)")
        }
    }

    @Test func statesThatAreNotFiniteAreNamed() throws {
        let parameters = [
            NamedParameter(path: ParameterPath("w"), parameter: Parameter(wrappedValue: .ones([3])))
        ]
        let optimizer = try Optimizer(parameters: parameters, groups: [.init(.rest, AdamW())])
        try optimizer.update(with: [ParameterPath("w"): .ones([3])])
        var state = optimizer.state.mapValues { $0.copy() }
        state["parameter/w/fisher"] = Tensor([1, 2, Float.nan])
        let error = #expect(throws: OptimizerError.self) { try optimizer.restore(state) }
        #expect(error?.description == "the optimizer state parameter/w/fisher holds NaN at element 2")
    }

    @Test(arguments: [0, 5, 100])
    func aGeneratorsStateIsChecked(_ count: Int) throws {
        let optimizer = try Optimizer(for: try Self.network(), KFAC())
        var state = optimizer.state.mapValues { $0.copy() }
        state["optimizer/label_generator"] = Tensor([UInt8](repeating: 1, count: count))
        let error = #expect(throws: OptimizerError.self) { try optimizer.restore(state) }
        #expect(
            error?.description == "the optimizer state optimizer/label_generator is no state of a generator")
    }
}
