import Fisher
import Foundation
import Testing

/// Labels are drawn by unit: neither the number of processes nor micro-batches change them.
@Suite struct UnitDrawTests {
    private func generator(from first: Int, units: Int) throws -> RandomGenerator {
        try UnitDraws(from: try RandomGenerator(seed: 5)).starting(at: first).generator(units: units)
    }

    /// What a likelihood draws for some units, as numbers by unit.
    private func drawn<Model: Samplable>(
        _ likelihood: Model, from first: Int, units: Int
    ) throws -> [[Double]] {
        let found = likelihood.sample(using: try generator(from: first, units: units))
        switch found {
        case let labels as LabelSequences: return labels.labels.map { $0.map(Double.init) }
        case let tensor as Tensor: return try byUnit(tensor, units)
        case let bins as TwoHot.Observation:
            guard case .bins(let tensor) = bins else { preconditionFailure("bins are drawn") }
            return try byUnit(tensor, units)
        default: preconditionFailure("\(type(of: found)) is no observation")
        }
    }

    private func byUnit(_ tensor: Tensor, _ units: Int) throws -> [[Double]] {
        let all = try tensor.to(dtype: .float64).scalars(as: Double.self)
        let width = all.count / units
        return (0..<units).map { Array(all[$0 * width..<($0 + 1) * width]) }
    }

    private static let parts = [0..<3, 3..<4, 4..<8]

    @Test(arguments: LikelihoodKind.allCases, [[8], [8, 5]])
    func partsDrawWhatTheBatchDraws(_ kind: LikelihoodKind, _ shape: [Int]) throws {
        let outputs = try kind.outputs(shape)
        let whole = try drawn(kind(outputs), from: 0, units: 8)
        let parts = try Self.parts.flatMap { range in
            try drawn(
                kind(outputs.narrowed(0, from: range.lowerBound, length: range.count)),
                from: range.lowerBound, units: range.count)
        }
        // Vectors of several lengths round functions differently.
        let differences = zip(parts.joined(), whole.joined()).map { abs($0 - $1) }
        #expect(parts.count == whole.count && differences.allSatisfy { $0 <= 1e-14 })
        #expect(Set(whole).count > 1)
    }

    /// Where some targets are masked, too.
    @Test func maskedPartsDrawWhatTheBatchDraws() throws {
        let logits = Tensor.normal([8, 5, 3], dtype: .float64, using: try RandomGenerator(seed: 2))
        let targets = Tensor(
            (0..<40).map { $0 % 7 < 2 || (15..<20).contains($0) ? -100 : 0 } as [Int64], shape: [8, 5])
        func drawn(_ range: Range<Int>) throws -> [[Double]] {
            func part(_ x: Tensor) -> Tensor { x.narrowed(0, from: range.lowerBound, length: range.count) }
            return try byUnit(
                Categorical(logits: part(logits)).sample(
                    like: part(targets), using: generator(from: range.lowerBound, units: range.count)),
                range.count)
        }
        let whole = try drawn(0..<8)
        let parts = try Self.parts.flatMap(drawn)
        #expect(parts == whole)
    }

    @Test(arguments: SequenceModel.Head.allCases)
    func partsDrawTheSequencesOfTheBatch(_ head: SequenceModel.Head) throws {
        let model = try SequenceModel(head)
        let features = Tensor.normal([8, 6, 2], dtype: .float64, using: try RandomGenerator(seed: 4))
        let batch = Utterances(
            features: features, frameCounts: [4, 6, 0, 5, 1, 6, 3, 2],
            labels: LabelSequences(Array(repeating: [], count: 8)))
        func drawn(_ batch: Utterances, from first: Int) throws -> [[Double]] {
            try self.drawn(
                model.likelihood(batch.features, batch.frameCounts), from: first,
                units: batch.unitCount)
        }
        let whole = try drawn(batch, from: 0)
        let parts = try Self.parts.flatMap { try drawn(batch.slice($0), from: $0.lowerBound) }
        #expect(parts == whole)
        #expect(whole.contains { $0.count > 1 })
    }

    /// A step of three micro-batches is that of the whole batch with drawn labels, too.
    @Test(arguments: [
        "kfac", "ekfac", "fadam:source=sampled", "natural_gradient:source=sampled,draws=2,damping=0.1",
    ])
    func microBatchesDrawTheSameLabels(_ text: String) throws {
        func weights(_ microBatches: Int) throws -> [Double] {
            let model = try OptimizerTests.Network()
            let optimizer = try Optimizer(for: model, try NaturalRuleTests.rule(text), labelSeed: 3)
            for _ in 1...3 {
                try optimizer.step(on: try OptimizerTests.batch(13), microBatches: microBatches) { batch in
                    try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
                }
            }
            return try OptimizerTests.weights(model)
        }
        let (one, three) = (try weights(1), try weights(3))
        let scale = one.map(abs).max() ?? 1
        #expect(zip(one, three).allSatisfy { abs($0 - $1) <= 1e-9 * scale })
    }
}
