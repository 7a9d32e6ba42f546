/// Sums over all processes of what each has computed: tensors and counts, in whatever structure they lie.
///
/// A structure is visited twice in the same order. The first visit collects the counts and the sizes, which are exchanged
/// in one message; in the second, tensors are copied into buckets, each of which is sent as soon as it is full, while the
/// next is filled. What the second visit returns has its numbers when ``of(_:over:code:visiting:)`` returns.
public final class ProcessSum {
    /// How a process fares whose part could not be computed.
    public struct PeerFailure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The process.
        public let rank: Int
        /// The caller's code of the error, from 1.
        public let code: Int
        /// What the other process says; nil if it says nothing.
        public let reason: String?

        package init(rank: Int, code: Int = 1, reason: String? = nil) {
            (self.rank, self.code, self.reason) = (rank, code, reason)
        }

        /// One sentence.
        public var description: String {
            "rank \(rank): " + (reason ?? "it could not compute its part of the batch")
        }
    }

    private enum Phase {
        case counting
        case summing
    }

    /// Tensors of one type on their way.
    private struct Bucket {
        let elements: Tensor
        var used = 0
    }

    /// The bytes of a bucket: large enough that the exchange is not all latency, small enough to overlap with filling.
    private static let bucketByteCount = 4 << 20

    /// The processes.
    public let group: ProcessGroup
    private let operation: String
    private var phase = Phase.counting
    private var counts: [Int] = []
    private var position = 0
    private var left: [DType: Int] = [:]
    private var buckets: [DType: Bucket] = [:]
    private var exchanges: [Exchange] = []

    private init(_ group: ProcessGroup, _ operation: String) {
        (self.group, self.operation) = (group, operation)
    }

    /// The sum over all processes of what each computes.
    ///
    /// - Parameters:
    ///   - local: Computes the part of this process.
    ///   - group: The processes.
    ///   - operation: What it is, for errors.
    ///   - code: A number, from 1, for an error of `local`: the other processes are told it.
    ///   - visit: Rebuilds the structure from the sums of its tensors and counts.
    /// - Throws: the error of `local`; ``PeerFailure`` where that of another process fails; ``ProcessGroupError``.
    public static func of<Value>(
        _ local: () throws -> Value, over group: ProcessGroup,
        as operation: String = "the sum over processes",
        code: (any Error) -> Int = { _ in 1 }, visiting visit: (Value, ProcessSum) throws -> Value
    ) throws -> Value {
        let sum = ProcessSum(group, operation)
        let found = Result {
            let value = try local()
            _ = try visit(value, sum)
            return value
        }
        let status: [Int64]
        switch found {
        case .failure(let error as ProcessGroupError): throw error
        case .failure(let error): status = [Int64(max(code(error), 1)), 0, 0]
        case .success: status = [0, Int64(sum.counts.count), Int64(sum.left.values.reduce(0, +))]
        }
        let all = Tensor([Int64](repeating: 0, count: status.count * group.size))
        try group.allGather(Tensor(status), into: all, as: operation)
        let known = try all.scalars(as: Int64.self)
        let value = try found.get()
        for rank in 0..<group.size {
            let its = Array(known[3 * rank..<3 * rank + 3])
            if its[0] != 0 { throw PeerFailure(rank: rank, code: Int(its[0])) }
            if its != status {
                throw ProcessGroupError(
                    "rank \(rank) has \(its[1]) counts and \(its[2]) elements, this one \(status[1]) and \(status[2])",
                    place: .init(rank: group.rank, size: group.size), operation: operation)
            }
        }
        try sum.exchangeCounts()
        let result = try visit(value, sum)
        try sum.finish()
        return result
    }

    /// The sum of a tensor's elements over the processes, in its shape; it has its numbers later.
    public func callAsFunction(_ tensor: Tensor) throws -> Tensor {
        try tensor.check()
        let (count, dtype) = (tensor.count, tensor.dtype)
        switch phase {
        case .counting:
            left[dtype, default: 0] += count
            return tensor
        case .summing:
            if count == 0 { return tensor }
            var bucket = try buckets[dtype] ?? emptyBucket(of: dtype, atLeast: count)
            if bucket.used + count > bucket.elements.count {
                try send(bucket)
                bucket = try emptyBucket(of: dtype, atLeast: count)
            }
            let place = bucket.elements.narrowed(0, from: bucket.used, length: count)
            try withoutGradients { try place.assign(tensor.detached().reshaped([count])) }
            bucket.used += count
            left[dtype, default: 0] -= count
            buckets[dtype] = bucket
            return place.reshaped(tensor.shape)
        }
    }

    /// The sum of a count over the processes.
    public func callAsFunction(_ count: Int) -> Int {
        switch phase {
        case .counting:
            counts.append(count)
            return count
        case .summing:
            defer { position += 1 }
            return counts[position]
        }
    }

    private func emptyBucket(of dtype: DType, atLeast count: Int) throws -> Bucket {
        let most = max(Self.bucketByteCount / dtype.byteCount, count)
        let elements = Tensor.zeros([min(most, left[dtype] ?? count)], dtype: dtype)
        try elements.check()
        return Bucket(elements: elements)
    }

    private func send(_ bucket: Bucket) throws {
        exchanges.append(try group.beginAllReduce(bucket.elements, as: operation))
    }

    private func exchangeCounts() throws {
        phase = .summing
        if counts.isEmpty { return }
        let sums = Tensor(counts.map(Int64.init))
        try group.allReduce(sums, as: operation)
        counts = try sums.scalars(as: Int64.self).map(Int.init)
    }

    private func finish() throws {
        // In one order everywhere.
        for (_, bucket) in buckets.sorted(by: { $0.key.rawValue < $1.key.rawValue }) { try send(bucket) }
        buckets = [:]
        for exchange in exchanges { try exchange.wait() }
    }
}
