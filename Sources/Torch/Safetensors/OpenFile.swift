#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file opened for reading; it is closed with the last reference to it.
final class OpenFile: Sendable {
    /// The size when the file was opened, in bytes.
    let byteCount: Int
    private let descriptor: Int32
    private let path: String

    /// Opens a regular file; anything else, even a pipe without a writer, is rejected without blocking.
    init(reading path: String) throws(SafetensorsError) {
        guard !path.utf8.contains(0) else {
            throw SafetensorsError(.notFound, path: path, reason: "a path cannot have a zero byte")
        }
        let descriptor = retryingInterrupted { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else { throw SafetensorsError(opening: path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = SafetensorsError(.inputOutput, path: path, failing: "cannot be examined")
            close(descriptor)
            throw error
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw SafetensorsError(
                .malformed, path: path,
                reason: isFolder ? "it is a folder, not a file" : "it is not a regular file")
        }
        byteCount = Int(status.st_size)
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        close(descriptor)
    }

    /// Fills a buffer with the bytes from `offset` on.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(SafetensorsError) {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = retryingInterrupted {
                pread(descriptor, rest.baseAddress, min(rest.count, largestTransfer), off_t(offset + done))
            }
            guard count >= 0 else {
                throw SafetensorsError(.inputOutput, path: path, failing: "cannot be read")
            }
            guard count > 0 else {
                throw SafetensorsError(
                    .inputOutput, path: path,
                    reason: "the file shrank from \(byteCount) to \(offset + done) bytes while it was read")
            }
            done += count
        }
    }

    /// The `count` bytes from `offset` on.
    func bytes(at offset: Int, count: Int) throws(SafetensorsError) -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { (buffer, initialized) throws(SafetensorsError) in
            let whole = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count)
            try read(at: offset, into: whole)
            initialized = count
        }
    }
}

/// The most bytes given to one system call: Linux moves less than 2^31, and other systems refuse more.
let largestTransfer = 1 << 30

/// Repeats a system call for as long as a signal interrupts it.
func retryingInterrupted<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

extension SafetensorsError {
    /// The error of a system call that just failed, with the system's words for it.
    init(_ kind: Kind, path: String, tensor: String? = nil, failing what: String) {
        let code = errno
        self.init(
            kind, path: path, tensor: tensor, reason: "\(what): \(String(cString: strerror(code)))",
            systemError: code)
    }

    /// The error of a file that just failed to open for reading.
    fileprivate init(opening path: String) {
        let kind: Kind =
            switch errno {
            case ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP: .notFound
            case EACCES, EPERM: .permissionDenied
            default: .inputOutput
            }
        self.init(kind, path: path, failing: "cannot be opened")
    }
}
