import Foundation

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

    /// Throws if what was printed cannot all be written, as on a full disk.
    package static func flushOutput() throws(StorageError) {
        guard fflush(nil) == 0 else { throw .system("cannot be written", path: "standard output") }
    }
}
