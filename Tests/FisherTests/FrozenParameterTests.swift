import Fisher
import Testing

/// Frozen parameters with every kind of rule.
@Suite struct FrozenParameterTests {
    static func step(_ optimizer: Optimizer, _ model: OptimizerTests.Network) throws {
        try optimizer.step(on: OptimizerTests.batch()) {
            try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
        }
    }

    /// Every rule leaves a frozen layer, and the frozen weight of a layer whose bias is trained, as they are.
    @Test(arguments: RuleRegistry.rules.map { $0.summary.name }, ["^first", "second.weight"])
    func everyRuleLeavesThem(_ name: String, _ pattern: String) throws {
        let model = try OptimizerTests.Network()
        let frozen = Set(try model.freeze(matching: pattern))
        let before = try model.weights.mapValues { try $0.scalars(as: Double.self) }
        let rule = try RuleRegistry.rule(named: name)
        let optimizer = try Optimizer(for: model, groups: rule.groups(for: model))
        for _ in 0..<2 { try Self.step(optimizer, model) }
        for named in model.parameters {
            let values = try named.parameter.wrappedValue.scalars(as: Double.self)
            if frozen.contains(named.path) { #expect(values == before["\(named.path)"], "\(named.path)") }
        }
        #expect(
            try model.parameters.contains {
                try $0.parameter.wrappedValue.scalars(as: Double.self) != before["\($0.path)"]
            })
        #expect(!optimizer.state.keys.contains { key in frozen.contains { key.contains("/\($0)/") } })
        #expect(optimizer.describe().contains("frozen, moved by no rule"))
    }

    @Test func freezingAfterwardsIsAnError() throws {
        let model = try OptimizerTests.Network()
        let optimizer = try Optimizer(for: model, SGD())
        try model.freeze(matching: "first.bias")
        let error = #expect(throws: OptimizerError.self) { try Self.step(optimizer, model) }
        #expect(error?.description.contains("first.bias was frozen after") == true)
        #expect(throws: OptimizerError.self) { try optimizer.update(with: [:] as [ParameterPath: Tensor]) }
        let other = try Optimizer(for: model, SGD())
        try model.unfreeze()
        let second = #expect(throws: OptimizerError.self) { try Self.step(other, model) }
        #expect(second?.description.contains("first.bias was frozen when") == true)
    }

    @Test func aModelWithLostPartsMeetsNoOptimizer() throws {
        final class Lost: Module {
            let layer = BatchNorm(2)
            let weight: Tensor
            init() throws { weight = try Tensor.ones([2]).requiringGradient() }
        }
        let error = #expect(throws: ModuleError.self) { try Optimizer(for: Lost(), SGD()) }
        #expect(error?.description.hasPrefix("weight is a bare Tensor that requires gradients") == true)
    }
}
