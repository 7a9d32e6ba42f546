import Foundation
import Torch

/// Several ranks in one process, a thread each: what they exchange passes through the same sockets as between processes.
public enum Ranks {
    /// Runs `body` once for each rank, at the same time, and returns the results by rank; throws the first rank's error.
    public static func run<Result: Sendable>(
        _ count: Int, timeout: Duration = .seconds(60),
        _ body: @escaping @Sendable (ProcessGroup) throws -> Result
    ) throws -> [Result] {
        try outcomes(count, timeout: timeout, body).map { try $0.get() }
    }

    /// The same with the errors of every rank; they meet in a file, or at a port.
    public static func outcomes<Result: Sendable>(
        _ count: Int, timeout: Duration = .seconds(60), port: Int? = nil,
        identity: @escaping @Sendable (Int) -> String = { _ in "" },
        _ body: @escaping @Sendable (ProcessGroup) throws -> Result
    ) throws -> [Swift.Result<Result, any Error>] {
        try TemporaryFolder.with { folder in
            let outcomes = Outcomes<Result>(count)
            let threads = (0..<count).map { rank in
                let thread = Thread {
                    outcomes.note(
                        rank,
                        Swift.Result {
                            let place = try ProcessPlace(
                                rank: rank, size: count,
                                meeting: port.map {
                                    .port(host: "127.0.0.1", port: $0, launcherServes: false)
                                }
                                    ?? .file(folder + "/meeting"))
                            return try body(
                                try ProcessGroup(
                                    place, timeout: timeout, identity: [("version", identity(rank))]))
                        })
                }
                thread.stackSize = 8 << 20
                return thread
            }
            threads.forEach { $0.start() }
            return outcomes.wait()
        }
    }

    /// A port at which nothing listens.
    public static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 ? getsockname(socket, $0, &length) : -1
            }
        }
        guard status == 0 else { throw CocoaError(.featureUnsupported) }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private final class Outcomes<Result: Sendable>: @unchecked Sendable {
        private let condition = NSCondition()
        private var found: [Swift.Result<Result, any Error>?]

        init(_ count: Int) { found = Array(repeating: nil, count: count) }

        func note(_ rank: Int, _ outcome: Swift.Result<Result, any Error>) {
            condition.withLock {
                found[rank] = outcome
                condition.broadcast()
            }
        }

        func wait() -> [Swift.Result<Result, any Error>] {
            condition.withLock {
                while found.contains(where: { $0 == nil }) { condition.wait() }
                return found.compactMap(\.self)
            }
        }
    }
}
