import TestSupport
import Testing

@testable import Torch

/// Gradients that are received as they become known, and sums of what becomes known one after another.
@Suite struct BucketedSumTests {
    private struct Refused: Error {}

    private static func leaf(_ numbers: [Double]) throws -> Tensor { try Tensor(numbers).requiringGradient() }

    /// f = 3 a b + b^2; c has no part in it.
    private static func example() throws -> (leaves: [Tensor], value: Tensor) {
        let (a, b, c) = (try leaf([2]), try leaf([5]), try leaf([7]))
        return ([a, b, c], (a * b * 3 + b * b).sum())
    }

    @Test func gradientsAreReceivedOnceAndReplaced() throws {
        let (leaves, value) = try Self.example()
        var received: [Int: Double] = [:]
        let found = try gradients(of: value, withRespectTo: leaves, keepGraph: true, receivedCount: 3) {
            #expect(received[$0] == nil)
            received[$0] = try $1.item()
            return $1 * 10
        }
        #expect(received == [0: 15, 1: 16])
        #expect(try found.map { try $0?.item() } == [150, 160, nil])
        // Afterwards nothing is received.
        let plain = try gradients(of: value, withRespectTo: leaves)
        #expect(try plain.map { try $0?.item() } == [15, 16, nil])
        #expect(received == [0: 15, 1: 16])
    }

    @Test func onlyTheFirstAreReceived() throws {
        let (leaves, value) = try Self.example()
        var received: [Int] = []
        let found = try gradients(of: value, withRespectTo: leaves, keepGraph: false, receivedCount: 1) {
            received.append($0)
            return $1
        }
        #expect(received == [0])
        #expect(try found.map { try $0?.item() } == [15, 16, nil])
    }

    @Test func anErrorEndsThePass() throws {
        let (leaves, value) = try Self.example()
        #expect(throws: Refused.self) {
            _ = try gradients(of: value, withRespectTo: leaves, keepGraph: true, receivedCount: 3) { _, _ in
                throw Refused()
            }
        }
        #expect(try gradients(of: value, withRespectTo: leaves).map { try $0?.item() } == [15, 16, nil])
    }

    /// A pass within the pass, for the gradient of a function of ours, is not received.
    @Test func aPassWithinIsNotReceived() throws {
        let a = try Self.leaf([2])
        let inner = (a * a).sum()
        let square = inner.detached().recorded(asFunctionOf: a) { slope, _ in
            do throws(TorchError) {
                return try gradients(of: inner, withRespectTo: [a])[0]! * slope
            } catch {
                return Tensor(.failure(error))
            }
        }
        var received: [Double] = []
        let found = try gradients(
            of: (square + a).sum(), withRespectTo: [a], keepGraph: false, receivedCount: 1
        ) {
            received.append(try $1.item())
            return $1
        }
        #expect(try received == [found[0]?.item()])
    }

    /// What a rank puts: its own multiples, in an order of its own; every third tensor on the first rank only.
    private static func summed(
        _ group: ProcessGroup, bucketByteCount: Int, failing: Int? = nil
    ) throws -> [[Double]] {
        let shapes = [[3], [], [70, 2], [5], [0], [1000], [2, 2], [9]]
        let dtypes: [DType] = [
            .float32, .float64, .float32, .float64, .float32, .float32, .float32, .float64,
        ]
        let kinds = zip(shapes, dtypes).map { Tensor.zeros($0, dtype: $1) }
        return try ProcessSum.of(
            {
                let buckets = BucketedSum(
                    like: kinds, order: kinds.indices.reversed(), bucketByteCount: bucketByteCount,
                    over: group,
                    as: "a test")
                let result = Result {
                    let order = Array(kinds.indices)
                    let turned = order[group.rank...] + order[..<group.rank]
                    for position in turned {
                        if group.rank > 0, position % 3 == 2 { continue }
                        if group.rank == failing, position == 6 { throw Refused() }
                        let own = Tensor.ones(like: kinds[position]) * Double(10 * position + group.rank + 1)
                        let place = try buckets.put(own, at: position)
                        #expect(place.shape == shapes[position] && place.dtype == dtypes[position])
                    }
                }
                try buckets.finish()
                try result.get()
                return (buckets, [Tensor]())
            }, over: group, as: "a test"
        ) { value, sum in (value.0, sum(value.0)) }.1.map { try $0.scalars(as: Double.self) }
    }

    @Test(arguments: [2, 3], [1, 1 << 11, 1 << 20])
    func sumsAreThoseOfAllProcesses(_ size: Int, _ bucketByteCount: Int) throws {
        let counts = [3, 1, 140, 5, 0, 1000, 4, 9]
        let expected = counts.enumerated().map { position, count in
            let ranks = position % 3 == 2 ? 1 : size
            let total = (0..<ranks).reduce(0.0) { $0 + Double(10 * position + $1 + 1) }
            return [Double](repeating: total, count: count)
        }
        for found in try Ranks.run(size, { try Self.summed($0, bucketByteCount: bucketByteCount) }) {
            #expect(found == expected)
        }
    }

    /// A process that fails sends its buckets all the same: the others end with its error, not by waiting.
    @Test func aFailureReachesAll() throws {
        let outcomes = try Ranks.outcomes(3) { try Self.summed($0, bucketByteCount: 64, failing: 1).count }
        #expect(throws: Refused.self) { try outcomes[1].get() }
        for rank in [0, 2] {
            let error = #expect(throws: ProcessSum.PeerFailure.self) { try outcomes[rank].get() }
            #expect(error?.rank == 1)
        }
    }

    @Test func bucketsGrowWithTheModel() {
        #expect(BucketedSum.bucketByteCount(for: 100) == 1 << 20)
        #expect(BucketedSum.bucketByteCount(for: 80 << 20) == 10 << 20)
        #expect(BucketedSum.bucketByteCount(for: 1 << 40) == 25 << 20)
    }

    /// Numbers beyond those of the first message follow in another one.
    @Test(arguments: [1, 124, 125, 126, 400])
    func manyNumbersAreSummed(_ count: Int) throws {
        let found = try Ranks.run(3) { group in
            let rank = group.rank
            let sums = try ProcessSum.of(
                {
                    (
                        numbers: (0..<count).map { $0 * (rank + 1) },
                        scalar: Tensor.full([], 0.5 + Double(rank)),
                        tensor: Tensor([Float(rank), 2])
                    )
                }, over: group
            ) { own, sum in
                (own.numbers.map { sum($0) }, try sum(own.scalar), try sum(own.tensor))
            }
            return (sums.0, try sums.1.item(), try sums.2.scalars(as: Double.self))
        }
        for (numbers, scalar, tensor) in found {
            #expect(numbers == (0..<count).map { 6 * $0 })
            #expect(scalar == 4.5 && tensor == [3, 6])
        }
    }
}
