import Fisher
import Foundation

/// The folder of a training run: its configuration, its results, and its checkpoints.
///
///     run.json        what was run, on what, and the curve so far
///     config.toml     the resolved configuration
///     metrics.jsonl   a line a step
///     events/         for TensorBoard, a file for each start
///     checkpoints/    step-000000400/..., and `best`
///     lock            held while a process is at work here
public struct RunDirectory: Hashable, Sendable {
    /// The folder's path.
    public let path: String

    /// The files of a folder, which need not exist yet.
    public init(path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// The task, the environment, and the curve so far.
    public var documentFile: String { path + "/run.json" }
    /// The resolved configuration.
    public var configurationFile: String { path + "/config.toml" }
    /// One line per step.
    public var metricsFile: String { path + "/metrics.jsonl" }
    /// For TensorBoard.
    public var eventsFolder: String { path + "/events" }
    /// The checkpoints.
    public var checkpoints: CheckpointStore { CheckpointStore(folder: path + "/checkpoints") }

    /// Whether a run has begun here; throws `StorageError` if the folder cannot be read.
    public var holdsRun: Bool {
        get throws(StorageError) {
            if try isBegun { return true }
            return try !checkpoints.list().isEmpty
        }
    }

    /// Creates the folder and takes its lock.
    func lock() throws(StorageError) -> FolderLock {
        try DurableStorage.makeFolder(path)
        return try FolderLock(folder: path)
    }

    /// Reads what was run; throws `StorageError` of kind `damaged` if it is not as it was written.
    public func document() throws(StorageError) -> RunDocument {
        let data = try DurableStorage.readFile(at: documentFile, followingLinks: false)
        guard StoredJSON.isAsWritten(data) == true else {
            throw StorageError(
                .damaged, path: documentFile, reason: "is not a run's document as it was written")
        }
        do {
            return try RunDocument(json: data)
        } catch {
            throw StorageError(
                .damaged, path: documentFile, reason: "is not a run's document: \(StoredJSON.reason(error))")
        }
    }

    /// Writes what was run, whole or not at all.
    func write(_ document: RunDocument) throws(StorageError) {
        try DurableStorage.replaceFile(at: documentFile, with: StoredJSON.sealed(document))
    }
}
