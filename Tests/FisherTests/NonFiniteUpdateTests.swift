import Foundation
import Testing

@testable import Fisher

/// Finite gradients, however large, leave finite weights and states, or an error and nothing changed.
@Suite struct NonFiniteUpdateTests {
    struct Subject: CustomTestStringConvertible, Sendable {
        let name: String
        let dtype: DType
        let execution: Execution
        var testDescription: String { "\(name) \(dtype) \(execution)" }
    }

    static let subjects = RuleRegistry.gradientRules.map { $0.summary.name }.flatMap { name in
        [DType.float32, .float64, .bfloat16].flatMap { dtype in
            (dtype == .float64 ? [Execution.automatic] : [.automatic, .formula]).map {
                Subject(name: name, dtype: dtype, execution: $0)
            }
        }
    }

    static func parameters(_ dtype: DType) throws -> [NamedParameter] {
        let generator = try RandomGenerator(seed: 1)
        return [("matrix", [6, 5]), ("kernel", [4, 3, 2, 2]), ("vector", [19]), ("scalar", [])].map {
            name, shape in
            NamedParameter(
                path: ParameterPath(name),
                parameter: Parameter(wrappedValue: .normal(shape, using: generator).to(dtype: dtype)))
        }
    }

    /// Gradients of uniform draws times a magnitude, which may be the type's greatest.
    static func gradients(
        _ parameters: [NamedParameter], magnitude: Double, seed: UInt64
    ) throws -> [ParameterPath: Tensor] {
        let generator = try RandomGenerator(seed: seed)
        var found: [ParameterPath: Tensor] = [:]
        for named in parameters {
            let tensor = named.parameter.wrappedValue
            let draws = Tensor.uniform(tensor.shape, from: -1, to: 1, dtype: .float64, using: generator)
            found[named.path] = (draws * magnitude).to(dtype: tensor.dtype)
        }
        return found
    }

    /// All elements of the weights and the state, by their bits.
    static func everything(_ parameters: [NamedParameter], _ optimizer: Optimizer) throws -> [String:
        [UInt64]]
    {
        var all: [String: [UInt64]] = [:]
        for named in parameters {
            all["\(named.path)"] = try named.parameter.wrappedValue.scalars(as: Double.self).map(\.bitPattern)
        }
        for (key, tensor) in optimizer.state {
            all[key] = try tensor.scalars(as: Double.self).map(\.bitPattern)
        }
        return all
    }

    static func isFinite(_ all: [String: [UInt64]]) -> Bool {
        all.values.joined().allSatisfy { Double(bitPattern: $0).isFinite }
    }

    /// Makes steps; each leaves finite numbers, or throws and leaves everything as it was.
    private func makeSteps(
        _ subject: Subject, rate: Double? = nil, _ magnitudes: [Double]
    ) throws -> (failures: Int, steps: Int) {
        let parameters = try Self.parameters(subject.dtype)
        var rule = try RuleRegistry.rule(named: subject.name)
        if let rate { rule.learningRate = .constant(rate) }
        let optimizer = try Optimizer(
            parameters: parameters, groups: [.init(.rest, rule)], execution: subject.execution)
        var failures = 0
        for (number, magnitude) in magnitudes.enumerated() {
            let gradients = try Self.gradients(parameters, magnitude: magnitude, seed: UInt64(number))
            let before = try Self.everything(parameters, optimizer)
            do {
                try optimizer.update(with: gradients)
            } catch let error as NonFiniteError {
                failures += 1
                #expect(error.source.hasPrefix("the update of "), "\(error)")
                #expect(try Self.everything(parameters, optimizer) == before, "step \(number + 1)")
                continue
            }
            let after = try Self.everything(parameters, optimizer)
            #expect(Self.isFinite(after), "step \(number + 1)")
        }
        return (failures, magnitudes.count)
    }

    @Test(arguments: subjects)
    func gradientsAtTheTypesMaximum(_ subject: Subject) throws {
        let greatest = subject.dtype.greatestFiniteMagnitude
        _ = try makeSteps(subject, [greatest, greatest, 1, greatest])
        _ = try makeSteps(subject, [1, greatest, 1])
    }

    @Test(arguments: subjects)
    func squaresThatOverflow(_ subject: Subject) throws {
        let scale = subject.dtype == .float64 ? 1e200 : 1e25
        let made = try makeSteps(subject, [scale, scale, 1])
        #expect(made.steps == 3)
    }

    @Test(arguments: subjects, [0, Double.leastNonzeroMagnitude, 1e-45, 1e-40, 1e-39, 1e-30])
    func tinyGradients(_ subject: Subject, _ magnitude: Double) throws {
        let made = try makeSteps(subject, [magnitude, 1, magnitude, 0])
        #expect(made.failures == 0)
    }

