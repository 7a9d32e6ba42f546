import Fisher
import FisherInformation
import Foundation
import TestSupport
import Testing

/// The estimates of several processes, each of which has a part of the data, are those of one that has all.
@Suite struct SharedEstimateTests {
    static let sources: [CurvatureSource] = [
        .exact, .sampled(2), .empirical, .improved, .minibatch, .gaussNewton,
    ]

    /// The estimates of a source that can be shared, as numbers by name.
    private static func numbers(_ found: CurvatureEstimates, _ requests: [CurvatureRequest]) throws
        -> [String: [Double]]
    {
        var all: [String: [Double]] = ["units": [Double(found.unitCount)]]
        func note(_ name: String, _ tensor: Tensor) throws {
            all[name] = try tensor.to(dtype: .float64).scalars(as: Double.self)
        }
        for request in requests {
            let name = request.structure
            switch request {
            case .full(let source): try note(name, try #require(found.full(source)).mean)
            case .blocks(let source):
                for (k, block) in try #require(found.blocks(source)).blocks.enumerated() {
                    try note("\(name) \(k)", block.mean)
                }
            case .diagonal(let source):
                for (path, mean) in try #require(found.diagonal(source)).mean {
                    try note("\(name) \(path)", mean)
                }
            case .kronecker(let source, let sharing), .kroneckerDiagonal(let source, let sharing):
                let factors = try #require(
                    name == "kronecker"
                        ? found.kronecker(source, sharing) : found.kroneckerDiagonal(source, sharing))
                for (path, layer) in factors.layers {
                    try note("\(name) \(sharing) A \(path)", layer.a)
                    try note("\(name) \(sharing) S \(path)", layer.s)
                }
                for (path, mean) in factors.others?.mean ?? [:] { try note("\(name) \(path)", mean) }
            case .eigenvalueCorrected(let source, let sharing):
                for (path, layer) in try #require(found.eigenvalueCorrected(source, sharing)).layers {
                    // The matrix, not its basis, whose signs are free.
                    let one = Tensor.ones(layer.squares.shape, dtype: .float64)
                    try note("\(name) \(path)", layer.solving(one, damping: 0.1))
                }
            case .lowRank(let rank, let source):
                let pairs = try #require(found.lowRank(rank, source))
                all[name] = pairs.values
                try note("projector", pairs.product(.ones([pairs.vectors.shape[0]], dtype: .float64)))
            case .products, .hessian:
                let product = try #require(found.matrix(request))
                let vector = Tensor.normal(
                    [product.size], dtype: .float64, using: try RandomGenerator(seed: 1))
                try note(name, try product(vector))
            case .layerMeans(let source):
                for (path, layer) in try #require(found.layerMeans(source)).sums {
                    try note("\(name) a \(path)", layer.inputs)
                    try note("\(name) s \(path)", layer.outputs)
                }
            case .gradient:
                for (path, mean) in try #require(found.gradient) { try note("\(name) \(path)", mean) }
            default: Issue.record("\(request) is not compared")
            }
        }
        return all
    }

    private static func requests(_ source: CurvatureSource) -> [CurvatureRequest] {
        ([
            .full(source), .blocks(source), .diagonal(source), .kronecker(source),
            .kronecker(source, .reduce),
            .eigenvalueCorrected(source), .kroneckerDiagonal(source), .lowRank(3, source), .products(source),
            .layerMeans(source), .gradient, .hessian,
        ] as [CurvatureRequest]).filter { $0.unsupportedReason == nil }
    }

    /// Every structure of every source, of a network whose positions share weights and of which some targets are masked.
    @Test(arguments: sources)
    func estimatesAreThoseOfAllData(_ source: CurvatureSource) throws {
        let requests = Self.requests(source)
        @Sendable func found(_ group: ProcessGroup?) throws -> [String: [Double]] {
            let (model, batch, logits) = try InformationTests.Network.positions.make()
            let estimator = try CurvatureEstimator(of: model)
            func objective(_ batch: SupervisedBatch) throws -> Objective {
                try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
            }
            let generator = try RandomGenerator(seed: 6)
            guard let group else {
                return try Self.numbers(
                    estimator.estimate(requests, of: objective(batch), using: generator), requests)
            }
            let units = batch.unitCount
            let part = batch.slice(units * group.rank / group.size..<units * (group.rank + 1) / group.size)
            return try Self.numbers(
                estimator.estimate(
                    requests, sharedBy: group, of: objective(part), units: part.unitCount, using: generator),
                requests)
        }
        let alone = try found(nil)
        let ranks = try Ranks.run(3) { try found($0) }
        for shared in ranks {
            #expect(shared.keys == alone.keys)
            for (name, values) in alone {
                let scale = max(values.map(abs).max() ?? 0, 1e-12)
                let other = try #require(shared[name])
                let error = zip(values, other).map { abs($0 - $1) / scale }.max() ?? .infinity
                // The solution in a basis divides by eigenvalues.
                let bound = name.hasPrefix("ekfac") || name == "projector" ? 1e-10 : 1e-12
                #expect(other.count == values.count && error <= bound, "\(name): \(error)")
            }
        }
    }

    /// Labels of sequences, too, are the same for every number of processes.
    @Test(arguments: SequenceModel.Head.allCases)
    func sampledSequencesAreThoseOfAllData(_ head: SequenceModel.Head) throws {
        let request = CurvatureRequest.diagonal(.sampled(2))
        @Sendable func found(_ group: ProcessGroup?) throws -> [String: [Double]] {
            let (model, batch) = (try SequenceModel(head), try Utterances.padded())
            let estimator = try CurvatureEstimator(of: model)
            let generator = try RandomGenerator(seed: 6)
            guard let group else {
                return try Self.numbers(
                    estimator.estimate([request], of: model.objective(batch), using: generator), [request])
            }
            let part = batch.slice(4 * group.rank / group.size..<4 * (group.rank + 1) / group.size)
            return try Self.numbers(
                estimator.estimate(
                    [request], sharedBy: group, of: model.objective(part), units: part.unitCount,
                    using: generator), [request])
        }
        let alone = try found(nil)
        for shared in try Ranks.run(3, { try found($0) }) {
            for (name, values) in alone {
                let scale = max(values.map(abs).max() ?? 0, 1e-12)
                let error = zip(values, try #require(shared[name])).map { abs($0 - $1) / scale }.max()
                #expect(try #require(error) <= 1e-12, "\(name)")
            }
        }
    }

    /// Products with the gradients of all samples, of which every process keeps its own: with layers whose weights several
    /// positions, uses or layers share, and with parts of unequal size.
    @Test(arguments: InformationTests.Network.allCases, [2, 4])
    func gradientsBySampleAreThoseOfAllData(_ network: InformationTests.Network, _ size: Int) throws {
        @Sendable func found(_ group: ProcessGroup?) throws -> [[Double]] {
            let (model, whole, logits) = try network.make()
            let (rank, size, units) = (group?.rank ?? 0, group?.size ?? 1, whole.unitCount)
            let batch = whole.slice(units * rank / size..<units * (rank + 1) / size)
            let request = CurvatureRequest.perSampleGradients(.empirical)
            func objective() throws -> Objective {
                try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
            }
            let estimator = try CurvatureEstimator(of: model)
            let estimates =
                try group.map {
                    try estimator.estimate(
                        [request], sharedBy: $0, of: objective(), units: batch.unitCount)
                } ?? estimator.estimate([request], of: objective(), units: batch.unitCount)
            let rows = try #require(estimates.perSampleGradients(.empirical))
            let weights = Tensor((1...units).map { Double($0) })
            let combined = try rows.combined(weights)
            let tensors =
                [try rows.gram(), try #require(rows.outputSquares), try rows.product(combined)] + combined
            #expect(rows.units == units)
            return try tensors.map { try $0.scalars(as: Double.self) }
        }
        let alone = try found(nil)
        for shared in try Ranks.run(size, { try found($0) }) {
            for (own, other) in zip(alone, shared) {
                let scale = max(own.map(abs).max() ?? 0, 1e-12)
                let error = zip(own, other).map { abs($0 - $1) / scale }.max() ?? 0
                #expect(own.count == other.count && error <= 1e-12, "\(error)")
            }
        }
    }

    /// A part in which nothing is observed adds nothing; data in which nothing is observed are an error everywhere.
    @Test func partsWithoutObservationsAddNothing() throws {
        @Sendable func trace(_ group: ProcessGroup?, observed: Int64) throws -> Double {
            let layer = Linear(2, 3, dtype: .float64, using: try RandomGenerator(seed: 1))
            let inputs = Tensor.normal([4, 2], dtype: .float64, using: try RandomGenerator(seed: 2))
            let targets = Tensor([observed, observed, -100, -100] as [Int64])
            let range = group.map { 2 * $0.rank..<2 * $0.rank + 2 } ?? 0..<4
            let batch = SupervisedBatch(inputs: inputs, targets: targets).slice(range)
            func objective() throws -> Objective {
                try Objective(Categorical(logits: layer(batch.inputs)), observing: batch.targets)
            }
            let estimator = try CurvatureEstimator(of: layer)
            let found =
                try group.map {
                    try estimator.estimate([.full(.exact)], sharedBy: $0, of: objective(), units: 2)
                } ?? estimator.estimate([.full(.exact)], of: objective())
            return try (try #require(found.full(.exact)).mean * .identity(9, dtype: .float64)).sum().item()
        }
        let alone = try trace(nil, observed: 1)
        for shared in try Ranks.run(2, { try trace($0, observed: 1) }) {
            #expect(abs(shared - alone) <= 1e-12 * alone)
        }
        for outcome in try Ranks.outcomes(2, { try trace($0, observed: -100) }) {
            #expect(throws: CurvatureError.noObservations) { try outcome.get() }
        }
    }

    @Test(arguments: [CurvatureRequest.gradientRows, .unitGradients(.exact, units: 2)])
    func gradientsOfSingleUnitsAreRefused(_ request: CurvatureRequest) throws {
        for outcome in try Ranks.outcomes(
            2,
            { group in
                // None ends before all have met.
                try group.barrier()
                let (model, batch, logits) = try InformationTests.Network.perceptron.make()
                _ = try CurvatureEstimator(of: model).estimate(
                    [request], sharedBy: group,
                    of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets),
                    units: batch.unitCount)
            })
        {
            let error = #expect(throws: CurvatureError.self) { try outcome.get() }
            #expect("\(error.map { "\($0)" } ?? "")".contains("each has the gradients of its own samples"))
        }
    }

    /// What every process has accumulated is added, and the prior counts once; what does not fit is refused everywhere.
    @Test func accumulatorsAreSummed() throws {
        @Sendable func accumulated(_ range: Range<Int>, seed: UInt64 = 1) throws -> FisherAccumulator {
            let layer = Linear(2, 2, dtype: .float64, using: try RandomGenerator(seed: seed))
            let inputs = Tensor.normal([12, 2], dtype: .float64, using: try RandomGenerator(seed: 2))
            let estimator = try CurvatureEstimator(of: layer)
            var sum = try FisherAccumulator(
                paths: layer.parameters.map(\.path), prior: .identity(6, dtype: .float64))
            for unit in range {
                let x = inputs.narrowed(0, from: unit, length: 1)
                let found = try estimator.estimate(
                    [.full(.exact)],
                    of: Objective(Categorical(logits: layer(x)), observing: Tensor([1] as [Int64])))
                try sum.add(try #require(found.full(.exact)))
            }
            return sum
        }
        let alone = try accumulated(0..<12)
        let expected = try alone.information.scalars(as: Double.self)
        let ranks = try Ranks.run(3) { group in
            // The last has seen nothing yet.
            let own = try accumulated([0..<5, 5..<12, 0..<0][group.rank])
            let sum = try own.summed(over: group)
            return (try sum.information.scalars(as: Double.self), sum.observationCount, sum.source, sum.point)
        }
        for (numbers, count, source, point) in ranks {
            #expect(zip(numbers, expected).allSatisfy { abs($0 - $1) <= 1e-12 })
            #expect(count == 12 && source == .exact && point == alone.point)
        }
        for outcome in try Ranks.outcomes(
            2,
            {
                _ = try accumulated(0..<2, seed: UInt64($0.rank)).summed(over: $0)
            })
        {
            let error = #expect(throws: CurvatureError.self) { try outcome.get() }
            #expect("\(error.map { "\($0)" } ?? "")".contains("they were made at different weights"))
        }
    }
}
