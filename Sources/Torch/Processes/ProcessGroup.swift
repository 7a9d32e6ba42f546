import CTorch
import Foundation

/// Processes that compute together, on one machine or on several: each calls the same operations in the same order.
///
///     if let place = try ProcessPlace.given(by: ProcessInfo.processInfo.environment) {
///         let group = try ProcessGroup(place)
///         try group.allReduce(gradient)
///     }
///
/// The exchange is libtorch's own (c10d with gloo). Equal groups add in equal order: all processes have the same bits
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
    private let store: ct_store
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
        let milliseconds = Self.milliseconds(timeout)
        let store: ct_store?
        var address: String?
        switch place.meeting {
        case .file(let path):
            store = ct_store_file(path, Int32(place.size), milliseconds)
            address = "127.0.0.1"
        case .port(let host, let port, let launcherServes):
            store = ct_store_tcp(host, Int32(port), place.rank == 0 && !launcherServes, milliseconds)
        }
        guard let store else {
            throw ProcessGroupError(
                Self.meetingFailure(String(cString: ct_error_message()), timeout), place: here,
                operation: "the meeting \(place.meeting.text)")
        }
        let group: ct_group
        do throws(ProcessGroupError) {
            group = try Self.connected(place, here, store, address, timeout, identity)
        } catch {
            ct_store_release(store)
            throw error
        }
        (self.store, handle) = (store, group)
        (rank, size, self.timeout) = (place.rank, place.size, timeout)
    }

    private static func connected(
        _ place: ProcessPlace, _ here: ProcessGroupError.Place, _ store: ct_store, _ address: String?,
        _ timeout: Duration, _ identity: [(name: String, value: String)]
    ) throws(ProcessGroupError) -> ct_group {
        try meet(place, here, store, timeout, identity)
        let (rank, size) = (Int32(place.rank), Int32(place.size))
        guard let group = ct_group_create(store, rank, size, address, milliseconds(timeout)) else {
            throw ProcessGroupError(
                readable(String(cString: ct_error_message())), place: here,
                operation: "the connection with the others")
        }
        return group
    }

    deinit {
        ct_group_release(handle)
        ct_store_release(store)
    }

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

// Who is there.
extension ProcessGroup {
    /// How long a process that still runs has to answer after a failure.
    private static var rollCallTime: Duration { .seconds(3) }

    /// Waits until every process is at the meeting, and compares what must be equal.
    private static func meet(
        _ place: ProcessPlace, _ here: ProcessGroupError.Place, _ store: ct_store, _ timeout: Duration,
        _ identity: [(name: String, value: String)]
    ) throws(ProcessGroupError) {
        let operation = "the meeting \(place.meeting.text)"
        let own = identity.map { "\($0.name)\u{1}\($0.value)" }.joined(separator: "\u{2}")
        guard ct_store_set(store, "fisher/rank/\(place.rank)", own) == CT_OK else {
            throw ProcessGroupError(
                readable(String(cString: ct_error_message())), place: here, operation: operation)
        }
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: timeout)
        var absent: [Int] = []
        for rank in 0..<place.size {
            // After the first that is missing only those count that are there already.
            let left = absent.isEmpty ? clock.now.duration(to: deadline) : .milliseconds(10)
            if ct_store_wait(store, "fisher/rank/\(rank)", max(milliseconds(left), 10)) != CT_OK {
                absent.append(rank)
            }
        }
        guard absent.isEmpty else {
            throw ProcessGroupError(
                "\(absent.count == 1 ? "it has" : "they have") not come within \(text(timeout))", place: here,
                operation: operation, absent: absent)
        }
        for rank in 0..<place.size {
            guard let other = value(of: "fisher/rank/\(rank)", in: store) else {
                throw ProcessGroupError(
                    readable(String(cString: ct_error_message())), place: here, operation: operation)
            }
            if other != own {
                throw ProcessGroupError(
                    difference(own, place.rank, other, rank), place: here, operation: operation)
            }
        }
    }

    /// The first value that differs, in words.
    private static func difference(_ own: String, _ rank: Int, _ other: String, _ otherRank: Int) -> String {
        func values(_ text: String) -> [[Substring]] {
            text.split(separator: "\u{2}").map {
                $0.split(separator: "\u{1}", omittingEmptySubsequences: false)
            }
        }
        for (mine, theirs) in zip(values(own), values(other)) where mine != theirs {
            guard mine.count == 2, theirs.count == 2, mine[0] == theirs[0] else { break }
            return "\(mine[0]) is \(mine[1]) here and \(theirs[1]) on rank \(otherRank)"
        }
        return "rank \(otherRank) runs another program"
    }

    private static func value(of key: String, in store: ct_store) -> String? {
        var buffer = [CChar](repeating: 0, count: 65_536)
        let count = ct_store_get(store, key, &buffer, Int64(buffer.count))
        guard count >= 0, count <= buffer.count else { return nil }
        return String(decoding: buffer[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The error of an operation that failed; asks who is still there.
    func failure(of operation: String, _ message: String) -> ProcessGroupError {
        let here = ProcessGroupError.Place(rank: rank, size: size)
        let reason = Self.readable(message)
        // A process that failed before has told its absence.
        if hasFailed { return ProcessGroupError(reason, place: here, operation: operation) }
        hasFailed = true
        guard ct_store_set(store, "fisher/failed/\(rank)", "") == CT_OK else {
            // The store ends with the process that keeps it.
            return ProcessGroupError(reason, place: here, operation: operation, absent: rank == 0 ? [] : [0])
        }
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: Self.rollCallTime)
        let absent = (0..<size).filter { other in
            let left = max(Self.milliseconds(clock.now.duration(to: deadline)), 10)
            return ct_store_wait(store, "fisher/failed/\(other)", left) != CT_OK
        }
        return ProcessGroupError(reason, place: here, operation: operation, absent: absent)
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, rest) = duration.components
        let (whole, isTooMuch) = seconds.multipliedReportingOverflow(by: 1000)
        return isTooMuch ? Int64.max / 2 : max(whole + rest / 1_000_000_000_000_000, 0)
    }

    private static func text(_ duration: Duration) -> String {
        let seconds = duration / .seconds(1)
        return seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(seconds) s"
    }

    /// Why processes could not meet at a port.
    private static func meetingFailure(_ message: String, _ timeout: Duration) -> String {
        let signs = [
            ("EADDRINUSE", "the port is in use: give another one with MASTER_PORT"),
            ("EADDRNOTAVAIL", "rank 0 does not run on that host"),
            ("timed out", "no process of rank 0 answers there within \(text(timeout))"),
            ("Ping failed", "what answers there is another service"),
            ("Failed to recv", "what answers there is another service, or has ended"),
        ]
        return signs.first { message.contains($0.0) }?.1 ?? readable(message)
    }

    /// The engine's message without its place in the engine's source.
    private static func readable(_ message: String) -> String {
        var line = message[...]
        while line.first == "[", let end = line.range(of: "] ") { line = line[end.upperBound...] }
        // What follows is advice for users of another program.
        if let advice = line.range(of: ". This is typically caused") { line = line[..<advice.lowerBound] }
        return line.hasSuffix(".") ? String(line.dropLast()) : String(line)
    }
}

extension ProcessPlace.Meeting {
    /// Where it is, for errors.
    var text: String {
        switch self {
        case .port(let host, let port, _): "at \(host), port \(port),"
        case .file: "of this machine's processes"
        }
    }
}
