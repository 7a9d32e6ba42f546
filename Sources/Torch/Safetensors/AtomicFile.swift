#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A temporary file that atomically replaces the file next to it once it is complete and on the disk.
///
/// Until `commit` returns, a reader finds the old file or none. What is not committed is removed.
final class AtomicFile {
    private let path: String
    private let name: String
    private let temporaryName: String
    private let folder: Int32
    private var descriptor: Int32
    private var isRemovable = true

    /// Creates the temporary file in the folder of `path`, or of the file to which a link at `path` leads.
    init(replacing path: String) throws(SafetensorsError) {
        let (target, permissions) = try Self.target(of: path)
        let nameStart = target.utf8.lastIndex(of: UInt8(ascii: "/")).map { target.utf8.index(after: $0) }
        let folderPath = nameStart.map { String(target[..<$0]) } ?? "."
        let name = String(target[(nameStart ?? target.startIndex)...])
        guard !["", ".", ".."].contains(name) else {
            throw SafetensorsError(.cannotCreate, path: path, reason: "it does not name a file")
        }
        // Opened first, so that a folder that cannot be synchronized fails before anything is replaced.
        let folder = retryingInterrupted { open(folderPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard folder >= 0 else {
            throw SafetensorsError(creating: path, failing: "its folder cannot be opened")
        }
        let temporaryName = ".safetensors-\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
        let descriptor = retryingInterrupted {
            openat(folder, temporaryName, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        }
        guard descriptor >= 0 else {
            let error = SafetensorsError(creating: path, failing: "a file cannot be created in its folder")
            close(folder)
            throw error
        }
        self.path = path
        self.name = name
        self.temporaryName = temporaryName
        self.folder = folder
        self.descriptor = descriptor
        if let permissions { fchmod(descriptor, permissions) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if isRemovable { unlinkat(folder, temporaryName, 0) }
        close(folder)
    }

    /// Appends bytes, those of `tensor` where it is given.
    func append(_ bytes: UnsafeRawBufferPointer, of tensor: String? = nil) throws(SafetensorsError) {
        try Self.append(bytes, to: descriptor, path: path, tensor: tensor)
    }

    /// Flushes the file to the disk and renames it into place; nothing can be written afterwards.
    func commit() throws(SafetensorsError) {
        guard synchronize(descriptor) == 0 else {
            throw SafetensorsError(.inputOutput, path: path, failing: "cannot be flushed to the disk")
        }
        let closed = close(descriptor)
        descriptor = -1
        // An interrupted close has closed all the same, and the data are on the disk already.
        guard closed == 0 || errno == EINTR else {
            throw SafetensorsError(.inputOutput, path: path, failing: "cannot be closed")
        }
        guard renameat(folder, temporaryName, folder, name) == 0 else {
            throw SafetensorsError(creating: path, failing: "the finished file cannot be put in place")
        }
        isRemovable = false
        // Some file systems cannot synchronize a folder and say so: the rename is durable without.
        guard synchronize(folder) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw SafetensorsError(
                .inputOutput, path: path, failing: "its folder cannot be flushed to the disk")
        }
    }

    /// Writes all of `bytes` to a descriptor; `path` and `tensor` are for the message.
    static func append(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String, tensor: String?
    ) throws(SafetensorsError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = retryingInterrupted {
                write(descriptor, rest.baseAddress, min(rest.count, largestTransfer))
            }
            guard count >= 0 else {
                throw SafetensorsError(.inputOutput, path: path, tensor: tensor, failing: "cannot be written")
            }
            guard count > 0 else {
                throw SafetensorsError(
                    .inputOutput, path: path, tensor: tensor, reason: "the system takes no more bytes")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// The file to replace, links followed, and its permissions where it exists already.
    private static func target(
        of path: String
    ) throws(SafetensorsError) -> (path: String, permissions: mode_t?) {
        guard !path.utf8.contains(0) else {
            throw SafetensorsError(.cannotCreate, path: path, reason: "a path cannot have a zero byte")
        }
        guard let resolved = realpath(path, nil) else { return (path, nil) }
        defer { free(resolved) }
        var status = stat()
        guard let target = String(validatingCString: resolved), lstat(target, &status) == 0 else {
            return (path, nil)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw SafetensorsError(
                .cannotCreate, path: path,
                reason: isFolder ? "it is a folder, which no file can replace" : "it is not a regular file")
        }
        return (target, status.st_mode & 0o777)
    }

    /// Flushes a file or a folder to the disk.
    private func synchronize(_ descriptor: Int32) -> Int32 {
        #if canImport(Darwin)
            // On this platform, fsync leaves the data in the disk's cache.
            if fcntl(descriptor, F_FULLFSYNC) == 0 { return 0 }
        #endif
        return retryingInterrupted { fsync(descriptor) }
    }
}

extension SafetensorsError {
    /// The error of a system call that just failed to create a file or to put it in place.
    fileprivate init(creating path: String, failing what: String) {
        let kind: Kind =
            switch errno {
            case EACCES, EPERM: .permissionDenied
            case ENOSPC, EDQUOT, EIO: .inputOutput
            default: .cannotCreate
            }
        self.init(kind, path: path, failing: what)
    }
}
