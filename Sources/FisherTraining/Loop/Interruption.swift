import Foundation
import Synchronization

/// A signal requested that the process save and end.
public struct Interrupted: Error, Hashable, Sendable, CustomStringConvertible {
    /// The signal's name.
    public let signal: String
    /// Which signal it was.
    public var description: String { "stopped by \(signal)" }

    /// Names the signal.
    public init(signal: String) { self.signal = signal }
}

/// SIGINT, SIGTERM and SIGHUP as a flag that long work polls.
///
/// The first signal is recorded, the second ends the process immediately.
public enum Interruption {
    /// The signal that came, or 0.
    private static let received = Atomic<Int32>(0)

    /// The work under way in which no poll throws.
    private static let deferrals = Atomic<Int>(0)

    /// Takes over SIGINT, SIGTERM and, unless the process was started to ignore it (`nohup`), SIGHUP.
    public static func install() {
        // The counter must exist before a handler, which may not create it, touches it.
        received.store(0, ordering: .relaxed)
        // A child process inherits the signal mask of the parent's thread.
        var signals = sigset_t()
        sigemptyset(&signals)
        let taken = [SIGINT, SIGTERM] + (isIgnored(SIGHUP) ? [] : [SIGHUP])
        for number in taken { sigaddset(&signals, number) }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        for number in taken {
            signal(number) { number in
                let (isFirst, _) = Interruption.received.compareExchange(
                    expected: 0, desired: number, ordering: .relaxed)
                if !isFirst {
                    signal(number, SIG_DFL)
                    raise(number)
                }
            }
        }
    }

    /// Throws once a signal has come.
    public static func poll() throws(Interrupted) {
        if deferrals.load(ordering: .relaxed) == 0 { try stop(for: number) }
    }

    /// The signals that end work.
    static let signals = [SIGINT, SIGHUP, SIGTERM]

    /// The number of the signal that came, or 0.
    static var number: Int32 { received.load(ordering: .relaxed) }

    /// Throws for the number of a signal, if there is one.
    static func stop(for number: Int32) throws(Interrupted) {
        switch number {
        case 0: return
        case SIGINT: throw Interrupted(signal: "SIGINT")
        case SIGHUP: throw Interrupted(signal: "SIGHUP")
        default: throw Interrupted(signal: "SIGTERM")
        }
    }

    /// Runs work in which no poll throws: a signal is noticed by the first poll after it. For work that several processes do
    /// together, so that all of them stop at the same place.
    static func deferring<Result>(_ body: () throws -> Result) rethrows -> Result {
        deferrals.wrappingAdd(1, ordering: .relaxed)
        defer { deferrals.wrappingSubtract(1, ordering: .relaxed) }
        return try body()
    }

    private static func isIgnored(_ number: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Clears a signal; for tests.
    static func reset() { received.store(0, ordering: .relaxed) }
}
