import CTorch
import Foundation

/// Processes that compute together, on one machine or on several: each calls the same operations in the same order.
///
///     if let place = try ProcessPlace.given(by: ProcessInfo.processInfo.environment) {
///         let group = try ProcessGroup(place)
///         try group.allReduce(gradient)
///     }
///
/// The exchange is libtorch's own: c10d with gloo, and with NCCL where the current device is a card. Equal groups add in equal order: all processes have the same bits
/// afterwards, and a repetition has them too. A group belongs to one thread at a time.
public final class ProcessGroup {
    /// How the elements of all processes become one.
    public enum Reduction: Sendable {
        /// Their sum.
        case sum
        /// The largest of them.
        case maximum

        var code: ct_reduction { self == .sum ? CT_SUM : CT_MAXIMUM }
    }

    /// The number of this process, from 0.
    public let rank: Int
    /// The number of processes.
    public let size: Int
    /// How long an operation waits for the others.
    public let timeout: Duration
    private let store: ProcessStore
    private let handle: ct_group
    private var hasFailed = false

    /// Meets the other processes.
    ///
    /// - Parameters:
    ///   - place: This process's place among them.
    ///   - timeout: How long it waits for the others, now and in every operation.
    ///   - identity: What must be equal in all processes, by name, such as the program's version.
    /// - Throws: ``ProcessGroupError`` for processes that do not come, for a port that is taken, and for one that differs
    ///   in its identity.
    public init(
        _ place: ProcessPlace, timeout: Duration = .seconds(300),
        identity: [(name: String, value: String)] = []
    ) throws(ProcessGroupError) {
        let here = ProcessGroupError.Place(rank: place.rank, size: place.size)
        let store = try ProcessStore(at: place.meeting, of: here, timeout)
        try store.meet(here, within: timeout, identity)
        guard
            let group = ct_group_create(
                store.handle, Int32(place.rank), Int32(place.size), place.meeting.ownAddress,
                timeout.milliseconds, Self.isOnCards)
        else {
            throw ProcessGroupError(
                ProcessStore.keptReason, place: here, operation: "the connection with the others")
        }
        (self.store, handle) = (store, group)
        (rank, size, self.timeout) = (place.rank, place.size, timeout)
    }

    deinit { ct_group_release(handle) }

    /// Whether the tensors that processes exchange lie on cards: those of the current device.
    private static var isOnCards: Bool { if case .cuda = Device.current { true } else { false } }

    // MARK: Operations

    /// Begins to reduce the elements of all processes: afterwards every process has the result in `tensor`.
    ///
    /// - Parameters:
    ///   - tensor: contiguous, of the same shape and type everywhere.
    ///   - reduction: how they become one.
    ///   - operation: what it is, for errors.
    public func beginAllReduce(
        _ tensor: Tensor, _ reduction: Reduction = .sum, as operation: String = "an all-reduce"
    ) throws(ProcessGroupError) -> Exchange {
        try requireContiguous([tensor])
        return try begun(ct_group_reduce(handle, tensor.handle, reduction.code), operation, [tensor])
    }

    /// Reduces the elements of all processes: every process has the result in `tensor`.
    public func allReduce(
        _ tensor: Tensor, _ reduction: Reduction = .sum, as operation: String = "an all-reduce"
    ) throws(ProcessGroupError) {
        try beginAllReduce(tensor, reduction, as: operation).wait()
    }

    /// Begins to give the elements of one process to all.
    public func beginBroadcast(
        _ tensor: Tensor, from root: Int, as operation: String = "a broadcast"
    ) throws(ProcessGroupError) -> Exchange {
        precondition((0..<size).contains(root), "there is no rank \(root) of \(size)")
        try requireContiguous([tensor])
        return try begun(ct_group_broadcast(handle, tensor.handle, Int32(root)), operation, [tensor])
    }

    /// Gives the elements of one process to all.
    public func broadcast(
        _ tensor: Tensor, from root: Int, as operation: String = "a broadcast"
    ) throws(ProcessGroupError) {
        try beginBroadcast(tensor, from: root, as: operation).wait()
    }

    /// Begins to add up the elements of all processes, of which each receives its part: the parts follow each other in
    /// `tensor` in the order of the ranks.
    public func beginReduceScatter(
        _ tensor: Tensor, into part: Tensor, as operation: String = "a reduce-scatter"
    ) throws(ProcessGroupError) -> Exchange {
        try requireContiguous([tensor, part])
        precondition(tensor.count == part.count * size, "a part has 1 / \(size) of the elements")
        return try begun(
            ct_group_reduce_scatter(handle, part.handle, tensor.handle), operation, [part])
    }

