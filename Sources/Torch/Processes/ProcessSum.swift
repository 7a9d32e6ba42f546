/// Sums over all processes of what each has computed: tensors and counts, in whatever structure they lie.
///
/// A structure is visited twice in the same order. The first visit collects the single numbers and the sizes, which are
/// exchanged in one message with how each process fares; in the second, tensors are copied into buckets, each of which is
/// sent as soon as it is full, while the next is filled. What the second visit returns has its numbers when
/// ``of(_:over:as:code:visiting:)`` returns.
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

    /// The numbers of the message that every sum begins with. What a structure has more of follows in another.
    private static let firstMessageCount = 128

    /// The processes.
    public let group: ProcessGroup
    /// Whether this is the first visit, whose result is not used.
    package var isCounting: Bool { phase == .counting }
    private let operation: String
    private var phase = Phase.counting
    /// Counts and 0-dimensional tensors: first those of this process, then the sums.
    private var numbers: [Double] = []
    private var position = 0
    private var left: [DType: Int] = [:]
    private var buckets: [DType: Bucket] = [:]
    private var exchanges: [Exchange] = []
    private var begun: [BucketedSum] = []

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
        let status: [Double]
        switch found {
        case .failure(let error as ProcessGroupError): throw error
        case .failure(let error): status = [Double(max(code(error), 1)), 0, 0]
        case .success: status = [0, Double(sum.numbers.count), Double(sum.left.values.reduce(0, +))]
        }
        let all = try sum.exchangeFirst(status)
        let value = try found.get()
        for (rank, its) in all.enumerated() {
            if its[0] != 0 { throw PeerFailure(rank: rank, code: Int(its[0])) }
            if Array(its.prefix(3)) != status {
                throw ProcessGroupError(
                    "rank \(rank) has \(Int(its[1])) numbers and \(Int(its[2])) elements, this one "
                        + "\(Int(status[1])) and \(Int(status[2]))",
                    place: .init(rank: group.rank, size: group.size), operation: operation)
            }
        }
        try sum.addNumbers(all.map { $0.dropFirst(3) })
        let result = try visit(value, sum)
        try sum.finish()
        return result
    }

    /// The sum of a tensor's elements over the processes, in its shape; it has its numbers later.
    public func callAsFunction(_ tensor: Tensor) throws -> Tensor {
        try tensor.check()
        if tensor.rank == 0, tensor.dtype.isFloatingPoint {
            // The number travels with the counts.
            let total = next(phase == .counting ? try tensor.item() : 0)
            return phase == .counting ? tensor : .full(like: tensor.detached(), total)
        }
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
    public func callAsFunction(_ count: Int) -> Int { Int(next(Double(count))) }

    /// The sum of a number over the processes, in the order of the ranks.
    package func number(_ number: Double) -> Double { next(number) }

    /// Sums that have been on their way since the tensors became known.
    package func callAsFunction(_ buckets: BucketedSum) -> [Tensor] {
        if phase == .summing { begun.append(buckets) }
        return buckets.tensors
    }

    /// Notes a number of this process, or gives the sum of those of all.
    private func next(_ number: Double) -> Double {
        switch phase {
        case .counting:
            numbers.append(number)
            return number
        case .summing:
            defer { position += 1 }
            return numbers[position]
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

    /// What every process begins with: how it fares, its sizes, and the first of its numbers; by rank.
    private func exchangeFirst(_ status: [Double]) throws -> [[Double]] {
        var own = (status + numbers).prefix(Self.firstMessageCount)
        own += [Double](repeating: 0, count: Self.firstMessageCount - own.count)
        let all = Tensor([Double](repeating: 0, count: own.count * group.size))
        try group.allGather(Tensor(Array(own)), into: all, as: operation)
        let known = try all.scalars(as: Double.self)
        return (0..<group.size).map { Array(known[$0 * own.count..<($0 + 1) * own.count]) }
    }

    /// Adds up the numbers of all processes, of which the first are known.
    private func addNumbers(_ first: [ArraySlice<Double>]) throws {
        phase = .summing
        let count = min(numbers.count, first[0].count)
        let sums = (0..<count).map { place in first.reduce(0) { $0 + $1[$1.startIndex + place] } }
        var rest = Array(numbers.dropFirst(count))
        if !rest.isEmpty {
            let message = Tensor(rest)
            try group.allReduce(message, as: operation)
            rest = try message.scalars(as: Double.self)
        }
        numbers = sums + rest
    }

    private func finish() throws {
        // In one order everywhere.
        for (_, bucket) in buckets.sorted(by: { $0.key.rawValue < $1.key.rawValue }) { try send(bucket) }
        buckets = [:]
        for exchange in exchanges { try exchange.wait() }
        for buckets in begun { try buckets.wait() }
    }
}
