import Fisher
import FisherInformation
import Foundation
import TestSupport
import Testing

@testable import Fisher

/// Processes that divide the optimizer's state make the same steps, bit for bit, as processes that all keep it.
@Suite struct DividedStateTests {
    /// Every rule, and options that make layers or tensors depend on each other.
    static let subjects: [String] =
        SharedStepTests.subjects + [
            "kfac:labels=empirical,kl_clip=1e-3", "ekfac:labels=empirical,kl_clip=1e-3",
            "kfac:labels=empirical,adapts_damping=true", "kfac:labels=exact,inverse_interval=3,momentum=0.9",
        ]

    /// What a rank has after some steps.
    struct Outcome: Sendable {
        var weights: [UInt64]
        var losses: [Double]
        var updates: [Double]
        var bytes: Int
        var state: [String: [Double]]
    }

    private static func trained(
        _ text: String, steps: Int = 6, dividing: Bool, with processes: ProcessGroup
    ) throws -> Outcome {
        let model = try OptimizerTests.Network()
        var rule = try NaturalRuleTests.rule(text)
        if !text.contains("natural") { rule.learningRate = 0.01 }
        let optimizer = try Optimizer(for: model, rule, clipGradientNorm: 0.5, labelSeed: 3)
        optimizer.dividesState = dividing
        optimizer.processes = processes
        var (losses, updates): ([Double], [Double]) = ([], [])
        for _ in 1...steps {
            let report = try optimizer.step(on: try OptimizerTests.batch(13)) { batch in
                try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
            }
            losses.append(report.gradientNorm)
            updates.append(try report.updateRootMeanSquare())
            #expect(report.withoutGradient.isEmpty)
        }
        return Outcome(
            weights: try OptimizerTests.weights(model).map(\.bitPattern), losses: losses, updates: updates,
            bytes: optimizer.stateByteCount,
            state: try optimizer.completeState().mapValues { try $0.to(dtype: .float64).scalars() })
    }

