import Foundation
import Synchronization

/// Someone asked the process to stop: it should save and end.
public struct Interrupted: Error, Hashable, Sendable, CustomStringConvertible {
    /// The signal's name.
    public let signal: String
    /// Which signal it was.
    public var description: String { "stopped by \(signal)" }

    /// Names the signal.
    public init(signal: String) { self.signal = signal }
}

/// SIGINT and SIGTERM as a question that long work asks now and then.
///
/// The first signal is remembered, the second ends the process at once.
public enum Interruption {
    /// The signal that came, or 0.
    private static let received = Atomic<Int32>(0)

    /// Takes over SIGINT and SIGTERM.
    public static func install() {
        // The counter must exist before a handler, which may not create it, touches it.
        received.store(0, ordering: .relaxed)
        // A parent that starts us from a thread with blocked signals hands its mask down.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        for number in [SIGINT, SIGTERM] {
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
        let number = received.load(ordering: .relaxed)
        if number != 0 { throw Interrupted(signal: number == SIGINT ? "SIGINT" : "SIGTERM") }
    }

    /// Forgets a signal; for tests.
    static func reset() { received.store(0, ordering: .relaxed) }
}