    /// A learning rate that no narrow type can hold: an error at the first step that is made, and nothing written.
    @Test(arguments: subjects)
    func anEnormousLearningRate(_ subject: Subject) throws {
        // The first gradient of SOAP makes no step.
        let silent = subject.name == "soap" ? 1 : 0
        let made = try makeSteps(subject, rate: 1e300, [1, 1])
        if subject.dtype != .float64 { #expect(made.failures == 2 - silent) }
        let again = try makeSteps(subject, rate: 1e308, [1e10, 1e10, 1e10])
        if subject.dtype != .float64 { #expect(again.failures == 3 - silent) }
    }

    /// The error goes by the policy, as those of gradients do.
    @Test(arguments: [Execution.automatic, .formula])
    func skippedUpdatesAreCounted(_ execution: Execution) throws {
        let parameters = try Self.parameters(.float32)
        let optimizer = try Optimizer(
            parameters: parameters,
            groups: [.init(.rest, try AdamW(learningRate: 1e-3))],
            nonFinite: .skip(abortAfter: 2), execution: execution)
        let gradients = try Self.gradients(parameters, magnitude: 1, seed: 1)
        #expect(try optimizer.update(with: gradients).skipped == nil)
        try optimizer.setLearningRate(1e300)
        let before = try Self.everything(parameters, optimizer)
        let skipped = try optimizer.update(with: gradients).skipped
        #expect(skipped?.source == "the update of matrix")
        #expect(skipped?.update == 2)
        #expect(optimizer.skippedCount == 1)
        var after = try Self.everything(parameters, optimizer)
        for key in ["optimizer/skipped", "optimizer/skipped_in_a_row"] { after[key] = before[key] }
        #expect(after == before)
    }

    /// Weights near the type's maximum that a decay, or a step, carries beyond it.
    @Test(arguments: [Execution.automatic, .formula], ["sgd", "adam", "adamw", "fadam"])
    func weightsAtTheTypesMaximum(_ execution: Execution, _ name: String) throws {
        let parameter = Parameter(wrappedValue: .full([40], 3e38))
        var rule = try RuleRegistry.rule(named: name)
        rule.learningRate = 1
        try rule.set("weight_decay", to: "100")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: ParameterPath("w"), parameter: parameter)],
            groups: [.init(.rest, rule, decaying: .all)], execution: execution)
        let before = try parameter.wrappedValue.scalars(as: Float.self)
        do {
            try optimizer.update(with: [ParameterPath("w"): .full([40], -1)])
            #expect(try parameter.wrappedValue.scalars(as: Float.self).allSatisfy(\.isFinite))
        } catch let error as NonFiniteError {
            #expect(error.source == "the update of w")
            #expect(try parameter.wrappedValue.scalars(as: Float.self) == before)
            #expect(optimizer.state["parameter/w/momentum"] == nil)
        }
    }

    /// Bounds that are carried from step to step are void once somebody else changes the parameter.
    @Test func changesFromOutsideAreSeen() throws {
        let parameter = Parameter(wrappedValue: .full([64], 1))
        let rule = try Adam {
            $0.learningRate = 1
            $0.weightDecay = 10
        }
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: ParameterPath("w"), parameter: parameter)],
            groups: [.init(.rest, rule, decaying: .all)])
        let gradients = [ParameterPath("w"): Tensor.full([64], 1)]
        for _ in 1...3 { try optimizer.update(with: gradients) }
        try parameter.assign(.full([64], 3e38))
        let before = try optimizer.state["parameter/w/momentum"]?.scalars(as: Float.self)
        #expect(throws: NonFiniteError.self) { try optimizer.update(with: gradients) }
        #expect(try parameter.wrappedValue.scalars(as: Float.self).allSatisfy { $0 == 3e38 })
        #expect(try optimizer.state["parameter/w/momentum"]?.scalars(as: Float.self) == before)
    }

    /// The guarded road computes what the ordinary one does.
    @Test(arguments: ["sgd", "adam", "fadam", "fadafactor", "adafactor", "adagrad", "rmsprop"])
    func copiesChangeNothing(_ name: String) throws {
        let (one, two) = (try Self.parameters(.float32), try Self.parameters(.float32))
        let rule = try RuleRegistry.rule(named: name)
        let first = try Optimizer(parameters: one, groups: [.init(.rest, rule)])
        let second = try Optimizer(parameters: two, groups: [.init(.rest, rule)])
        for step in 1...3 {
            let gradients = try Self.gradients(one, magnitude: 1, seed: UInt64(step))
            try first.update(with: gradients)
            for number in second.slots.indices { second.slots[number].bounds = nil }
            try second.update(with: gradients)
        }
        #expect(try Self.everything(one, first) == Self.everything(two, second))
    }
}
