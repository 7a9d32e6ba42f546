import Foundation

/// The right to write in a run's folder, held by one process at a time and given back with it, however it ends.
public final class RunLock {
    private let descriptor: CInt

    /// Takes the lock; throws `inUse` with the process that holds it.
    public init(folder: String) throws(StorageError) {
        let path = folder + "/lock"
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard opened >= 0 else { throw .system("cannot be created", path: path, creating: true) }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            defer { close(opened) }
            guard errno == EWOULDBLOCK else { throw .system("cannot be locked", path: path) }
            let data = try DurableStorage.readFile(at: path)
            let holder = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            throw StorageError(
                .inUse, path: folder,
                reason: "is in use by another process" + (holder.isEmpty ? "" : " (\(holder))"))
        }
        descriptor = opened
        ftruncate(opened, 0)
        try DurableStorage.write(Data("process \(getpid())\n".utf8), to: opened, path: path)
    }

    deinit { close(descriptor) }
}
