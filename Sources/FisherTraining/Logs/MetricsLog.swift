import Foundation

/// `metrics.jsonl`: one JSON object per line, appended during the run.
///
/// A checkpoint stores the log's length; a run that resumes from it first truncates the log, so that no step
/// is logged twice.
public final class MetricsLog {
    private let file: FileAppender

    /// Opens a log for appending, truncated to `length`.
    ///
    /// Throws `StorageError`.
    public init(path: String, length: Int = 0) throws(StorageError) {
        file = try FileAppender(path)
        if file.byteCount > length { try file.cut(to: length) }
    }

    /// Appends a line, whole or not at all.
    public func append(_ values: [String: Double]) throws(StorageError) {
        var line = StoredJSON.encode(values, indented: false)
        line.append(0x0A)
        try file.append(line)
    }

    /// Flushes the log to the disk; returns its length in bytes.
    public func synchronize() throws(StorageError) -> Int {
        try file.synchronize()
        return file.byteCount
    }
}
