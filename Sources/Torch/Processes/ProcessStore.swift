import CTorch
import Foundation

/// Texts by key that the processes of a group share: where they meet, and where they are called after a failure.
///
/// A call may wait for ever for a host that was cut off, so that calls run on a thread that is left behind after a time. The
/// engine's stores take calls of several threads, one after another.
final class ProcessStore: @unchecked Sendable {
    let handle: ct_store
    /// Where it is, for errors.
    private let meeting: String

    /// How long a process that still runs has to answer after a failure.
    private static let rollCallTime = Duration.seconds(3)
    /// How much longer than it should take a call may last.
    private static let patience = Duration.seconds(2)

    /// Reaches the store, or makes it where this process is the one to keep it. Throws for a port that is taken, and for a
    /// host that does not answer in time.
    init(
        at meeting: ProcessPlace.Meeting, of here: ProcessGroupError.Place, _ timeout: Duration
    ) throws(ProcessGroupError) {
        let made: ct_store? =
            switch meeting {
            case .file(let path): ct_store_file(path, Int32(here.size), timeout.milliseconds)
            case .port(let host, let port, let launcherServes):
                ct_store_tcp(host, Int32(port), here.rank == 0 && !launcherServes, timeout.milliseconds)
            }
        self.meeting = "the meeting \(meeting.text)"
        guard let made else {
            throw ProcessGroupError(
                Self.meetingFailure(String(cString: ct_error_message()), timeout), place: here,
                operation: "the meeting \(meeting.text)")
        }
        handle = made
    }

    deinit { ct_store_release(handle) }

    /// Waits until every process is at the meeting, and compares what must be equal.
    func meet(
        _ here: ProcessGroupError.Place, within timeout: Duration, _ identity: [(name: String, value: String)]
    ) throws(ProcessGroupError) {
        let own = identity.map { "\($0.name)\u{1}\($0.value)" }.joined(separator: "\u{2}")
        let found = bounded(by: timeout + Self.patience) { store in
            store.met(here, own, within: timeout)
        }
        switch found ?? .unreachable("no answer within \(timeout.text)") {
        case .unreachable(let reason):
            throw ProcessGroupError(reason, place: here, operation: meeting)
        case .absent(let ranks):
            throw ProcessGroupError(
                "\(ranks.count == 1 ? "it has" : "they have") not come within \(timeout.text)", place: here,
                operation: meeting, absent: ranks)
        case .present(let identities):
            for (rank, other) in identities.enumerated() where other != own {
                if here.rank == 0 { awaitReaders(here) }
                throw ProcessGroupError(
                    Self.difference(own, other, rank), place: here, operation: meeting)
            }
        }
    }

    /// Who came.
    private enum Attendance {
        case unreachable(String)
        case absent([Int])
        /// What all say of themselves.
        case present([String])
    }

    private func met(_ here: ProcessGroupError.Place, _ own: String, within timeout: Duration) -> Attendance {
        guard set("fisher/rank/\(here.rank)", to: own) else { return .unreachable(Self.keptReason) }
        let clock = ContinuousClock()
        let deadline = clock.now.advanced(by: timeout)
        var absent: [Int] = []
        for rank in 0..<here.size {
            // After the first that is missing only those count that are there already.
            let left = absent.isEmpty ? clock.now.duration(to: deadline) : .milliseconds(10)
            if !has("fisher/rank/\(rank)", within: left) { absent.append(rank) }
        }
        if absent.contains(here.rank) { return .unreachable("the process that answered there has ended") }
        if !absent.isEmpty { return .absent(absent) }
        var identities: [String] = []
        for rank in 0..<here.size {
            guard let text = value(of: "fisher/rank/\(rank)") else { return .unreachable(Self.keptReason) }
            identities.append(text)
        }
        _ = set("fisher/read/\(here.rank)", to: "")
        return .present(identities)
    }

    /// Waits until all have read what the others say: the store ends with the process that keeps it.
    private func awaitReaders(_ here: ProcessGroupError.Place) {
        _ = bounded(by: Self.rollCallTime + Self.patience) { store in
            let clock = ContinuousClock()
            let deadline = clock.now.advanced(by: Self.rollCallTime)
            return (0..<here.size).allSatisfy {
                store.has("fisher/read/\($0)", within: clock.now.duration(to: deadline))
            }
        }
    }

