import Fisher
import Foundation
import Testing

/// Every rule of the registry on a small network in every type of weights.
@Suite struct RuleTypeTests {
    struct Subject: CustomTestStringConvertible, Sendable {
        let name: String
        let dtype: DType
        var testDescription: String { "\(name) \(dtype)" }
    }

    static let subjects = RuleRegistry.rules.map { $0.summary.name }
        .flatMap { name in [DType.float32, .float64, .bfloat16].map { Subject(name: name, dtype: $0) } }

    /// A layer of each kind: linear with and without bias, a norm, so that matrices, vectors and fallbacks occur.
    final class Network: Module {
        let first: Linear
        let norm: LayerNorm
        let second: Linear

        init(_ dtype: DType) throws {
            let generator = try RandomGenerator(seed: 4)
            // Drawn in one type, so that all types start at nearly the same weights.
            first = Linear(5, 8, dtype: .float64, using: generator)
            norm = LayerNorm(8, dtype: .float64)
            second = Linear(8, 3, bias: false, dtype: .float64, using: generator)
            for named in parameters {
                let weights = named.parameter.wrappedValue.detached().to(dtype: dtype).copy()
                try weights.check()
                _ = named.parameter.exchange(try weights.requiringGradient())
            }
        }

        func callAsFunction(_ input: Tensor) -> Tensor { second(norm(first(input).tanh())) }
    }

    final class Run {
        let network: Network
        let optimizer: Optimizer
        let dtype: DType

        init(_ subject: Subject, execution: Execution = .automatic) throws {
            dtype = subject.dtype
            network = try Network(subject.dtype)
            var rule = try RuleRegistry.rule(named: subject.name)
            rule.learningRate = 0.01
            // Undamped it divides by squares that are nearly zero.
            if subject.name == "diagonal_natural_gradient" { try rule.set("damping", to: "0.1") }
            // By a draw of the Hessian's diagonal, which nearly vanishes here and there.
            if subject.name == "adahessian" { try rule.set("epsilon", to: "0.1") }
            optimizer = try Optimizer(
                for: network, groups: rule.groups(for: network), execution: execution, labelSeed: 3)
        }

        @discardableResult
        func step(_ number: Int) throws -> StepReport {
            let generator = try RandomGenerator(seed: UInt64(number))
            let batch = SupervisedBatch(
                inputs: Tensor.normal([12, 5], dtype: .float64, using: generator).to(dtype: dtype),
                targets: Tensor((0..<12).map { Int64(($0 * number) % 3) }))
            return try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: network(batch.inputs)), observing: batch.targets)
            }
        }

        func weights() throws -> [Double] {
            try network.parameters.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) }
        }
    }

    @Test func thereAreAllRules() { #expect(Self.subjects.count >= 22 * 3) }

    @Test(arguments: subjects)
    func everyRuleStepsInEveryType(_ subject: Subject) throws {
        let run = try Run(subject)
        let start = try run.weights()
        for number in 1...4 { #expect(try run.step(number).loss.isFinite) }
        #expect(try run.weights().allSatisfy(\.isFinite))
        #expect(try run.weights() != start)
        #expect(run.network.parameters.allSatisfy { $0.parameter.wrappedValue.dtype == subject.dtype })
        let kept: DType = subject.dtype == .float64 ? .float64 : .float32
        for (key, tensor) in run.optimizer.state where key.hasPrefix("parameter/") && !key.hasSuffix("/step")
        {
            #expect(tensor.dtype == kept, "\(key)")
            #expect(try tensor.scalars(as: Double.self).allSatisfy(\.isFinite), "\(key)")
        }
    }

    /// The state is as large as announced, and a run that is restored goes on bit for bit.
    @Test(arguments: subjects)
    func everyRuleIsRestoredExactlyInEveryType(_ subject: Subject) throws {
        let first = try Run(subject)
        for number in 1...3 { try first.step(number) }
        let second = try Run(subject)
        try second.network.load(first.network.weights)
        try second.optimizer.restore(first.optimizer.state.mapValues { $0.copy() })
        for number in 4...5 {
            try first.step(number)
            try second.step(number)
        }
        #expect(try first.weights() == second.weights())
    }

    /// In bfloat16 the weights move as in float32, to what the weights and gradients of 8 significant bits allow.
    @Test(arguments: RuleRegistry.rules.map { $0.summary.name })
    func bfloat16FollowsFloat32(_ name: String) throws {
        let narrow = try Run(Subject(name: name, dtype: .bfloat16))
        let wide = try Run(Subject(name: name, dtype: .float32))
        // Equal starts, so that only the steps differ.
        try wide.network.load(narrow.network.weights)
        let start = try wide.weights()
        for number in 1...3 {
            try narrow.step(number)
            try wide.step(number)
        }
        let (a, b) = (try narrow.weights(), try wide.weights())
        let moved = zip(b, start).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        let apart = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        let length = start.reduce(0) { $0 + $1 * $1 }.squareRoot()
        // A step's rounding of the weights, and a share of the way for gradients of 8 bits through three steps.
        #expect(apart <= 3 * length / 256 + 0.35 * moved, "\(name): \(apart) apart, \(moved) moved")
    }
}
