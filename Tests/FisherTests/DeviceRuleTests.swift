import Fisher
import Foundation
import TestSupport
import Testing

@testable import FisherInformation

/// Rules and estimates on a device beside the CPU: nothing is made on the CPU in between, and the numbers are the CPU's.
///
/// The device is a card where there is one; else a stand-in refuses tensors of the CPU among an operation's arguments.
@Suite struct DeviceRuleTests {
    /// One trajectory of each rule.
    static let cases: [RuleCase] = {
        var seen: Set<Substring> = []
        return GoldenTests.float64Cases.filter {
            seen.insert($0.testDescription.prefix { $0 != "-" }).inserted
        }
    }()

    @Test(arguments: cases)
    func formulasAreThose(_ golden: RuleCase) throws {
        let error = try withDevice(SecondDevice.device) { try golden.error(in: .float64) }
        #expect(error <= 1e-12)
    }

    /// Every rule, and those that ask more of a batch with the options that change what they ask.
    static let subjects: [String] = {
        let names = RuleRegistry.rules.map { $0.summary.name }
        return Set(names + NaturalRuleTests.subjects + CurvatureRuleTests.subjects).sorted()
    }()

    private struct Trained {
        let numbers: [Double]
        let devices: Set<Device>
        let state: [String: Tensor]
        let optimizer: Optimizer
        let model: OptimizerTests.Network
    }

    private static func optimizer(_ text: String, for model: OptimizerTests.Network) throws -> Optimizer {
        var rule = try NaturalRuleTests.rule(text)
        if !text.contains("lr="), !text.contains("natural") { rule.learningRate = 0.01 }
        return try Optimizer(
            for: model, groups: [.init(.rest, rule)], clipGradientNorm: 0.5, execution: .formula, labelSeed: 3
        )
    }

    private static func step(_ optimizer: Optimizer, _ model: OptimizerTests.Network) throws -> Double {
        try optimizer.step(on: try OptimizerTests.batch(13)) { batch in
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }.loss
    }

    private static func trained(_ text: String) throws -> Trained {
        let model = try OptimizerTests.Network()
        let optimizer = try Self.optimizer(text, for: model)
        let losses = try (0..<3).map { _ in try step(optimizer, model) }
        let weights = model.parameters.map(\.parameter.wrappedValue)
        let rules = optimizer.state.filter { $0.key.hasPrefix("parameter/") && !$0.key.hasSuffix("/step") }
        return Trained(
            numbers: try OptimizerTests.weights(model) + losses,
            devices: Set(weights.map(\.device) + rules.values.map(\.device)), state: optimizer.state,
            optimizer: optimizer, model: model)
    }

    private static func error(_ found: [Double], _ expected: [Double]) -> Double {
        let scale = expected.map(abs).max() ?? 1
        return zip(found, expected).map { abs($0 - $1) / scale }.max() ?? .infinity
    }

    /// Steps, and a step after the state has gone to the CPU and come back.
    @Test(arguments: subjects)
    func stepsAreThoseOfTheCPU(_ text: String) throws {
        let here = try Self.trained(text)
        let there = try withDevice(SecondDevice.device) { try Self.trained(text) }
        #expect(there.devices == [SecondDevice.device])
        #expect(Self.error(there.numbers, here.numbers) <= 1e-9)
        // The state is restored on the other device, whichever that is.
        let copies = try there.state.mapValues { tensor in
            let copy = tensor.to(device: .cpu).copy()
            try copy.check()
            return copy
        }
        let model = try OptimizerTests.Network()
        for (own, other) in zip(model.parameters, there.model.parameters) {
            try own.parameter.assign(other.parameter.wrappedValue)
        }
        let optimizer = try Self.optimizer(text, for: model)
        try optimizer.restore(copies)
        let next = try Self.step(optimizer, model)
        let further = try withDevice(SecondDevice.device) { try Self.step(there.optimizer, there.model) }
        #expect(abs(next - further) <= 1e-9 * abs(next))
    }

