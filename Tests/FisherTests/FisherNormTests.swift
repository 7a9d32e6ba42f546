import Foundation
import Testing

@testable import Fisher

/// The clip of the gradient's norm in the information that the rules keep.
@Suite struct FisherNormTests {
    static let names = RuleRegistry.rules.filter { $0 is any InformationKeepingRule.Type }.map {
        $0.summary.name
    }

    private static let path = ParameterPath("x")

    private func bound(
        _ rule: any OptimizationRule, _ values: [Double], shape: [Int], clip: Double?,
        dtype: DType = .float64,
        execution: Execution = .automatic, gradientClip: Double? = nil
    ) throws -> (Optimizer, Parameter) {
        let parameter = Parameter(wrappedValue: Tensor(values, shape: shape).to(dtype: dtype).copy())
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: Self.path, parameter: parameter)],
            groups: [ParameterGroup(.rest, rule)], clipGradientNorm: gradientClip, clipFisherNorm: clip,
            execution: execution)
        return (optimizer, parameter)
    }

    /// Adam's own average by hand: F is what the last update left, corrected, and the scaled gradient is what enters it.
    @Test func theNormOfAdamByHand() throws {
        let rule = try Adam {
            $0.beta2 = 0.9
            $0.epsilon = 1e-3
        }
        let (optimizer, parameter) = try bound(rule, [1, 2, 3], shape: [3], clip: 2)
        var (theta, m, v) = ([1.0, 2, 3], [0.0, 0, 0], [0.0, 0, 0])
        let gradients = [[0.5, -1, 0], [1, 1, 0.25], [-20, 3, 1], [0.1, 0.1, 0.1]]
        for (number, given) in gradients.enumerated() {
            let t = Double(number + 1)
            var norm: Double?
            if number > 0 {
                let corrected = v.map { $0 / (1 - pow(0.9, t - 1)) }
                norm = zip(given, corrected).reduce(0) { $1.1 == 0 ? $0 : $0 + $1.0 * $1.0 / $1.1 }
                    .squareRoot()
            }
            let g = given.map { $0 * min(1, 2 / (norm ?? 1)) }
            m = zip(m, g).map { 0.9 * $0 + 0.1 * $1 }
            v = zip(v, g).map { 0.9 * $0 + 0.1 * $1 * $1 }
            for k in 0..<3 {
                let root = (v[k] / (1 - pow(0.9, t))).squareRoot() + 1e-3
                theta[k] -= 1e-3 * m[k] / (1 - pow(0.9, t)) / root
            }
            let report = try optimizer.update(with: [Self.path: Tensor(given, shape: [3])])
            #expect((report.fisherNorm == nil) == (norm == nil))
            if let norm { #expect(abs(report.fisherNorm! - norm) <= 1e-12 * norm) }
            let found = try parameter.wrappedValue.scalars(as: Double.self)
            #expect(zip(found, theta).allSatisfy { abs($0 - $1) < 1e-13 })
        }
    }

    /// Every rule that keeps an information: the clipped optimizer is one without the clip that is given the scaled gradient,
    /// in which the norm is then the clip, by both paths and after the clip of the Euclidean norm.
    @Test(arguments: names, [Execution.formula, .automatic])
    func theClipScalesTheGradient(_ name: String, _ execution: Execution) throws {
        let generator = try RandomGenerator(seed: 4)
        let rule = try RuleRegistry.rule(named: name)
        let start = try Tensor.normal([12], using: generator).scalars(as: Double.self)
        let (clipped, one) = try bound(
            rule, start, shape: [3, 4], clip: 1.5, dtype: .float32, execution: execution, gradientClip: 50)
        let (plain, two) = try bound(
            rule, start, shape: [3, 4], clip: nil, dtype: .float32, execution: execution)
        let keeper = try #require(rule as? any InformationKeepingRule)
        for step in 0..<4 {
            let given = Tensor.normal([3, 4], using: generator) * (step == 2 ? 100 : 1)
            let euclidean = min(1, 50 / (try given.norm().item()))
            var norm: Double?
            if step > 0 {
                let state = TensorState(
                    tensors: Dictionary(
                        uniqueKeysWithValues: plain.state.filter { $0.key.hasPrefix("parameter/x/") }
                            .map { (String($0.key.dropFirst(12)), $0.value) }))
                let f = try #require(keeper.information(of: given, in: state, after: step))
                let pairs = zip(
                    try given.scalars(as: Double.self), try f.scalars(as: Double.self))
                norm = pairs.reduce(0) { $0 + ($1.1 > 0 ? $1.0 * $1.0 / $1.1 : 0) }.squareRoot() * euclidean
            }
            let report = try clipped.update(with: [Self.path: given])
            #expect((report.fisherNorm == nil) == (step == 0))
            if let norm { #expect(abs(report.fisherNorm! - norm) <= 1e-5 * norm) }
            let scale = euclidean * min(1, 1.5 / (norm ?? 1))
            try plain.update(with: [Self.path: given * scale])
            let (a, b) = (
                try one.wrappedValue.scalars(as: Double.self), try two.wrappedValue.scalars(as: Double.self)
            )
            #expect(FusedCase.distance([a], [b]) <= 2e-5, "step \(step)")
        }
    }

    /// g^T F^-1 g does not depend on the parameters' units: theta' = D theta has gradients D^-1 g.
    @Test func unitsDoNotMatter() throws {
        func norms(_ units: [Double]) throws -> [Double] {
            let (optimizer, _) = try bound(FAdam(), [1, 1, 1], shape: [3], clip: 1e9)
            return try [[1.0, 2, 3], [0.5, -1, 4], [2, 2, -2]].compactMap { gradient in
                try optimizer.update(
                    with: [Self.path: Tensor(zip(gradient, units).map { $0 / $1 }, shape: [3])]
                ).fisherNorm
            }
        }
        let (plain, scaled) = (try norms([1, 1, 1]), try norms([1e-3, 7, 1e4]))
        #expect(plain.count == 2)
        #expect(zip(plain, scaled).allSatisfy { abs($0 - $1) < 1e-9 * $0 })
    }

    /// Micro-batches leave sums of gradients on the fused path; their means are measured.
    @Test(arguments: [1, 3])
    func meansAreMeasured(_ microBatches: Int) throws {
        func norms(_ execution: Execution) throws -> [Double] {
            let generator = try RandomGenerator(seed: 2)
            let layer = Linear(5, 3, using: generator)
            let optimizer = try Optimizer(for: layer, FAdam(), clipFisherNorm: 1, execution: execution)
            let batch = SupervisedBatch(
                inputs: .normal([12, 5], using: generator), targets: Tensor((0..<12).map { Int64($0 % 3) }))
            return try (0..<4).compactMap { _ in
                try optimizer.step(on: batch, microBatches: microBatches) {
                    try Objective(Categorical(logits: layer($0.inputs)), observing: $0.targets)
                }.fisherNorm
            }
        }
        let (formula, fused) = (try norms(.formula), try norms(.automatic))
        #expect(formula.count == 3)
        #expect(zip(formula, fused).allSatisfy { abs($0 - $1) < 1e-4 * $0 })
    }

    @Test(
        arguments: [
            ("sgd", 1, "sgd does not"), ("muon", 1, "muon does not"), ("adam", 0, "more than zero"),
            ("adam", -.infinity, "more than zero"),
        ] as [(String, Double, String)])
    func refusals(_ name: String, _ clip: Double, _ words: String) throws {
        let rule = try RuleRegistry.rule(named: name)
        let error = #expect(throws: HyperparameterError.self) {
            try bound(rule, [1, 2], shape: [1, 2], clip: clip)
        }
        #expect(error?.option == "clip_fisher_norm")
        #expect(error?.description.contains(words) == true)
    }

    /// K-FAC has a clip of its own in the same norm, and says so.
    @Test func layerwiseRulesNameTheirOwnClip() throws {
        let layer = Linear(2, 2, using: try RandomGenerator(seed: 0))
        let error = #expect(throws: HyperparameterError.self) {
            try Optimizer(for: layer, KFAC(), clipFisherNorm: 1)
        }
        #expect(error?.reason.contains("kl_clip") == true)
    }
}
