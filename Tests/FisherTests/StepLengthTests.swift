import Fisher
import Foundation
import Testing

/// What the option `length` keeps of a power of the information, and what it takes away.
@Suite struct StepLengthTests {
    /// The changes of one parameter over some steps, which depend on the gradients alone.
    private static func changes(_ rule: any OptimizationRule, lossScale: Double = 1) throws -> [[Double]] {
        let generator = try RandomGenerator(seed: 4)
        let parameter = Parameter(wrappedValue: .zeros([8, 6], dtype: .float64))
        let name = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: name, parameter: parameter)], groups: [.init(.rest, rule)])
        // Elements of very different size, so that a power changes the direction.
        let sizes = Tensor((0..<48).map { pow(10, Double($0 % 6) - 4) }).reshaped([8, 6])
        var (values, before): ([[Double]], [Double]) = ([], .init(repeating: 0, count: 48))
        for _ in 0..<20 {
            let g = Tensor.normal([8, 6], dtype: .float64, using: generator) * sizes * lossScale
            try optimizer.update(with: [name: g])
            let after: [Double] = try parameter.wrappedValue.scalars()
            values.append(zip(after, before).map(-))
            before = after
        }
        return values
    }

    private static func fadam(power: Double, _ length: StepLength, clip: Double? = nil) throws -> FAdam {
        try FAdam(learningRate: 1) {
            ($0.beta1, $0.beta2, $0.weightDecay) = (0, 0.9, 0)
            ($0.power, $0.length, $0.clip) = (power, length, clip)
        }
    }

    private static func adamw(power: Double, _ length: StepLength) throws -> AdamW {
        try AdamW(learningRate: 1) {
            ($0.beta1, $0.beta2, $0.weightDecay) = (0, 0.9, 0)
            ($0.power, $0.length) = (power, length)
        }
    }

    private static func rules(_ power: Double, _ length: StepLength) throws -> [any OptimizationRule] {
        [try fadam(power: power, length), try adamw(power: power, length)]
    }

    private static func size(_ x: [Double]) -> Double {
        (x.reduce(0) { $0 + $1 * $1 } / Double(x.count)).squareRoot()
    }

    private static func cosine(_ x: [Double], _ y: [Double]) -> Double {
        zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } / (size(x) * size(y) * Double(x.count))
    }

    @Test(arguments: [0.5, 0.6, 1])
    func everyStepHasLengthOne(_ power: Double) throws {
        for (own, unit) in zip(try Self.rules(power, .own), try Self.rules(power, .unit)) {
            for (a, b) in zip(try Self.changes(own), try Self.changes(unit)) {
                #expect(abs(Self.size(b) - 1) < 1e-12)
                #expect(Self.cosine(a, b) > 1 - 1e-12)
            }
        }
    }

    @Test(arguments: [0.6, 1])
    func everyStepHasTheLengthOfTheRoot(_ power: Double) throws {
        for index in 0..<2 {
            let root = try Self.changes(Self.rules(0.5, .own)[index])
            let own = try Self.changes(Self.rules(power, .own)[index])
            let matched = try Self.changes(Self.rules(power, .squareRoot)[index])
            for t in root.indices {
                #expect(abs(Self.size(matched[t]) / Self.size(root[t]) - 1) < 1e-12)
                #expect(Self.cosine(matched[t], own[t]) > 1 - 1e-12)
                #expect(Self.size(own[t]) > 2 * Self.size(matched[t]))
                #expect(Self.cosine(matched[t], root[t]) < 1 - 1e-4)
            }
        }
    }

    @Test func theRootHasItsOwnLengthToTheLastBit() throws {
        for (own, matched) in zip(try Self.rules(0.5, .own), try Self.rules(0.5, .squareRoot)) {
            #expect(try Self.changes(own) == Self.changes(matched))
        }
    }

    /// At other powers than 1/2 a step has a power of the loss's scale; its direction has none.
    @Test(arguments: [StepLength.own, .unit, .squareRoot])
    func theScaleOfTheLoss(_ length: StepLength) throws {
        let rule = try FAdam(learningRate: 1) {
            ($0.beta2, $0.weightDecay, $0.clip, $0.epsilon) = (0.9, 0, nil, 1e-30)
            ($0.power, $0.length) = (0.7, length)
        }
        let (a, b) = (try Self.changes(rule), try Self.changes(rule, lossScale: 1e3))
        let distance = IdentityTests.distance(a, b)
        if length == .own { #expect(distance > 0.1) } else { #expect(distance < 1e-12) }
    }

    /// The clip comes after the length.
    @Test func theClipShortensAStepOfLengthOne() throws {
        for change in try Self.changes(Self.fadam(power: 0.6, .unit, clip: 0.25)) {
            #expect(abs(Self.size(change) - 0.25) < 1e-12)
        }
        #expect(
            IdentityTests.distance(
                try Self.changes(Self.fadam(power: 0.6, .unit)),
                try Self.changes(Self.fadam(power: 0.6, .unit, clip: 3))) < 1e-12)
    }

    /// A step of zeros has no direction that a length could be given to.
    @Test(arguments: StepLength.allCases, [Execution.automatic, .formula])
    func zerosRemainZeros(_ length: StepLength, _ execution: Execution) throws {
        for rule in [
            try Self.fadam(power: 0.6, length) as any OptimizationRule, try Self.adamw(power: 0.6, length),
        ] {
            let parameter = Parameter(wrappedValue: Tensor([1.0, 2, 3]).to(dtype: .float32))
            let path = ParameterPath("x")
            let optimizer = try Optimizer(
                parameters: [NamedParameter(path: path, parameter: parameter)],
                groups: [.init(.rest, rule)], execution: execution)
            try optimizer.update(with: [path: .zeros([3])])
            #expect(try parameter.wrappedValue.scalars(as: Double.self) == [1, 2, 3])
        }
    }

    /// GradPower is Adam on other gradients; p = 1 is Adam itself.
    @Test func aPowerOfTheGradientEntersInItsPlace() throws {
        func end(_ power: Double, _ transform: (Double) -> Double) throws -> [Double] {
            let parameter = Parameter(wrappedValue: Tensor([1.0, 2, -3, 4]))
            let path = ParameterPath("x")
            let rule = try AdamW(learningRate: 0.1) { $0.gradientPower = power }
            let optimizer = try Optimizer(
                parameters: [NamedParameter(path: path, parameter: parameter)], groups: [.init(.rest, rule)])
            for g in [[0.5, -2, 0, 1e-3], [-0.1, 3, 0, 2e-3]] {
                try optimizer.update(with: [path: Tensor(g.map(transform))])
            }
            return try parameter.wrappedValue.scalars()
        }
        let powered = try end(1.2) { $0 }
        let given = try end(1) { ($0 < 0 ? -1 : 1) * pow(abs($0), 1.2) }
        #expect(zip(powered, given).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(powered != (try end(1) { $0 }))
    }
}
