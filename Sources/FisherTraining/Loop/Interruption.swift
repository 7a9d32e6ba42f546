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

/// SIGINT and SIGTERM as a flag that long work polls.
///
/// The first signal is recorded, the second ends the process immediately.
public enum Interruption {
    /// The signal that came, or 0.
    private static let received = Atomic<Int32>(0)

    /// Takes over SIGINT and SIGTERM.
    public static func install() {
        // The counter must exist before a handler, which may not create it, touches it.
        received.store(0, ordering: .relaxed)
        // A child process inherits the signal mask of the parent's thread.
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

    /// Clears a signal; for tests.
    static func reset() { received.store(0, ordering: .relaxed) }
}
