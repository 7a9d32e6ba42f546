// Files and folders that are complete and on the disk, or absent.

import Foundation

/// Whole files and folders, written so that they survive a crash at any moment.
package enum DurableStorage {
    /// The most bytes that are read of a JSON document, a configuration or a manifest.
    package static let documentLimit = 64 << 20

    /// Writes a temporary file beside `path`, flushes it to the disk and renames it over `path`.
    ///
    /// At `path` there must be nothing or a regular file, whose permissions are kept.
    package static func replaceFile(at path: String, with data: Data) throws(StorageError) {
        let file = try FileWriter(replacing: path)
        var failure: StorageError?
        data.withUnsafeBytes { bytes in
            do throws(StorageError) { try file.append(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        try file.commit()
    }

    /// Makes a symbolic link to `target` at `path`, where there must be nothing or a link, in one step.
    package static func replaceLink(at path: String, to target: String) throws(StorageError) {
        let entry = try FolderEntry(path)
        if let status = try entry.status(), status.st_mode & S_IFMT != S_IFLNK {
            throw StorageError(
                .cannotCreate, path: path, reason: "is not the link that is to be replaced")
        }
        let temporary = TemporaryName.random()
        guard symlinkat(target, entry.folder, temporary) == 0 else {
            throw .system("cannot be made", path: path, creating: true)
        }
        do throws(StorageError) {
            try entry.replace(byRenaming: temporary)
        } catch {
            unlinkat(entry.folder, temporary, 0)
            throw error
        }
        try flushFolder(entry.folder, path: path)
    }

    /// Reads a whole file of at most `limit` bytes.
    ///
    /// - Parameters:
    ///   - path: the file's path.
    ///   - limit: the most bytes that such a file can sensibly have.
    ///   - followingLinks: false for files of a run's folder, where a link was planted.
    package static func readFile(
        at path: String, limit: Int = documentLimit, followingLinks: Bool = true
    ) throws(StorageError) -> Data {
        Data(try FileReader(path, followingLinks: followingLinks).contents(limit: limit))
    }

    /// The length and the check of the bytes of a file, which is no link.
    package static func check(of path: String) throws(StorageError) -> (byteCount: Int, check: UInt32) {
        let file = try FileReader(path, followingLinks: false)
        var check = CRC32C()
        var done = 0
        while done < file.byteCount {
            let piece = try file.bytes(at: done, count: min(1 << 20, file.byteCount - done))
            piece.withUnsafeBytes { check.add($0) }
            done += piece.count
        }
        return (done, check.value)
    }
}

// Folders.
extension DurableStorage {
    /// What can be at a path.
    package enum EntryKind: Sendable {
        case file, folder, link, other
    }

    /// What is at a path; nil for nothing, or for a link that leads nowhere if links are followed.
    package static func kind(of path: String, followingLinks: Bool) throws(StorageError) -> EntryKind? {
        try StorageError.requireWhole(path, .notFound)
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .system("cannot be examined", path: path)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        case S_IFLNK: return .link
        default: return .other
        }
    }

    /// Makes a folder and those above it; the names of new ones are on the disk when this returns.
    package static func makeFolder(_ path: String) throws(StorageError) {
        try StorageError.requireWhole(path, .cannotCreate)
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw StorageError(.cannotCreate, path: path, reason: "is not a folder")
            }
            return
        }
        let parent = folder(of: path)
        if parent != path { try makeFolder(parent) }
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
            throw .system("cannot be made", path: path, creating: true)
        }
        try synchronizeFolder(parent)
    }

    /// Throws unless files can be made in a folder, or the folder itself can; makes nothing.
    package static func requireWritableFolder(_ path: String) throws(StorageError) {
        try StorageError.requireWhole(path, .cannotCreate)
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT, folder(of: path) != path else {
                throw .system("cannot be made", path: path, creating: true)
            }
            return try requireWritableFolder(folder(of: path))
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw StorageError(.cannotCreate, path: path, reason: "is not a folder")
        }
        guard access(path, W_OK | X_OK) == 0 else {
            throw .system("cannot be written to", path: path, creating: true)
        }
    }

    /// The names in a folder, unsorted, without `.` and `..`; nil where there is no such folder.
    ///
    /// A folder that cannot be read to its end is an error, never an empty one.
    package static func names(inFolder path: String) throws(StorageError) -> [String]? {
        try StorageError.requireWhole(path, .notFound)
        guard let stream = opendir(path) else {
            if errno == ENOENT { return nil }
            throw .system("cannot be listed", path: path)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .system("cannot be listed", path: path) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    /// Flushes the entries of a folder to the disk.
    package static func synchronizeFolder(_ path: String) throws(StorageError) {
        let descriptor = retryingInterrupted { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .system("cannot be opened", path: path) }
        defer { close(descriptor) }
        try flushFolder(descriptor, path: path)
    }

    /// Removes a folder with all that it holds; links in it are removed, not followed.
    package static func removeFolder(_ path: String) throws(StorageError) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw StorageError(
                .inputOutput, path: path, reason: "cannot be removed: \(error.localizedDescription)")
        }
    }

    /// Makes a new folder whose name shows that it is unfinished, for what is then moved into place as a whole.
    package static func makeTemporaryFolder(in folder: String) throws(StorageError) -> String {
        let path = temporaryFolder(in: folder)
        guard mkdir(path, 0o777) == 0 else { throw .system("cannot be made", path: path, creating: true) }
        return path
    }

    /// The path of a temporary folder that is not there yet.
    package static func temporaryFolder(in folder: String) -> String { folder + "/" + TemporaryName.random() }

    /// Moves a folder to another name in the folder that holds it, where nothing may be. The writer has put
    /// its files and their names on the disk.
    package static func moveFolder(_ path: String, to target: String) throws(StorageError) {
        guard rename(path, target) == 0 else { throw .system("cannot be put in place", path: target) }
        try synchronizeFolder(folder(of: target))
    }

    /// Removes the temporary files, links and folders that killed writers left in a folder.
    ///
    /// Only for the one process that holds the folder's lock. A file whose writer lives, whichever process it
    /// is, stays. What cannot be removed stays too: it is in nobody's way.
    package static func removeLeftovers(inFolder path: String) {
        let names = ((try? self.names(inFolder: path)) ?? nil) ?? []
        for name in names where TemporaryName.matches(name) {
            let leftover = path + "/" + name
            var status = stat()
            guard lstat(leftover, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFREG: removeUnlocked(leftover)
            // Only the holder of the lock makes links and folders.
            case S_IFLNK: unlink(leftover)
            case S_IFDIR: try? removeFolder(leftover)
            default: break
            }
        }
    }

    /// Removes a file unless its writer holds it open.
    private static func removeUnlocked(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
    }

    /// The folder that holds a path.
    package static func folder(of path: String) -> String {
        var bytes = Substring(path).utf8
        while bytes.count > 1, bytes.last == slash { bytes.removeLast() }
        guard let last = bytes.lastIndex(of: slash) else { return "." }
        bytes = bytes[..<last]
        while bytes.last == slash { bytes.removeLast() }
        return bytes.isEmpty ? "/" : String(Substring(bytes))
    }

    /// The part of a path after its last slash. By bytes: a mark that combines with a slash leaves it one.
    package static func name(of path: String) -> String {
        guard let last = path.utf8.lastIndex(of: slash) else { return path }
        return String(path[path.utf8.index(after: last)...])
    }

    private static let slash = UInt8(ascii: "/")

    /// The bytes that a user may still write to the disk of a path.
    package static func freeBytes(at path: String) throws(StorageError) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else {
            throw .system("cannot be queried for free space", path: path)
        }
        let (bytes, overflows) = UInt64(status.f_bavail)
            .multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflows ? .max : Int(clamping: bytes)
    }
}