    @Test(arguments: subjects, [2, 3])
    func theStepsHaveTheSameBits(_ text: String, _ size: Int) throws {
        let kept = try Ranks.run(size) { try Self.trained(text, dividing: false, with: $0) }
        let divided = try Ranks.run(size) { try Self.trained(text, dividing: true, with: $0) }
        for rank in 0..<size {
            #expect(divided[rank].weights == kept[0].weights)
            #expect(divided[rank].losses == kept[0].losses)
            #expect(divided[rank].state == kept[0].state)
            for (a, b) in zip(divided[rank].updates, kept[0].updates) { #expect(abs(a - b) <= 1e-12 * b) }
        }
        if try NaturalRuleTests.rule(text).division != .whole, kept[0].bytes > 0 {
            #expect(divided.map(\.bytes).reduce(0, +) == kept[0].bytes)
        } else {
            #expect(divided[0].bytes == kept[0].bytes)
        }
    }

    /// A float32 network whose matrices are larger than a cell of the fused loops.
    final class Wide: Module {
        let first: Linear
        let second: Linear

        init(width: Int) throws {
            let generator = try RandomGenerator(seed: 4)
            first = Linear(64, width, using: generator)
            second = Linear(width, 16, using: generator)
        }

        func callAsFunction(_ input: Tensor) -> Tensor { second(first(input).tanh()) }
    }

    struct WideOutcome: Sendable {
        /// Of the weights' bits.
        var weights: Int
        var norms: [Double]
        var bytes: Int
        var hasCuts: Bool
        var epsilons: [String: Double]
    }

    private static func trainedWide(
        _ text: String, steps: Int, clip: Double?, dividing: Bool, with processes: ProcessGroup?,
        auxiliaryAfter: Int = .max, width: Int = 1100
    ) throws -> WideOutcome {
        let model = try Wide(width: width)
        let optimizer = try Optimizer(for: model, try NaturalRuleTests.rule(text), clipGradientNorm: clip)
        optimizer.dividesState = dividing
        optimizer.processes = processes
        let generator = try RandomGenerator(seed: 8)
        let batch = SupervisedBatch(
            inputs: .normal([12, 64], using: generator), targets: Tensor((0..<12).map { Int64($0) }))
        var (norms, epsilons): ([Double], [String: Double]) = ([], [:])
        for step in 1...steps {
            let report = try optimizer.step(on: batch) { batch in
                let logits = model(batch.inputs)
                return try Objective(
                    Categorical(logits: logits), observing: batch.targets,
                    auxiliaries: step > auxiliaryAfter
                        ? [.init("size", model.first.weight.squared().sum() * 1e-3)] : [])
            }
            norms.append(report.gradientNorm)
            epsilons = Dictionary(
                uniqueKeysWithValues: try report.epsilons().map { ("\($0.key)", $0.value) })
        }
        var bits = Hasher()
        for named in model.parameters {
            named.parameter.wrappedValue.withUnsafeBytes { bits.combine(bytes: $0) }
        }
        return WideOutcome(
            weights: bits.finalize(), norms: norms, bytes: optimizer.stateByteCount,
            hasCuts: optimizer.slots.indices.contains { optimizer.division?.isCut($0) ?? false },
            epsilons: epsilons)
    }

    static let elementRules = [
        "adamw", "adam:weight_decay=0.1", "sgd:momentum=0.9", "adagrad", "rmsprop", "fadam",
        "fadam:clip=0.1", "fadam:clip=none", "fadam:length=unit",
    ]

    /// Tensors that are cut between processes: their sums over the tensor are those of one process, bit for bit.
    @Test(arguments: elementRules, [nil, 0.01])
    func cutTensorsMoveAsWholeOnes(_ text: String, _ clip: Double?) throws {
        for size in [2, 4] {
            let kept = try Ranks.run(size) {
                try Self.trainedWide(text, steps: 3, clip: clip, dividing: false, with: $0)
            }
            let divided = try Ranks.run(size) {
                try Self.trainedWide(text, steps: 3, clip: clip, dividing: true, with: $0)
            }
            for outcome in divided {
                #expect(outcome.hasCuts)
                #expect(outcome.weights == kept[0].weights)
                #expect(outcome.norms == kept[0].norms)
                #expect(outcome.epsilons == kept[0].epsilons)
            }
            #expect(divided.map(\.bytes).reduce(0, +) == kept[0].bytes)
        }
    }

    /// A tensor beyond the size at which the survey measures it as well.
    @Test func largeTensorsMoveAsWholeOnes() throws {
        for text in ["fadam", "adamw"] {
            let found = try Ranks.run(2) { group in
                try [false, true].map {
                    try Self.trainedWide(
                        text, steps: 2, clip: nil, dividing: $0, with: group, width: 20_000)
                }
            }
            for outcomes in found { #expect(outcomes[0].weights == outcomes[1].weights) }
        }
    }

    /// A step that the fused path cannot make is made by whole tensors from then on.
    @Test(arguments: ["adamw", "fadam"])
    func stepsByTheFormulaDivideAnew(_ text: String) throws {
        let found = try Ranks.run(3) { group in
            try [false, true].map {
                try Self.trainedWide(
                    text, steps: 5, clip: 0.1, dividing: $0, with: group, auxiliaryAfter: 2)
            }
        }
        for outcomes in found {
            #expect(outcomes[0].weights == outcomes[1].weights)
            #expect(!outcomes[1].hasCuts)
        }
    }

    /// Shares of a state that is saved by one number of processes are taken up by another.
    @Test(arguments: ["adamw", "fadam", "kfac:labels=empirical", "shampoo"])
    func anotherNumberOfProcessesGoesOn(_ text: String) throws {
        @Sendable func run(
            _ group: ProcessGroup?, _ former: Former?, steps: Int
        ) throws -> Former {
            let batch = SupervisedBatch(
                inputs: .normal([12, 64], using: try RandomGenerator(seed: 8)),
                targets: Tensor((0..<12).map { Int64($0) }))
            let model = try Wide(width: 1100)
            let optimizer = try Optimizer(for: model, try NaturalRuleTests.rule(text))
            optimizer.processes = group
            if let former {
                try model.load(former.weights)
                try optimizer.restore(former.state)
            }
            for _ in 0..<steps {
                try optimizer.step(on: batch) { batch in
                    try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
                }
            }
            return Former(
                weights: Dictionary(
                    uniqueKeysWithValues: model.parameters.map {
                        ("\($0.path)", $0.parameter.wrappedValue.detached())
                    }),
                state: optimizer.shard)
        }
        let two = try Ranks.run(2) { try run($0, nil, steps: 3) }
        let together = two.dropFirst().reduce(two[0]) {
            Former(weights: $0.weights, state: $0.state.merging($1.state) { a, _ in a })
        }
        let three = try Ranks.run(3) { try run($0, together, steps: 0) }
        let shards = three.flatMap { $0.state.keys }
        #expect(Set(shards).count == shards.count)
        let joined = three.dropFirst().reduce(three[0]) {
            Former(weights: $0.weights, state: $0.state.merging($1.state) { a, _ in a })
        }
        let alone = try run(nil, joined, steps: 0)
        let direct = try run(nil, together, steps: 0)
        #expect(alone.state.keys == direct.state.keys)
        for (key, tensor) in alone.state {
            #expect(
                try tensor.to(dtype: .float64).scalars() as [Double]
                    == direct.state[key]!.to(dtype: .float64).scalars())
        }
    }

    struct Former: @unchecked Sendable {
        let weights: [String: Tensor]
        let state: [String: Tensor]
    }

    /// A number that overflows on one process is undone on all.
    @Test func anOverflowOnOneProcessIsUndoneOnAll() throws {
        let found = try Ranks.run(2) { group in
            let model = try Wide(width: 1100)
            let optimizer = try Optimizer(
                for: model, try SGD(learningRate: 3e38), nonFinite: .skip(abortAfter: 3))
            optimizer.processes = group
            func weights() throws -> [Float] {
                try model.parameters.flatMap { try $0.parameter.wrappedValue.scalars(as: Float.self) }
            }
            let before = try weights()
            let report = try optimizer.step {
                try Objective(
                    Categorical(logits: model(.ones([4, 64])) * 100),
                    observing: Tensor([0, 1, 2, 3] as [Int64]))
            }
            return (report.skipped != nil, try weights() == before)
        }
        for (isSkipped, isUntouched) in found { #expect(isSkipped && isUntouched) }
    }

    @Test func holdingsAreBalanced() {
        func unit(_ slot: Int, _ count: Int, divisible: Bool = true, work: Double? = nil)
            -> StateDivision.Unit
        {
            StateDivision.Unit(
                slots: [slot], work: work ?? Double(count), count: count, isDivisible: divisible)
        }
        // The tensors of GPT-2 with 124 million parameters.
        var counts = [50257 * 768, 1024 * 768]
        for _ in 0..<12 {
            counts += [
                768, 768, 768 * 2304, 2304, 768 * 768, 768, 768, 768, 768 * 3072, 3072, 3072 * 768, 768,
            ]
        }
        for size in [2, 3, 4, 8, 64] {
            let holdings = StateDivision.holdings(
                counts.enumerated().map { unit($0, $1) }, slotCount: counts.count, size: size)
            var loads = [Int](repeating: 0, count: size)
            for (slot, holding) in holdings.enumerated() {
                switch holding {
                case .all: Issue.record("every tensor moves by elements")
                case .one(let rank): loads[rank] += counts[slot]
                case .cut(let ranges):
                    #expect(ranges.map(\.count).reduce(0, +) == counts[slot])
                    for range in ranges where !range.isEmpty { #expect(range.lowerBound % 32768 == 0) }
                    for (rank, range) in ranges.enumerated() { loads[rank] += range.count }
                }
            }
            let total = Double(counts.reduce(0, +))
            #expect(Double(loads.max()!) / total <= 1 / Double(size) + 0.01)
        }
        // Layers by their work, the heaviest first.
        let layers = [9.0, 7, 6, 5, 4, 1].enumerated().map { unit($0, 1, divisible: false, work: $1) }
        #expect(
            StateDivision.holdings(layers, slotCount: 7, size: 2) == [
                .one(0), .one(1), .one(1), .one(0), .one(1), .one(0), .all,
            ])
    }
}
