import Fisher
import Foundation
import Testing

/// What every rule must do; a rule joins by standing in the registry.
@Suite struct RuleConformanceTests {
    /// A rule of the registry in one element type.
    struct Subject: CustomTestStringConvertible, Sendable {
        let name: String
        let dtype: DType
        var testDescription: String { "\(name) \(dtype)" }
        var rule: any OptimizationRule { get throws { try RuleRegistry.rule(named: name) } }
    }

    static let names = RuleRegistry.gradientRules.map { $0.summary.name }
    static let subjects = names.flatMap { name in
        [DType.float32, .float64].map { Subject(name: name, dtype: $0) }
    }

    /// Parameters of several shapes, drawn from a seed.
    static func parameters(_ dtype: DType) throws -> [NamedParameter] {
        let generator = try RandomGenerator(seed: 1)
        return [
            ("matrix", [6, 5]), ("kernel", [4, 3, 2, 2]), ("vector", [7]), ("scalar", []), ("empty", [0, 3]),
        ]
        .map { name, shape in
            NamedParameter(
                path: ParameterPath(name),
                parameter: Parameter(wrappedValue: .normal(shape, using: generator).to(dtype: dtype)))
        }
    }

    static func gradients(_ parameters: [NamedParameter], scale: Double, seed: UInt64) throws
        -> [ParameterPath: Tensor]
    {
        let generator = try RandomGenerator(seed: seed)
        var found: [ParameterPath: Tensor] = [:]
        for named in parameters {
            let tensor = named.parameter.wrappedValue
            found[named.path] =
                Tensor.normal(tensor.shape, dtype: .float64, using: generator).to(dtype: tensor.dtype)
                * scale
        }
        return found
    }

    static func values(_ parameters: [NamedParameter]) throws -> [[Double]] {
        try parameters.map { try $0.parameter.wrappedValue.scalars(as: Double.self) }
    }

    @Test(arguments: subjects)
    func stateRoundTripIsExact(_ subject: Subject) throws {
        let (one, two) = (try Self.parameters(subject.dtype), try Self.parameters(subject.dtype))
        let first = try Optimizer(parameters: one, groups: [.init(.rest, try subject.rule)])
        for step in 1...3 { try first.update(with: try Self.gradients(one, scale: 0.1, seed: UInt64(step))) }

        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try SafetensorsWriter().write(
            try first.state.map { try SafetensorsSource(name: $0.key, tensor: $0.value) }, to: file)
        let second = try Optimizer(parameters: two, groups: [.init(.rest, try subject.rule)])
        try second.restore(try SafetensorsFile(path: file).allTensors())
        for (a, b) in zip(one, two) { try b.parameter.assign(a.parameter.wrappedValue) }
        #expect(second.updateCount == 3)

        for step in 4...6 {
            let gradients = try Self.gradients(one, scale: 0.1, seed: UInt64(step))
            try first.update(with: gradients)
            try second.update(with: gradients)
        }
        #expect(try Self.values(one) == Self.values(two))
    }

    @Test(arguments: subjects)
    func everyParameterMovesAndNothingElseChanges(_ subject: Subject) throws {
        let parameters = try Self.parameters(subject.dtype)
        let optimizer = try Optimizer(parameters: parameters, groups: [.init(.rest, try subject.rule)])
        let before = try Self.values(parameters)
        let gradients = try Self.gradients(parameters, scale: 1, seed: 3)
        let copies = try gradients.mapValues { try $0.scalars(as: Double.self) }
        // The first gradient of SOAP makes its basis, and no step.
        for _ in 1...2 { try optimizer.update(with: gradients) }
        for (named, old) in zip(parameters, before) {
            let new = try named.parameter.wrappedValue.scalars(as: Double.self)
            #expect(zip(old, new).allSatisfy { $0 != $1 }, "\(named.path)")
            #expect(named.parameter.wrappedValue.dtype == subject.dtype)
        }
        #expect(try gradients.mapValues { try $0.scalars(as: Double.self) } == copies)
    }

    @Test(arguments: names)
    func bfloat16ParametersKeepFloat32State(_ name: String) throws {
        let parameters = try Self.parameters(.bfloat16)
        let optimizer = try Optimizer(
            parameters: parameters, groups: [.init(.rest, try RuleRegistry.rule(named: name))])
        try optimizer.update(with: try Self.gradients(parameters, scale: 1, seed: 3))
        #expect(parameters.allSatisfy { $0.parameter.wrappedValue.dtype == .bfloat16 })
        #expect(optimizer.state.values.allSatisfy { $0.dtype == .float32 || $0.dtype == .int64 })
    }

    /// Zero, tiny and huge gradients, a first gradient of zero, and the smallest epsilon.
    @Test(arguments: subjects, [0, 1e-37, 1e-9, 1, 1e18])
    func extremeGradientsStayFinite(_ subject: Subject, _ scale: Double) throws {
        let parameters = try Self.parameters(subject.dtype)
        var rule = try subject.rule
        if rule.settings.contains(where: { $0.name == "epsilon" }) { try rule.set("epsilon", to: "1e-30") }
        let optimizer = try Optimizer(parameters: parameters, groups: [.init(.rest, rule)])
        try optimizer.update(with: try Self.gradients(parameters, scale: 0, seed: 1))
        for step in 1...3 {
            try optimizer.update(with: try Self.gradients(parameters, scale: scale, seed: UInt64(step)))
        }
        #expect(try Self.values(parameters).joined().allSatisfy(\.isFinite))
    }

