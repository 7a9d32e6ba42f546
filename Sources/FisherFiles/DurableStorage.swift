// Files and folders that are complete and on the disk, or absent.

import Foundation

/// Writes that survive a crash at any moment.
package enum DurableStorage {
    /// Writes a temporary file beside `path`, flushes it to the disk and renames it over `path`.
    package static func replaceFile(at path: String, with data: Data) throws(StorageError) {
        let temporary = path + ".\(ProcessInfo.processInfo.processIdentifier).partial"
        do throws(StorageError) {
            try writeFile(at: temporary, data)
            guard rename(temporary, path) == 0 else { throw .system("cannot be put in place", path: path) }
        } catch {
            unlink(temporary)
            throw StorageError(error.kind, path: path, reason: error.reason)
        }
        try synchronizeFolder(folder(of: path))
    }

    /// Writes a new file and flushes it to the disk.
    package static func writeFile(at path: String, _ data: Data) throws(StorageError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .system("cannot be created", path: path, creating: true) }
        defer { close(descriptor) }
        try write(data, to: descriptor, path: path)
        guard fsync(descriptor) == 0 else { throw .system("cannot be flushed to the disk", path: path) }
    }

    /// Writes every byte to an open file.
    package static func write(_ data: Data, to descriptor: CInt, path: String) throws(StorageError) {
        var rest = data[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system("cannot be written", path: path) }
            rest = rest.dropFirst(count)
        }
    }

    /// The most bytes of a JSON document or a configuration that are read.
    package static let documentLimit = 64 << 20

    /// Reads a whole file of at most `limit` bytes.
    package static func readFile(at path: String, limit: Int = documentLimit) throws(StorageError) -> Data {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot be opened", path: path) }
        defer { close(descriptor) }
        var data = Data()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system("cannot be read", path: path) }
            if count == 0 { return data }
            guard count <= limit - data.count else {
                throw StorageError(.damaged, path: path, reason: "has more than \(limit) bytes, the limit")
            }
            data.append(contentsOf: buffer[..<count])
        }
    }

    /// The length and the check of a file's bytes.
    package static func check(of path: String) throws(StorageError) -> (byteCount: Int, check: UInt32) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot be opened", path: path) }
        defer { close(descriptor) }
        var check = CRC32C()
        var total = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system("cannot be read", path: path) }
            if count == 0 { return (total, check.value) }
            buffer.withUnsafeBytes { check.add(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            total += count
        }
    }

    /// Makes a folder and those above it.
    package static func makeFolder(_ path: String) throws(StorageError) {
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
    }

    /// The names in a folder, unsorted, without `.` and `..`; nil where there is no such folder.
    ///
    /// A folder that cannot be read to its end is an error, never an empty one.
    package static func names(inFolder path: String) throws(StorageError) -> [String]? {
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
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot be opened", path: path) }
        defer { close(descriptor) }
        // Some file systems cannot synchronize a folder and say so: the names are durable without.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw .system("cannot be flushed to the disk", path: path)
        }
    }

    /// The folder that holds a path.
    package static func folder(of path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let kept = (path.hasSuffix("/") ? parts.dropLast() : parts[...]).dropLast()
        let text = kept.joined(separator: "/")
        return text.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : text
    }

    /// The bytes that a user may still write to the disk of a path.
    package static func freeBytes(at path: String) throws(StorageError) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else {
            throw .system("cannot be queried for free space", path: path)
        }
        return Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
                .partialValue)
    }
}
