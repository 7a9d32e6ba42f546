import Foundation

/// The one appender: a regular file that grows, such as a log. It is closed with the last reference to it.
package final class FileAppender {
    /// The file's path.
    package let path: String
    /// The number of bytes in the file.
    package private(set) var byteCount: Int
    let descriptor: CInt

    /// Opens a file to append to, which is created where there is none, or which must be new.
    ///
    /// A new file's name is on the disk when this returns. A symbolic link is not followed. Throws `damaged` for
    /// what is no regular file, and else what the system says: `EEXIST` for a file that must be new.
    package init(_ path: String, mustBeNew: Bool = false) throws(StorageError) {
        try StorageError.requireWhole(path, .cannotCreate)
        let flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        var opened: CInt = -1
        if !mustBeNew { opened = retryingInterrupted { open(path, flags) } }
        let isNew = mustBeNew || opened < 0 && errno == ENOENT
        if isNew { opened = retryingInterrupted { open(path, flags | O_CREAT | O_EXCL, 0o666) } }
        guard opened >= 0 else {
            switch errno {
            case ELOOP: throw .notRegular(S_IFLNK, path: path, .damaged)
            case EISDIR: throw .notRegular(S_IFDIR, path: path, .damaged)
            case ENXIO: throw .notRegular(S_IFSOCK, path: path, .damaged)
            default: throw .system("cannot be opened for writing", path: path, creating: true)
            }
        }
        do throws(StorageError) {
            let status = try status(of: opened, path: path)
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw .notRegular(status.st_mode, path: path, .damaged)
            }
            byteCount = Int(status.st_size)
            if isNew { try DurableStorage.synchronizeFolder(DurableStorage.folder(of: path)) }
        } catch {
            close(opened)
            throw error
        }
        (self.path, descriptor) = (path, opened)
    }

    deinit { close(descriptor) }

    /// The file as the output of another process; valid as long as this object.
    package var handle: FileHandle { FileHandle(fileDescriptor: descriptor, closeOnDealloc: false) }

    /// Appends bytes, all or none: where writing fails, what was written of them is cut off again.
    package func append(_ bytes: some ContiguousBytes) throws(StorageError) {
        let written: Result<Int, StorageError> = bytes.withUnsafeBytes { bytes in
            do throws(StorageError) {
                try writeAll(bytes, to: descriptor, path: path)
                return .success(bytes.count)
            } catch {
                return .failure(error)
            }
        }
        do throws(StorageError) {
            byteCount += try written.get()
        } catch {
            // A torn record would hide those written once the disk has space again.
            let cause = error
            do throws(StorageError) {
                try cut(to: byteCount)
            } catch {
                throw StorageError(
                    cause.kind, path: path, reason: "\(cause.reason); and then it \(error.reason)",
                    systemError: cause.systemError)
            }
            throw cause
        }
    }

    /// Cuts the file back to its first bytes.
    package func cut(to length: Int) throws(StorageError) {
        guard retryingInterrupted({ ftruncate(descriptor, off_t(length)) }) == 0 else {
            throw .system("cannot be cut back", path: path)
        }
        byteCount = length
    }

    /// Flushes the file to the disk.
    package func synchronize() throws(StorageError) { try flush(descriptor, path: path) }
}
