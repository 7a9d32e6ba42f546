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
        guard retryingInterrupted({ flock(file.descriptor, LOCK_EX | LOCK_NB) }) == 0 else {
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
}
