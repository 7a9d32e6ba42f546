import Fisher
import Testing

/// What rules that ask for a batch's statistics refuse.
@Suite struct StatisticsTests {
    /// A whole matrix that no memory holds is refused before the first step, by name and size.
    @Test func aMatrixThatIsTooLargeIsRefused() throws {
        let model = Linear(1000, 1000, using: try RandomGenerator(seed: 1))
        let error = #expect(throws: OptimizerError.self) {
            try Optimizer(for: model, try NaturalGradient { $0.solver = .dense })
        }
        guard case .tooLarge("natural_gradient", let byteCount, let available) = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(byteCount >= 4 * 1_001_000 * 1_001_000 && byteCount > available)
        // Neither products nor the gradients of a small batch need a matrix.
        let products = try NaturalGradient { $0.solver = .conjugateGradients }
        #expect(try Optimizer(for: model, products).describe().contains("NaturalGradient"))
        let batch = SupervisedBatch(
            inputs: .normal([3, 1000], using: try RandomGenerator(seed: 2)),
            targets: Tensor([1, 2, 0] as [Int64]))
        try Optimizer(for: model, try NaturalGradient { $0.source = .empirical }).step(on: batch) {
            try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
        }
    }

    /// Single positions of a sequence cannot be told apart by what layers capture: no wrong answer is given.
    @Test func unitsThatStandAlongOtherAxesAreRefused() throws {
        let model = GPT(
            .init(vocabulary: 5, context: 3, width: 4, layers: 1, heads: 1),
            using: try RandomGenerator(seed: 1))
        let batch = SupervisedBatch(
            inputs: Tensor([Int64](repeating: 1, count: 6), shape: [2, 3]),
            targets: Tensor([Int64](repeating: 2, count: 6), shape: [2, 3]))
        func step(_ unit: Objective.Unit) throws {
            let optimizer = try Optimizer(for: model, try KFAC { $0.labels = .empirical })
            try optimizer.step(on: batch) {
                try Objective(
                    Categorical(logits: model($0.inputs)), observing: $0.targets, unit: unit)
            }
        }
        #expect(throws: CurvatureError.self) { try step(.observation) }
        #expect(throws: Never.self) { try step(.firstAxis) }
        let estimator = try CurvatureEstimator(of: model)
        #expect(throws: CurvatureError.self) {
            try #require(
                try estimator.estimate(
                    [.diagonal(.empirical)],
                    of: Objective(
                        Categorical(logits: model(batch.inputs)), observing: batch.targets, unit: .observation
                    )
                ).diagonal(.empirical))
        }
    }

    /// Rules that need a model say so where there is none.
    @Test(arguments: ["kfac", "adafisher", "ief", "natural_gradient", "newton"])
    func gradientsAloneAreNotEnough(_ name: String) throws {
        let parameters = [
            NamedParameter(path: ParameterPath("x"), parameter: Parameter(wrappedValue: .ones([2, 2])))
        ]
        let rule = try RuleRegistry.rule(named: name)
        let error = #expect(throws: OptimizerError.self) {
            try Optimizer(parameters: parameters, groups: [.init(.rest, rule)])
        }
        #expect(error.map { "\($0)" }?.contains("\(name) works on a model") == true)
    }
}
