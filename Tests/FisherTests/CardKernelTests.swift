import Fisher
import Foundation
import TestSupport
import Testing

/// The fused steps for cards: on a card where there is one with its library; else their source, compiled for the machine's own
/// memory, on the stand-in.
@Suite struct CardKernelTests {
    static let rules = ["adam", "adamw", "fadam", "fadafactor", "adafactor", "rmsprop", "adagrad"]

    static func onCard<Result>(_ body: () throws -> Result) throws -> Result {
        try CardKernels.$ofRegistered.withValue(.host) { try withDevice(SecondDevice.device, body) }
    }

    static let cases = GoldenTests.float64Cases.filter {
        rules.contains(String($0.testDescription.prefix { $0 != "-" }))
    }

    @Test(arguments: cases)
    func stepsAreThose(_ golden: RuleCase) throws {
        let error = try Self.onCard { try golden.error(in: .float32) }
        #expect(error <= 2e-6)
    }

    /// Parameters whose numbers of elements are those of no chunk, and which begin anywhere.
    private static func parameters(_ dtype: DType) throws -> [NamedParameter] {
        let generator = try RandomGenerator(seed: 1)
        let shapes: [(String, [Int])] = [
            ("long", [40_003]), ("wide", [19, 2050]), ("tall", [67, 3]), ("kernel", [4, 3, 2, 2]),
            ("vector", [7]),
            ("scalar", []), ("empty", [0, 3]),
        ]
        return try shapes.map { name, shape in
            let drawn = Tensor.normal(shape, using: generator).to(dtype: dtype)
            try drawn.check()
            return NamedParameter(path: ParameterPath(name), parameter: Parameter(wrappedValue: drawn))
        }
    }

    private static func trained(
        _ rule: any OptimizationRule, _ dtype: DType, clip: Double? = nil, steps: Int = 3
    ) throws -> (numbers: [[Double]], described: String) {
        let parameters = try Self.parameters(dtype)
        let optimizer = try Optimizer(
            parameters: parameters, groups: [.init(.rest, rule)], clipGradientNorm: clip)
        for step in 1...steps {
            let generator = try RandomGenerator(seed: UInt64(step))
            var gradients: [ParameterPath: Tensor] = [:]
            for named in parameters {
                gradients[named.path] =
                    (Tensor.normal(named.parameter.wrappedValue.shape, using: generator) * 0.1)
                    .to(dtype: dtype)
            }
            let report = try optimizer.update(with: gradients)
            #expect(report.gradientNorm.isFinite)
            #expect(try report.updateRootMeanSquare() > 0)
        }
        let state = optimizer.state.filter { $0.key.hasPrefix("parameter/") }.sorted { $0.key < $1.key }
        let tensors = parameters.map(\.parameter.wrappedValue) + state.map(\.value)
        return (try tensors.map { try $0.scalars(as: Double.self) }, optimizer.describe())
    }

    /// They are the CPU's loops to rounding, for every length, in both types of parameters.
    @Test(arguments: rules, [DType.float32, .bfloat16])
    func everyElementMoves(_ name: String, _ dtype: DType) throws {
        let rule = try RuleRegistry.rule(named: name)
        let here = try Self.trained(rule, dtype, clip: 1)
        let there = try Self.onCard { try Self.trained(rule, dtype, clip: 1) }
        #expect(here.described.contains("fused path"))
        if SecondDevice.isStandIn {
            #expect(there.described.contains("fused path (kernels of \(SecondDevice.device))"))
            #expect(!there.described.contains("formula path"))
        }
        #expect(here.numbers.count == there.numbers.count)
        for (a, b) in zip(here.numbers, there.numbers) {
            let scale = a.map(abs).max() ?? 1
            let error = zip(a, b).map { abs($0 - $1) / max(scale, 1e-30) }.max() ?? 0
            // A bit of bfloat16 where a sum lies at its middle.
            #expect(error <= (dtype == .bfloat16 ? 0.008 : 3e-6), "\(name): \(error)")
        }
    }

    /// Options that change the loops: powers, a fixed length, the natural decay, no clip.
    @Test(arguments: [
        "fadam:rho=1", "fadam:rho=0.3", "fadam:length=unit", "fadam:decay_metric=natural,weight_decay=0.1",
        "fadam:clip=none",
        "fadafactor:rho=0.7", "fadafactor:decay_metric=natural,weight_decay=0.1", "adamw:weight_decay=0.1",
    ])
    func optionsAreThose(_ text: String) throws {
        let rule = try NaturalRuleTests.rule(text)
        let (here, there) = (
            try Self.trained(rule, .float32), try Self.onCard { try Self.trained(rule, .float32) }
        )
        for (a, b) in zip(here.numbers, there.numbers) {
            let scale = a.map(abs).max() ?? 1
            #expect((zip(a, b).map { abs($0 - $1) / max(scale, 1e-30) }.max() ?? 0) <= 3e-6)
        }
    }

    /// The sums of chunks are added in their order: a repetition has the same bits.
    @Test(arguments: ["adamw", "fadam", "fadafactor"])
    func repetitionsHaveTheSameBits(_ name: String) throws {
        let rule = try RuleRegistry.rule(named: name)
        let runs = try (0..<2).map { _ in try Self.onCard { try Self.trained(rule, .float32).numbers } }
        #expect(runs[0] == runs[1])
    }

    /// A gradient that is not finite is found before anything is written.
    @Test(arguments: ["adamw", "fadam", "fadafactor"], [Float.infinity, .nan])
    func nothingIsWrittenForWhatIsNotFinite(_ name: String, _ bad: Float) throws {
        try Self.onCard {
            let parameter = Parameter(wrappedValue: .ones([40, 500]))
            let path = ParameterPath("p")
            let optimizer = try Optimizer(
                parameters: [NamedParameter(path: path, parameter: parameter)],
                groups: [.init(.rest, try RuleRegistry.rule(named: name))], nonFinite: .skip(abortAfter: 3))
            try optimizer.update(with: [path: .full([40, 500], 0.1)])
            func everything() throws -> [[Float]] {
                try
                    ([parameter.wrappedValue]
                    + optimizer.state.filter { $0.key.hasPrefix("parameter/") }.sorted { $0.key < $1.key }
                    .map(\.value)).map { try $0.scalars(as: Float.self) }
            }
            let before = try everything()
            var numbers = [Float](repeating: 0.1, count: 20_000)
            numbers[19_999] = bad
            let report = try optimizer.update(with: [path: Tensor(numbers, shape: [40, 500])])
            #expect(report.skipped != nil)
            #expect(try everything() == before)
            // Weights that would overflow stay too.
            let huge = Parameter(wrappedValue: .full([3], 3.3e38))
            var rule = try RuleRegistry.rule(named: name)
            rule.learningRate = .constant(3e38)
            let other = try Optimizer(
                parameters: [NamedParameter(path: path, parameter: huge)], groups: [.init(.rest, rule)],
                nonFinite: .skip(abortAfter: 3))
            let skipped = try other.update(with: [path: .full([3], -1)])
            #expect(skipped.skipped != nil)
            #expect(try huge.wrappedValue.scalars(as: Float.self) == [3.3e38, 3.3e38, 3.3e38])
        }
    }

    @Test(.enabled(if: Device.cudaCount > 0, "CUDA was compiled and never run here: there is no card"))
    func theLibraryOfACardIsThere() throws {
        #expect(CardKernels.copyBandwidth(of: .cuda(0)) ?? 0 > 0)
    }
}
