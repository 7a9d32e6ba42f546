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

    private let file: FileAppender
    private var check: CRC32C

    /// Opens a log for appending, truncated to `length` bytes. Reads these once.
    ///
    /// Throws `StorageError`.
    public init(path: String, length: Int = 0) throws(StorageError) {
        file = try FileAppender(path)
        if file.byteCount > length { try file.cut(to: length) }
        check = try Self.read(path, upTo: length).check
    }

    /// The length of a log as far as `length` bytes, and its check; empty where there is no log.
    ///
    /// Throws `StorageError`. Reads these bytes once.
    static func mark(of path: String, upTo length: Int) throws(StorageError) -> Mark {
        let (count, check) = try read(path, upTo: length)
        return Mark(byteCount: count, check: check.value)
    }

    /// The lines of a log from an offset in bytes on, as numbers by name; what is no such line is left out.
    package static func lines(
        of path: String, from offset: Int = 0
    ) throws(StorageError) -> [[String: Double]] {
        try bytes(of: path, from: offset).split(separator: 0x0A).compactMap { line in
            try? StoredJSON.decode([String: Double].self, from: Data(line))
        }
    }

    /// The bytes of a log from an offset on; empty where there is no log.
    static func bytes(of path: String, from offset: Int) throws(StorageError) -> [UInt8] {
        guard let file = try reader(path), offset < file.byteCount else { return [] }
        return try file.bytes(at: offset, count: file.byteCount - offset)
    }

    /// Appends a line, whole or not at all.
    public func append(_ values: [String: Double]) throws(StorageError) {
        var line = StoredJSON.encode(values, indented: false)
        line.append(0x0A)
        try file.append(line)
        line.withUnsafeBytes { check.add($0) }
    }

    /// Flushes the log to the disk; returns its length and check.
    public func synchronize() throws(StorageError) -> Mark {
        try file.synchronize()
        return Mark(byteCount: file.byteCount, check: check.value)
    }

    private static func read(_ path: String, upTo length: Int) throws(StorageError) -> (
        count: Int, check: CRC32C
    ) {
        var (done, check) = (0, CRC32C())
        guard let file = try reader(path) else { return (0, check) }
        let total = min(length, file.byteCount)
        while done < total {
            let piece = try file.bytes(at: done, count: min(1 << 20, total - done))
            piece.withUnsafeBytes { check.add($0) }
            done += piece.count
        }
        return (done, check)
    }

    private static func reader(_ path: String) throws(StorageError) -> FileReader? {
        do throws(StorageError) {
            return try FileReader(path, followingLinks: false)
        } catch {
            guard error.systemError == ENOENT else { throw error }
            return nil
        }
    }
}

extension MetricsLog.Mark {
    private static let (lengthKey, checkKey) = ("metrics_bytes", "metrics_check")

    /// The numbers that a checkpoint holds besides the session.
    var companion: [String: Int] { [Self.lengthKey: byteCount, Self.checkKey: Int(check)] }

    /// Reads the numbers of a checkpoint; nil where they are missing or no log's.
    init?(companion: [String: Int]) {
        guard let count = companion[Self.lengthKey], count >= 0,
            let check = companion[Self.checkKey].flatMap({ UInt32(exactly: $0) })
        else { return nil }
        self.init(byteCount: count, check: check)
    }
}