    /// Finite gradients whose squares are not.
    @Test(arguments: subjects)
    func squaresThatOverflowStayFinite(_ subject: Subject) throws {
        let parameters = try Self.parameters(subject.dtype)
        let optimizer = try Optimizer(parameters: parameters, groups: [.init(.rest, try subject.rule)])
        let scale = subject.dtype == .float64 ? 1e290 : 1e30
        for step in 1...3 {
            try optimizer.update(with: try Self.gradients(parameters, scale: scale, seed: UInt64(step)))
        }
        #expect(try Self.values(parameters).joined().allSatisfy(\.isFinite))
        for (key, tensor) in optimizer.state {
            #expect(try tensor.scalars(as: Double.self).allSatisfy(\.isFinite), "\(key)")
        }
    }

    @Test(arguments: subjects)
    func noLearningNoMovement(_ subject: Subject) throws {
        let parameters = try Self.parameters(subject.dtype)
        var rule = try subject.rule
        rule.learningRate = 0
        if rule is Adafactor { try rule.set("weight_decay", to: "0") }
        let optimizer = try Optimizer(parameters: parameters, groups: [.init(.rest, rule)])
        let before = try Self.values(parameters)
        for step in 1...2 {
            try optimizer.update(with: try Self.gradients(parameters, scale: 1, seed: UInt64(step)))
        }
        #expect(try Self.values(parameters) == before)
    }

    @Test(arguments: names)
    func aParameterWithoutGradientStays(_ name: String) throws {
        let parameters = try Self.parameters(.float32)
        let optimizer = try Optimizer(
            parameters: parameters, groups: [.init(.rest, try RuleRegistry.rule(named: name))])
        var gradients = try Self.gradients(parameters, scale: 1, seed: 1)
        gradients[ParameterPath("vector")] = nil
        let before = try parameters[2].parameter.wrappedValue.scalars(as: Float.self)
        let report = try optimizer.update(with: gradients)
        #expect(report.withoutGradient == [ParameterPath("vector")])
        #expect(try parameters[2].parameter.wrappedValue.scalars(as: Float.self) == before)
        #expect(try optimizer.state["parameter/vector/step"]?.item() == 0)
    }

    @Test(arguments: names)
    func aNonFiniteGradientStopsBeforeTheWeights(_ name: String) throws {
        let parameters = try Self.parameters(.float32)
        let optimizer = try Optimizer(
            parameters: parameters, groups: [.init(.rest, try RuleRegistry.rule(named: name))])
        var gradients = try Self.gradients(parameters, scale: 1, seed: 1)
        gradients[ParameterPath("vector")] = Tensor([0, 1, .nan, 0, 0, 0, 0] as [Float])
        let before = try Self.values(parameters)
        let error = #expect(throws: NonFiniteError.self) { try optimizer.update(with: gradients) }
        #expect(error?.source == "the gradient of vector")
        #expect(error?.update == 1)
        #expect(try Self.values(parameters) == before)
        #expect(optimizer.updateCount == 0)
    }

    @Test(arguments: names)
    func skippingCountsAndGivesUp(_ name: String) throws {
        let parameters = try Self.parameters(.float32)
        let optimizer = try Optimizer(
            parameters: parameters, groups: [.init(.rest, try RuleRegistry.rule(named: name))],
            nonFinite: .skip(abortAfter: 2))
        let good = try Self.gradients(parameters, scale: 1, seed: 1)
        var bad = good
        bad[ParameterPath("scalar")] = Tensor([Float.infinity], shape: [])
        try optimizer.update(with: good)
        let before = try Self.values(parameters)
        for _ in 1...2 { #expect(try optimizer.update(with: bad).skipped != nil) }
        #expect(throws: NonFiniteError.self) { try optimizer.update(with: bad) }
        #expect(try Self.values(parameters) == before)
        #expect(optimizer.skippedCount == 2)
        try optimizer.update(with: good)
        #expect(optimizer.skippedInARow == 0)
        #expect(optimizer.updateCount == 2)
    }

    @Test(arguments: names)
    func codingKeepsEveryOption(_ name: String) throws {
        func roundTrip<Rule: OptimizationRule>(_ rule: Rule) throws {
            var rule = rule
            rule.learningRate = .cosine(0.5, steps: 10, warmUp: 2, floor: 0.125)
            let data = try JSONEncoder().encode(rule)
            #expect(try JSONDecoder().decode(Rule.self, from: data) == rule)
            #expect(throws: HyperparameterError.self) {
                try JSONDecoder().decode(Rule.self, from: Data(#"{"learning_rte": 1}"#.utf8))
            }
            let defaults = try JSONDecoder().decode(Rule.self, from: Data("{}".utf8))
            #expect(defaults == Rule())
        }
        try roundTrip(try RuleRegistry.rule(named: name))
    }
}