    /// A model that is moved, with data that are moved, needs no current device.
    @Test(arguments: ["fadam", "kfac", "mfac", "natural_gradient", "shampoo"])
    func aModelThatWasMovedTrains(_ text: String) throws {
        let model = try OptimizerTests.Network()
        try model.to(device: SecondDevice.device)
        let optimizer = try Optimizer(for: model, try NaturalRuleTests.rule(text))
        let batch = try OptimizerTests.batch(13)
        let moved = SupervisedBatch(
            inputs: batch.inputs.to(device: SecondDevice.device),
            targets: batch.targets.to(device: SecondDevice.device))
        for _ in 0..<2 {
            try optimizer.step(on: moved) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
        }
        #expect(model.parameters.allSatisfy { $0.parameter.wrappedValue.device == SecondDevice.device })
        #expect(optimizer.device == SecondDevice.device)
    }

    /// The loops of the CPU are not for memory of another device, and who asks is told so.
    @Test func theFusedPathOfTheCPUIsRefused() throws {
        let model = try ToyModel()
        let here = try Optimizer(for: model, FAdam()).describe()
        #expect(here.contains("fused path (") && !here.contains("formula path"))
        try model.to(device: SecondDevice.device)
        let optimizer = try Optimizer(for: model, FAdam())
        if SecondDevice.isStandIn {
            #expect(optimizer.describe().contains("formula path (on \(SecondDevice.device))"))
        }
        let x = Tensor.ones([2, 3], device: SecondDevice.device)
        let report = try optimizer.step {
            try Objective(
                Categorical(logits: model.layer(x)),
                observing: Tensor([0, 1] as [Int64], device: SecondDevice.device))
        }
        #expect(report.loss.isFinite)
    }

    final class ToyModel: Module {
        let layer: Linear
        init() throws { layer = Linear(3, 2, using: try RandomGenerator(seed: 1)) }
    }

    /// A device works on while its queue is filled: times are taken when it has done its work.
    @Test(.enabled(if: Device.cudaCount == 0)) func timesWaitForTheDevice() throws {
        try withDevice(SecondDevice.device) {
            let model = try OptimizerTests.Network()
            let optimizer = try Self.optimizer("adamw", for: model)
            let before = SecondDevice.waitCount
            _ = try Self.step(optimizer, model)
            #expect(SecondDevice.waitCount >= before + 2)
        }
    }

    static let requests: [CurvatureRequest] = [
        .gradient, .diagonal(.exact), .diagonal(.empirical), .diagonal(.sampled(2)), .full(.exact),
        .full(.empirical),
        .kronecker(.exact), .layerMeans(.empirical), .unitGradients(.exact, units: 5), .hessian,
    ]

    @Test func estimatesAreThoseOfTheCPU() throws {
        func numbers() throws -> [[Double]] {
            let model = try OptimizerTests.Network()
            let batch = try OptimizerTests.batch(13)
            let found = try CurvatureEstimator(of: model).estimate(
                Self.requests,
                of: Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets),
                using: try RandomGenerator(seed: 2))
            func values(_ tensors: [ParameterPath: Tensor]) throws -> [[Double]] {
                try tensors.sorted { "\($0.key)" < "\($1.key)" }.map {
                    #expect($0.value.device == Device.current)
                    return try $0.value.scalars(as: Double.self)
                }
            }
            var all = try values(found.gradient ?? [:])
            for source in [CurvatureSource.exact, .empirical, .sampled(2)] {
                all += try values(found.diagonal(source)?.mean ?? [:])
            }
            return all
        }
        let (here, there) = (try numbers(), try withDevice(SecondDevice.device, numbers))
        #expect(here.count == there.count && here.count == 16)
        for (a, b) in zip(here, there) { #expect(Self.error(b, a) <= 1e-12) }
    }
}
