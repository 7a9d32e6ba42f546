import Foundation

/// The lock of a folder, held by one process at a time and released when it ends, in whatever way.
///
/// Whoever takes it removes what killed writers left in the folder.
package final class FolderLock {
    private let file: FileAppender

    /// Takes the lock of a folder, which must be there; throws `inUse` with the process that holds it.
    package init(folder: String) throws(StorageError) {
        let path = folder + "/lock"
        file = try FileAppender(path)
        guard Self.take(file.descriptor) else {
            guard errno == EWOULDBLOCK else { throw .system("cannot be locked", path: path) }
            let holder = (try? FileReader(path, followingLinks: false).contents(limit: 1 << 10)) ?? []
            let text = String(decoding: holder, as: UTF8.self).trimmingCharacters(
                in: .whitespacesAndNewlines)
            throw StorageError(
                .inUse, path: folder,
                reason: "is in use by another process" + (text.isEmpty ? "" : " (\(text.printable))"))
        }
        try file.cut(to: 0)
        try file.append(Data("process \(getpid())\n".utf8))
        DurableStorage.removeLeftovers(inFolder: folder)
    }

    /// Takes the lock of an open file; false if another process holds it. `isHeld` holds it for an instant too, which is
    /// waited for.
    private static func take(_ descriptor: CInt) -> Bool {
        for attempt in 0..<20 {
            if attempt > 0 { usleep(5000) }
            if retryingInterrupted({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 { return true }
            if errno != EWOULDBLOCK { return false }
        }
        errno = EWOULDBLOCK
        return false
    }

    /// Whether a process is at work in a folder. The system releases a lock with the process that held it, so neither a
    /// killed process nor a machine that was restarted leaves one.
    package static func isHeld(folder: String) -> Bool {
        let descriptor = retryingInterrupted {
            open(folder + "/lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        }
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return retryingInterrupted({ flock(descriptor, LOCK_SH | LOCK_NB) }) != 0 && errno == EWOULDBLOCK
    }
}
