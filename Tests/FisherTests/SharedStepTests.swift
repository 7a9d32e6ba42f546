import Fisher
import Foundation
import TestSupport
import Testing

/// Steps that several processes make together are those of one.
@Suite struct SharedStepTests {
    /// Every rule, and the curvature rules with the options that change what they ask of a batch.
    static let subjects: [String] = {
        let names = RuleRegistry.rules.map { $0.summary.name }
        return Set(names + NaturalRuleTests.subjects + CurvatureRuleTests.subjects).sorted()
    }()

    /// The weights after some steps, and the losses.
    private static func trained(
        _ text: String, steps: Int = 20, microBatches: Int = 1, with processes: ProcessGroup? = nil
    ) throws -> [Double] {
        let model = try OptimizerTests.Network()
        var rule = try NaturalRuleTests.rule(text)
        if !text.contains("lr="), !text.contains("natural") { rule.learningRate = 0.01 }
        let optimizer = try Optimizer(
            for: model, groups: [.init(.rest, rule)], clipGradientNorm: 0.5, labelSeed: 3)
        optimizer.processes = processes
        var losses: [Double] = []
        for _ in 1...steps {
            let batch = try OptimizerTests.batch(13)
            losses.append(
                try optimizer.step(on: batch, microBatches: microBatches) { batch in
                    try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
                }.loss)
        }
        return try OptimizerTests.weights(model) + losses
    }

    private static func error(_ found: [Double], _ expected: [Double]) -> Double {
        let scale = expected.map(abs).max() ?? 1
        return zip(found, expected).map { abs($0 - $1) / scale }.max() ?? .infinity
    }

    /// The bound is what another order of sums may change: 1e-12 where elements are divided, and where matrices are
    /// inverted that times their condition.
    @Test(
        arguments: subjects + ["correlated_fadam:rank=2,basis_interval=2,labels=empirical,lr=0.0100001"], [3])
    func stepsAreThoseOfOneProcess(_ text: String, _ size: Int) throws {
        // Newton's steps at a nearly singular Hessian, and solutions whose iterations end by a test of their numbers, magnify
        // the last bit a thousandfold in a few steps.
        let steps = text.contains("newton") || text.contains("rank=2") ? 3 : 20
        let alone = try Self.trained(text, steps: steps)
        let ranks = try Ranks.run(size) { try Self.trained(text, steps: steps, with: $0) }
        for found in ranks { #expect(found == ranks[0]) }
        let rule = try NaturalRuleTests.rule(text)
        let isElementwise = type(of: rule).summary.structure == "diagonal" || text == "sgd"
        let error = Self.error(ranks[0], alone)
        #expect(error <= (isElementwise ? 1e-12 : 1e-9), "\(error)")
    }

    @Test(arguments: ["adamw", "kfac:labels=exact", "fadam:source=exact", "kfac:labels=sampled"])
    func microBatchesAreShared(_ text: String) throws {
        let alone = try Self.trained(text, steps: 5)
        let ranks = try Ranks.run(3) { try Self.trained(text, steps: 5, microBatches: 2, with: $0) }
        for found in ranks { #expect(Self.error(found, alone) <= 1e-9) }
    }

    /// A network with a layer that only some slices of a batch reach, and one that none does.
    private final class Branching: Module {
        let first: Linear
        let sometimes: Linear
        let never: Linear

        init() throws {
            let generator = try RandomGenerator(seed: 9)
            first = Linear(4, 3, dtype: .float64, using: generator)
            sometimes = Linear(3, 3, dtype: .float64, using: generator)
            never = Linear(2, 2, dtype: .float64, using: generator)
        }
    }

    /// Of the four slices only the first reaches a layer: its process's second slice does not, nor does the other process.
    @Test func someSlicesReachAParameter() throws {
        @Sendable func trained(microBatches: Int, with group: ProcessGroup?) throws -> [Double] {
            let model = try Branching()
            let optimizer = try Optimizer(for: model, try AdamW(learningRate: 0.01))
            optimizer.processes = group
            for _ in 1...3 {
                let batch = try OptimizerTests.batch(11)
                let report = try optimizer.step(on: batch, microBatches: microBatches) { slice in
                    let hidden = model.first(slice.inputs).tanh()
                    let reaches = try slice.targets.scalars(as: Int64.self)[0] == 0
                    return try Objective(
                        Categorical(logits: reaches ? model.sometimes(hidden) : hidden),
                        observing: slice.targets)
                }
                #expect(report.withoutGradient.count == 2)
            }
            return try model.parameters.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) }
        }
        let alone = try trained(microBatches: 4, with: nil)
        for found in try Ranks.run(2, { try trained(microBatches: 2, with: $0) }) {
            #expect(Self.error(found, alone) <= 1e-12)
        }
    }

