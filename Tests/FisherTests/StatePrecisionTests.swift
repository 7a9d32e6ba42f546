import Fisher
import Testing

/// Memory in bfloat16, rounded at random.
@Suite struct StatePrecisionTests {
    /// FAdam's f under squares that are 1 from now on, having been `start`, kept in some way for 2,000 steps.
    static func average(from start: Double, keep: (Tensor) -> Tensor) throws -> Double {
        let count = 4096
        var f = keep(Tensor.full([count], start))
        for _ in 0..<2000 { f = keep(f.to(dtype: .float32) * 0.999 + 0.001) }
        return try f.to(dtype: .float64).mean().item()
    }

    /// A step of the average is smaller than half of bfloat16's last bit: to the nearest it never moves.
    @Test func roundingToTheNearestFreezesTheAverage() throws {
        let generator = try RandomGenerator(seed: 1)
        let exact = try Self.average(from: 2) { $0 }
        let nearest = try Self.average(from: 2) { $0.to(dtype: .bfloat16) }
        let atRandom = try Self.average(from: 2) { $0.stochasticallyRounded(using: generator) }
        #expect(nearest == 2)
        // 1 + 0.999^2000 = 1.135; the standard error over 4096 elements is below 0.001.
        #expect(abs(exact - 1.1352) < 1e-3)
        #expect(abs(atRandom - exact) < 5e-3)
    }

    /// Rounding is to a neighbor, and right in expectation.
    @Test func roundingAtRandomIsUnbiased() throws {
        let generator = try RandomGenerator(seed: 2)
        for value in [1.001, -3.7, 1e-30, 6e30] {
            let drawn = Tensor.full([100_000], value).stochasticallyRounded(using: generator)
            #expect(drawn.dtype == .bfloat16)
            let found = drawn.to(dtype: .float64)
            let exact = try Tensor.full([1], value).to(dtype: .float64).item()
            // The spacing is 2^-7 of the power of two below; the mean of 100,000 is within 5 of its errors.
            let spacing = abs(exact) / 128
            #expect(abs(try found.mean().item() - exact) < 5 * spacing / 2 / 100_000.0.squareRoot())
            #expect(try (found - exact).magnitude().max().item() <= spacing)
        }
    }

    static func optimizer(_ name: String, seed: UInt64) throws -> (Optimizer, [NamedParameter]) {
        let parameters = try RuleConformanceTests.parameters(.float32)
        var rule = try RuleRegistry.rule(named: name)
        if name == "sgd" { try rule.set("momentum", to: "0.9") }
        return (
            try Optimizer(
                parameters: parameters, groups: [.init(.rest, rule)], statePrecision: .bfloat16(seed: seed)),
            parameters
        )
    }

    /// Half the memory, and a run that was saved and restored goes on to the bit.
    @Test(arguments: ["sgd", "adamw", "fadam", "fadafactor"])
    func savedAndRestoredGoesOnExactly(_ name: String) throws {
        func run(_ steps: ClosedRange<Int>, _ optimizer: Optimizer, _ parameters: [NamedParameter]) throws {
            for step in steps {
                try optimizer.update(
                    with: RuleConformanceTests.gradients(parameters, scale: 0.1, seed: UInt64(step)))
            }
        }
        let (whole, expected) = try Self.optimizer(name, seed: 3)
        try run(1...6, whole, expected)
        let (first, parameters) = try Self.optimizer(name, seed: 3)
        try run(1...3, first, parameters)
        let (second, _) = try Self.optimizer(name, seed: 99)
        let moved = try parameters.map { try $0.parameter.wrappedValue.scalars(as: Double.self) }
        let (bound, others) = try Self.optimizer(name, seed: 99)
        try bound.restore(first.state)
        for (other, values) in zip(others, moved) {
            let tensor = other.parameter.wrappedValue.detached()
            try withoutGradients { try tensor.assign(Tensor(values, shape: tensor.shape)) }
        }
        try run(4...6, bound, others)
        #expect(try RuleConformanceTests.values(others) == RuleConformanceTests.values(expected))
        #expect(second.stateByteCount == 0)
        #expect(bound.stateByteCount == bound.expectedStateByteCount)
        #expect(bound.state.contains { $0.value.dtype == .bfloat16 })
        #expect(bound.describe().contains("formula path (state in bfloat16)"))
    }
}
