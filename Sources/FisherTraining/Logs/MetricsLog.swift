import Foundation

/// `metrics.jsonl`: one JSON object per line, appended during the run.
///
/// A checkpoint stores the log's ``Mark``; a run that resumes from it first truncates the log, so that no step
/// is logged twice.
public final class MetricsLog {
    /// The length of a log and the check of its bytes at some moment.
    public struct Mark: Hashable, Sendable {
        /// The number of bytes.
        public let byteCount: Int
        /// Their CRC-32C.
        public let check: UInt32

        /// Pairs a length with a check.
        public init(byteCount: Int, check: UInt32) {
            self.byteCount = byteCount
            self.check = check
        }

        /// A log without lines.
        public static let empty = Mark(byteCount: 0, check: CRC32C().value)
    }

    private let path: String
    private let descriptor: CInt
    private var length: Int
    private var check: CRC32C

    /// Opens a log for appending, truncated to `length` bytes. Reads these once.
    ///
    /// Throws `StorageError`.
    public init(path: String, length: Int = 0) throws(StorageError) {
        self.path = path
        let opened = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard opened >= 0 else { throw .system("cannot be created", path: path, creating: true) }
        descriptor = opened
        (self.length, check) = (0, CRC32C())
        let present = Int(lseek(opened, 0, SEEK_END))
        if present > length, ftruncate(opened, off_t(length)) != 0 {
            throw .system("cannot be cut back", path: path)
        }
        (self.length, check) = try Self.read(opened, length, path: path)
    }

    deinit { close(descriptor) }

    /// The length of the part of a log up to `length` bytes, and its check; empty where there is no log.
    ///
    /// Throws `StorageError`.
    public static func mark(of path: String, upTo length: Int = .max) throws(StorageError) -> Mark {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return .empty }
            throw .system("cannot be opened", path: path)
        }
        defer { close(descriptor) }
        let (count, check) = try read(descriptor, length, path: path)
        return Mark(byteCount: count, check: check.value)
    }

    /// The bytes of a log from an offset on; empty where there is no log.
    static func bytes(of path: String, from offset: Int) throws(StorageError) -> Data {
        do throws(StorageError) {
            return Data(try DurableStorage.readFile(at: path, limit: .max).dropFirst(offset))
        } catch {
            guard error.kind == .notFound else { throw error }
            return Data()
        }
    }

    private static func read(
        _ descriptor: CInt, _ length: Int, path: String
    ) throws(StorageError) -> (Int, CRC32C) {
        var (total, check) = (0, CRC32C())
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while total < length {
            let count = pread(descriptor, &buffer, min(buffer.count, length - total), off_t(total))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system("cannot be read", path: path) }
            if count == 0 { break }
            buffer.withUnsafeBytes { check.add(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            total += count
        }
        return (total, check)
    }

    /// Appends a line.
    public func append(_ values: [String: Double]) throws(StorageError) {
        var line = StoredJSON.encode(values, indented: false)
        line.append(0x0A)
        try DurableStorage.write(line, to: descriptor, path: path)
        line.withUnsafeBytes { check.add($0) }
        length += line.count
    }

    /// Flushes the log to the disk; returns its length and check.
    public func synchronize() throws(StorageError) -> Mark {
        guard fsync(descriptor) == 0 else { throw .system("cannot be flushed to the disk", path: path) }
        return Mark(byteCount: length, check: check.value)
    }
}