    /// One objective on this process's part, with what a test wants to happen on a rank.
    private static func step(
        _ group: ProcessGroup, _ rule: String, units: Int = 12, nonFinite: NonFinitePolicy = .stop,
        on rank: Int,
        _ disturb: @escaping (SupervisedBatch) throws -> SupervisedBatch
    ) throws -> (report: StepReport, weights: [Double]) {
        let model = try OptimizerTests.Network()
        let optimizer = try Optimizer(for: model, try NaturalRuleTests.rule(rule), nonFinite: nonFinite)
        optimizer.processes = group
        let report = try optimizer.step(on: try OptimizerTests.batch(units)) { batch in
            let batch = group.rank == rank ? try disturb(batch) : batch
            return try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
        return (report, try OptimizerTests.weights(model))
    }

    /// A number that is not finite on one process stops or passes over the step of all.
    @Test(arguments: ["adamw", "kfac:labels=empirical"])
    func allProcessesSkipTogether(_ rule: String) throws {
        let spoiled: @Sendable (SupervisedBatch) -> SupervisedBatch = {
            SupervisedBatch(inputs: $0.inputs * .nan, targets: $0.targets)
        }
        let skipped = try Ranks.run(3) { group in
            let made = try Self.step(group, rule, nonFinite: .skip(abortAfter: 2), on: 1, spoiled)
            return (made.report.skipped != nil, made.weights)
        }
        let before = try OptimizerTests.weights(try OptimizerTests.Network())
        for (isSkipped, weights) in skipped { #expect(isSkipped && weights == before) }
        let stopped = try Ranks.outcomes(3) { group in
            _ = try Self.step(group, rule, on: 1, spoiled)
        }
        for outcome in stopped {
            #expect(throws: NonFiniteError.self) { try outcome.get() }
        }
    }

    /// An error on one process is told to the others, which do not wait for it.
    @Test func anErrorOfOneProcessEndsTheStepOfAll() throws {
        struct Missing: Error {}
        let outcomes = try Ranks.outcomes(3) { group in
            _ = try Self.step(group, "adamw", on: 2) { _ in throw Missing() }
        }
        #expect(throws: Missing.self) { try outcomes[2].get() }
        for rank in 0..<2 {
            let error = #expect(throws: ProcessSum.PeerFailure.self) { try outcomes[rank].get() }
            #expect(error?.description == "rank 2: it could not compute its part of the batch")
        }
    }

    @Test func tooFewUnitsAreRefused() throws {
        for rank in try Ranks.outcomes(3, { _ = try Self.step($0, "sgd", units: 2, on: 99) { $0 } }) {
            let error = #expect(throws: OptimizerError.self) { try rank.get() }
            #expect(
                error?.description
                    == "a batch of 2 cannot be shared by 3 processes: every slice needs a unit")
        }
    }

    /// Equal samples of two processes have dropout of their own; the streams that are saved stay the same everywhere.
    @Test func randomNumbersAreApart() throws {
        let found = try Ranks.run(2) { group in
            let generator = try RandomGenerator(seed: 5)
            let model = Sequential([
                Linear(4, 3, dtype: .float64, using: generator), Dropout(0.5, using: generator),
            ])
            let optimizer = try Optimizer(for: model, SGD(learningRate: 0.1))
            optimizer.processes = group
            var mask: [Double] = []
            try optimizer.step {
                let outputs = model(.ones([6, 4], dtype: .float64))
                mask = try outputs.scalars(as: Double.self).map { $0 == 0 ? 0 : 1 }
                return try Objective(
                    Categorical(logits: outputs), observing: Tensor([Int64](repeating: 0, count: 6)))
            }
            return (mask, try model.randomGenerators.map { try $0.state() })
        }
        #expect(found[0].0 != found[1].0)
        #expect(found[0].1 == found[1].1 && !found[0].1.isEmpty)
    }
}
