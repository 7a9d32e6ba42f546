import Foundation

/// The one reader: a regular file opened for reading; it is closed with the last reference to it.
package final class FileReader: Sendable {
    /// The size when the file was opened, in bytes.
    package let byteCount: Int
    private let descriptor: CInt
    private let path: String

    /// Opens a regular file; anything else, even a pipe without a writer, is rejected without blocking.
    ///
    /// Throws `notFound`, `permissionDenied`, `inputOutput`, and `damaged` for what is no regular file.
    ///
    /// - Parameters:
    ///   - path: the file's path.
    ///   - followingLinks: whether the last part of the path may be a symbolic link: for files that a user
    ///     names, not for those that lie in a run's folder.
    package init(_ path: String, followingLinks: Bool = true) throws(StorageError) {
        try StorageError.requireWhole(path, .notFound)
        let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followingLinks ? 0 : O_NOFOLLOW)
        let descriptor = retryingInterrupted { open(path, flags) }
        guard descriptor >= 0 else {
            switch errno {
            case ELOOP where !followingLinks: throw .notRegular(S_IFLNK, path: path, .damaged)
            // A socket.
            case ENXIO: throw .notRegular(S_IFSOCK, path: path, .damaged)
            default: throw .system("cannot be opened", path: path)
            }
        }
        do throws(StorageError) {
            let status = try status(of: descriptor, path: path)
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw .notRegular(status.st_mode, path: path, .damaged)
            }
            byteCount = Int(status.st_size)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// Fills a buffer with the bytes from `offset` on.
    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StorageError) {
        let done = try readAvailable(at: offset, into: buffer)
        guard done == buffer.count else {
            throw StorageError(
                .inputOutput, path: path,
                reason: "shrank from \(byteCount) to \(offset + done) bytes while it was read")
        }
    }

    /// The `count` bytes from `offset` on.
    package func bytes(at offset: Int, count: Int) throws(StorageError) -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { (buffer, initialized) throws(StorageError) in
            try read(
                at: offset, into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
            initialized = count
        }
    }

    /// All bytes that the file had when it was opened.
    ///
    /// Throws `damaged` where they are more than `limit`, before any of them is read.
    package func contents(limit: Int) throws(StorageError) -> [UInt8] {
        // The files of /proc have bytes, but no size.
        let found = byteCount > 0 ? try sizedContents(limit: limit) : try bytes(upTo: limit)
        guard let found else {
            let size = byteCount > 0 ? "\(byteCount) bytes" : "more bytes"
            throw StorageError(
                .damaged, path: path, reason: "has \(size), where at most \(limit) are expected")
        }
        return found
    }

    private func sizedContents(limit: Int) throws(StorageError) -> [UInt8]? {
        byteCount <= limit ? try bytes(at: 0, count: byteCount) : nil
    }

    private func bytes(upTo limit: Int) throws(StorageError) -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let piece = try [UInt8](unsafeUninitializedCapacity: 1 << 16) {
                (buffer, initialized) throws(StorageError) in
                initialized = try readAvailable(at: bytes.count, into: UnsafeMutableRawBufferPointer(buffer))
            }
            if piece.isEmpty { return bytes }
            bytes += piece
        }
        return nil
    }

    /// Fills a buffer as far as there are bytes; returns their number.
    private func readAvailable(
        at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StorageError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = retryingInterrupted {
                pread(descriptor, rest.baseAddress, min(rest.count, largestTransfer), off_t(offset + done))
            }
            guard count >= 0 else { throw .system("cannot be read", path: path) }
            if count == 0 { break }
            done += count
        }
        return done
    }
}
