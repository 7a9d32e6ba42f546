import Foundation

/// `metrics.jsonl`: one JSON object a line, appended as the run goes.
///
/// A checkpoint remembers the log's length; a run that resumes from it first cuts the log back, so that no
/// step stands there twice.
public final class MetricsLog {
    private let path: String
    private let descriptor: CInt

    /// Opens a log for appending; `length` cuts it back to what it had then.
    ///
    /// Throws `StorageError`.
    public init(path: String, length: Int = 0) throws(StorageError) {
        self.path = path
        let opened = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard opened >= 0 else { throw .system("cannot be created", path: path, creating: true) }
        descriptor = opened
        let present = Int(lseek(opened, 0, SEEK_END))
        if present > length, ftruncate(opened, off_t(length)) != 0 {
            throw .system("cannot be cut back", path: path)
        }
    }

    deinit { close(descriptor) }

    /// Appends a line.
    public func append(_ values: [String: Double]) throws(StorageError) {
        var line = StoredJSON.encode(values, indented: false)
        line.append(0x0A)
        try DurableStorage.write(line, to: descriptor, path: path)
    }

    /// Brings the log to the disk; its length in bytes.
    public func synchronize() throws(StorageError) -> Int {
        guard fsync(descriptor) == 0 else { throw .system("cannot be flushed to the disk", path: path) }
        return Int(lseek(descriptor, 0, SEEK_END))
    }
}
