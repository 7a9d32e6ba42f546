import Foundation
import Synchronization

/// Standard input, output and error.
package enum StandardDescriptors {
    /// Opens those that are closed on `/dev/null`, so that no file of the program gets their numbers and what
    /// is meant for a terminal never ends up in a file. Call it before any file is opened.
    ///
    /// Returns false if one of them is closed and stays so.
    package static func openClosed() -> Bool {
        for descriptor in STDIN_FILENO...STDERR_FILENO
        where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            // The system gives the lowest free number, which is this one.
            guard retryingInterrupted({ open("/dev/null", O_RDWR) }) == descriptor else { return false }
        }
        return true
    }

    /// Writes bytes to standard output, past the buffer of `print`.
    package static func writeOutput(_ bytes: [UInt8]) throws(StorageError) {
        let written: Result<Void, StorageError> = bytes.withUnsafeBytes { bytes in
            do throws(StorageError) {
                return .success(try writeAll(bytes, to: STDOUT_FILENO, path: "standard output"))
            } catch {
                return .failure(error)
            }
        }
        try written.get()
    }

    /// Whether something that was printed could not be written: the buffer is empty then, and the next flush succeeds.
    private static let hasLostLines = Atomic(false)

    /// Writes what was printed; a failure is remembered for ``flushOutput()``.
    package static func flushLines() {
        if fflush(nil) != 0 { hasLostLines.store(true, ordering: .relaxed) }
    }

    /// Throws if what was printed could not all be written, as on a full disk.
    package static func flushOutput() throws(StorageError) {
        guard fflush(nil) == 0 else { throw .system("cannot be written", path: "standard output") }
        if hasLostLines.load(ordering: .relaxed) {
            throw StorageError(
                .inputOutput, path: "standard output", reason: "could not take all lines: make room for them")
        }
    }
}
