import Foundation

/// The one writer of whole files: a temporary file that atomically replaces the file beside it once it is
/// complete and on the disk.
///
/// Until `commit` returns, a reader finds the old file or none. What is not committed is removed; what a kill
/// leaves has a name by which `DurableStorage.removeLeftovers` knows it. At the path there must be nothing or
/// a regular file: a device, a pipe or a folder is not replaced, and a symbolic link is not followed.
package final class FileWriter {
    private let path: String
    private let target: FolderEntry
    private let temporaryName: String
    private let descriptor: CInt
    private var isRemovable = true

    /// Creates the temporary file in the folder of `path`, with the permissions of the file that it replaces.
    ///
    /// Throws `cannotCreate` for a path that cannot take a file, `permissionDenied` and `inputOutput`.
    package init(replacing path: String) throws(StorageError) {
        // The folder is opened first, so that one that cannot be synchronized fails before anything is replaced.
        let target = try FolderEntry(path)
        let permissions = try target.replaceablePermissions()
        self.path = path
        self.target = target
        (temporaryName, descriptor) = try Self.createTemporary(in: target, permissions ?? 0o666)
        // The system's mask may have taken bits away; where they cannot be added, the file is less open.
        if let permissions { fchmod(descriptor, permissions) }
    }

    /// Throws if no file can be written at a path, for a command to say so before its work.
    package static func check(_ path: String) throws(StorageError) {
        _ = try FolderEntry(path).replaceablePermissions()
        try DurableStorage.requireWritableFolder(DurableStorage.folder(of: path))
    }

    deinit {
        if isRemovable { unlinkat(target.folder, temporaryName, 0) }
        close(descriptor)
    }

    /// Appends bytes.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
        try writeAll(bytes, to: descriptor, path: path)
    }

    /// Flushes the file to the disk and renames it into place; nothing can be written afterwards.
    package func commit() throws(StorageError) {
        try flush(descriptor, path: path)
        try target.replace(byRenaming: temporaryName)
        isRemovable = false
        try flushFolder(target.folder, path: path)
    }

    /// A new file that is locked for as long as it is open, by which others see that its writer lives.
    private static func createTemporary(
        in target: FolderEntry, _ permissions: mode_t
    ) throws(StorageError) -> (name: String, descriptor: CInt) {
        while true {
            let name = TemporaryName.random()
            let descriptor = retryingInterrupted {
                openat(
                    target.folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, permissions)
            }
            if descriptor < 0 && errno == EEXIST { continue }
            guard descriptor >= 0 else {
                throw .system(
                    "cannot be written: no file can be created in its folder", path: target.path,
                    creating: true)
            }
            // A file system without locks keeps its leftovers: nobody can tell that their writer is gone.
            _ = retryingInterrupted { flock(descriptor, LOCK_EX) }
            do throws(StorageError) {
                let status = try status(of: descriptor, path: target.path)
                if status.st_nlink > 0 { return (name, descriptor) }
            } catch {
                unlinkat(target.folder, name, 0)
                close(descriptor)
                throw error
            }
            // Removed as a leftover before it was locked.
            close(descriptor)
        }
    }
}

/// The name of a file in its folder, which is held open, so that both names of a rename mean the same folder.
final class FolderEntry {
    /// The path as it was given.
    let path: String
    /// The open folder.
    let folder: CInt
    private let name: String

    /// Opens the folder of a file that is to be written.
    init(_ path: String) throws(StorageError) {
        try StorageError.requireWhole(path, .cannotCreate)
        let name = DurableStorage.name(of: path)
        guard !["", ".", ".."].contains(name) else {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw StorageError(.cannotCreate, path: path, reason: "does not name a file")
            }
            throw .notRegular(status.st_mode, path: path, .cannotCreate)
        }
        let folderPath = DurableStorage.folder(of: path)
        let folder = retryingInterrupted { open(folderPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard folder >= 0 else {
            throw .system("cannot be written: its folder cannot be opened", path: path, creating: true)
        }
        (self.path, self.name, self.folder) = (path, name, folder)
    }

    deinit { close(folder) }

    /// What is there, a link not followed; nil for nothing.
    func status() throws(StorageError) -> stat? {
        var status = stat()
        if fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status }
        guard errno == ENOENT else {
            throw .system("cannot be examined", path: path, creating: true)
        }
        return nil
    }

    /// The permissions of the regular file that is there; nil for nothing. Anything else is not replaced.
    func replaceablePermissions() throws(StorageError) -> mode_t? {
        guard let status = try status() else { return nil }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .notRegular(status.st_mode, path: path, .cannotCreate)
        }
        return status.st_mode & 0o777
    }

    /// Moves an entry of the folder to this name.
    func replace(byRenaming temporaryName: String) throws(StorageError) {
        guard renameat(folder, temporaryName, folder, name) == 0 else {
            throw .system("cannot be put in place", path: path, creating: true)
        }
    }
}

/// The names of what is written before it is moved to its own name.
enum TemporaryName {
    private static let (prefix, suffix, digits) = (".fisher-", ".partial", 13)

    /// A name that nobody can plant a file at beforehand.
    static func random() -> String {
        let text = String(UInt64.random(in: .min ... .max), radix: 36)
        return prefix + String(repeating: "0", count: digits - text.count) + text + suffix
    }

    /// Whether `random` may have made a name.
    static func matches(_ name: String) -> Bool {
        let middle = name.utf8.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
        return name.hasPrefix(prefix) && name.hasSuffix(suffix) && middle.count == digits
            && middle.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
    }
}