    /// Adds up the elements of all processes, of which each receives its part.
    public func reduceScatter(
        _ tensor: Tensor, into part: Tensor, as operation: String = "a reduce-scatter"
    ) throws(ProcessGroupError) {
        try beginReduceScatter(tensor, into: part, as: operation).wait()
    }

    /// Begins to collect the parts of all processes, in the order of the ranks.
    public func beginAllGather(
        _ part: Tensor, into tensor: Tensor, as operation: String = "an all-gather"
    ) throws(ProcessGroupError) -> Exchange {
        try requireContiguous([tensor, part])
        precondition(tensor.count == part.count * size, "a part has 1 / \(size) of the elements")
        return try begun(
            ct_group_all_gather(handle, tensor.handle, part.handle), operation, [tensor])
    }

    /// Collects the parts of all processes, in the order of the ranks.
    public func allGather(
        _ part: Tensor, into tensor: Tensor, as operation: String = "an all-gather"
    ) throws(ProcessGroupError) {
        try beginAllGather(part, into: tensor, as: operation).wait()
    }

    /// Waits until all processes are here.
    public func barrier(as operation: String = "a barrier") throws(ProcessGroupError) {
        try begun(ct_group_barrier(handle), operation, []).wait()
    }

    /// The texts of all processes, by rank.
    public func texts(_ own: String, as operation: String = "an exchange of texts") throws(ProcessGroupError)
        -> [String]
    {
        let bytes = Array(own.utf8)
        let longest = Tensor([Int64(bytes.count)])
        try allReduce(longest, .maximum, as: operation)
        do {
            // A zero ends a text that is shorter than the longest, and follows the longest too.
            let width = Int(try longest.item()) + 1
            let part = Tensor(bytes + [UInt8](repeating: 0, count: width - bytes.count))
            let all = Tensor([UInt8](repeating: 0, count: width * size))
            try allGather(part, into: all, as: operation)
            let received = try all.scalars(as: UInt8.self)
            return (0..<size).map { rank in
                String(
                    decoding: received[rank * width..<(rank + 1) * width].prefix { $0 != 0 }, as: UTF8.self)
            }
        } catch let error as ProcessGroupError {
            throw error
        } catch {
            throw ProcessGroupError("\(error)", place: .init(rank: rank, size: size), operation: operation)
        }
    }

    /// Runs work of every process that may fail, and waits for all: where one fails, all throw.
    ///
    /// - Throws: the error of `body`; ``ProcessSum/PeerFailure`` with the sentence of another process whose work failed.
    public func together<Value>(
        as operation: String, _ body: () throws -> Value
    ) throws -> Value {
        let result = Result { try body() }
        let complaint: String
        switch result {
        case .failure(let error as ProcessGroupError): throw error
        case .failure(let error): complaint = "\(error)".isEmpty ? "an error" : "\(error)"
        case .success: complaint = ""
        }
        let complaints = try texts(complaint, as: operation)
        let value = try result.get()
        if let rank = complaints.firstIndex(where: { !$0.isEmpty }) {
            throw ProcessSum.PeerFailure(rank: rank, reason: complaints[rank])
        }
        return value
    }

    private func requireContiguous(_ tensors: [Tensor]) throws(ProcessGroupError) {
        for tensor in tensors {
            if let failure = tensor.failure {
                throw ProcessGroupError("\(failure)", place: .init(rank: rank, size: size))
            }
            precondition(tensor.isContiguous, "tensors that processes exchange are contiguous")
        }
    }

    private func begun(
        _ work: ct_work?, _ operation: String, _ results: [Tensor]
    ) throws(ProcessGroupError) -> Exchange {
        guard let work else { throw failure(of: operation, String(cString: ct_error_message())) }
        return Exchange(owning: work, of: self, operation, results: results)
    }
}

// What has failed.
extension ProcessGroup {
    /// The error of an operation that failed; asks who is still there.
    func failure(of operation: String, _ message: String) -> ProcessGroupError {
        let here = ProcessGroupError.Place(rank: rank, size: size)
        // A process that failed before has told its absence.
        let absent = hasFailed ? [] : store.absentees(here)
        hasFailed = true
        return ProcessGroupError(
            ProcessStore.readable(message), place: here, operation: operation, absent: absent)
    }
}