    /// The processes that do not answer after a failure, which each that notices it tells the others here.
    func absentees(_ here: ProcessGroupError.Place) -> [Int] {
        let found = bounded(by: Self.rollCallTime + Self.patience) { store -> [Int]? in
            guard store.set("fisher/failed/\(here.rank)", to: "") else { return nil }
            let clock = ContinuousClock()
            let deadline = clock.now.advanced(by: Self.rollCallTime)
            let absent = (0..<here.size).filter {
                !store.has("fisher/failed/\($0)", within: clock.now.duration(to: deadline))
            }
            // A store that has lost what this process told it ended meanwhile.
            return absent.contains(here.rank) ? nil : absent
        }
        // Without a store the process that keeps it is gone, or this one is cut off from it.
        return (found ?? nil) ?? (here.rank == 0 ? [] : [0])
    }

    // MARK: Calls

    private func set(_ key: String, to value: String) -> Bool { ct_store_set(handle, key, value) == CT_OK }

    private func has(_ key: String, within time: Duration) -> Bool {
        ct_store_wait(handle, key, max(time.milliseconds, 10)) == CT_OK
    }

    private func value(of key: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 65_536)
        let count = ct_store_get(handle, key, &buffer, Int64(buffer.count))
        guard count >= 0, count <= buffer.count else { return nil }
        return String(decoding: buffer[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Runs calls on a thread of their own; nil if they last longer.
    private func bounded<Value: Sendable>(
        by limit: Duration, _ body: @escaping @Sendable (ProcessStore) -> Value
    ) -> Value? {
        let answer = Answer<Value>()
        let thread = Thread { [self] in answer.give(body(self)) }
        thread.stackSize = 1 << 20
        thread.start()
        return answer.wait(seconds: min(limit / .seconds(1), 1e9))
    }

    /// What a thread has found.
    private final class Answer<Value: Sendable>: @unchecked Sendable {
        // The condition guards the value.
        private let condition = NSCondition()
        private var value: Value?

        func give(_ value: Value) {
            condition.withLock {
                self.value = value
                condition.signal()
            }
        }

        func wait(seconds: Double) -> Value? {
            let end = Date(timeIntervalSinceNow: seconds)
            return condition.withLock {
                while value == nil, condition.wait(until: end) {}
                return value
            }
        }
    }

    // MARK: Words

    /// This thread's last failure.
    static var keptReason: String { readable(String(cString: ct_error_message())) }

    /// The engine's message without its place in the engine's source.
    static func readable(_ message: String) -> String {
        var line = message[...]
        while line.first == "[", let end = line.range(of: "] ") { line = line[end.upperBound...] }
        // What follows is advice for users of another program.
        if let advice = line.range(of: ". This is typically caused") { line = line[..<advice.lowerBound] }
        return line.hasSuffix(".") ? String(line.dropLast()) : String(line)
    }

    /// Why processes could not meet at a port.
    private static func meetingFailure(_ message: String, _ timeout: Duration) -> String {
        let signs = [
            ("EADDRINUSE", "the port is in use: give another one with MASTER_PORT"),
            ("EADDRNOTAVAIL", "rank 0 does not run on that host"),
            ("timed out", "no process of rank 0 answers there within \(timeout.text)"),
            ("Ping failed", "what answers there is another service"),
            ("Failed to recv", "what answers there is another service, or has ended"),
        ]
        return signs.first { message.contains($0.0) }?.1 ?? readable(message)
    }

    /// The first value that differs, in words.
    private static func difference(_ own: String, _ other: String, _ rank: Int) -> String {
        func values(_ text: String) -> [[Substring]] {
            text.split(separator: "\u{2}").map {
                $0.split(separator: "\u{1}", omittingEmptySubsequences: false)
            }
        }
        for (mine, theirs) in zip(values(own), values(other)) where mine != theirs {
            guard mine.count == 2, theirs.count == 2, mine[0] == theirs[0] else { break }
            return "\(mine[0]) is \(mine[1]) here and \(theirs[1]) on rank \(rank)"
        }
        return "rank \(rank) runs another program"
    }
}

extension ProcessPlace.Meeting {
    /// Where it is, for errors.
    fileprivate var text: String {
        switch self {
        case .port(let host, let port, _): "at \(host), port \(port),"
        case .file: "of this machine's processes"
        }
    }

    /// The address at which this process connects with the others; nil for that of the machine's name.
    var ownAddress: String? {
        if case .file = self { "127.0.0.1" } else { nil }
    }
}

extension Duration {
    /// Whole milliseconds, none below 0.
    var milliseconds: Int64 {
        let (seconds, rest) = components
        let (whole, isTooMuch) = seconds.multipliedReportingOverflow(by: 1000)
        return isTooMuch ? Int64.max / 2 : max(whole + rest / 1_000_000_000_000_000, 0)
    }

    /// The seconds with their unit.
    fileprivate var text: String {
        let seconds = self / .seconds(1)
        return seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(seconds) s"
    }
}
