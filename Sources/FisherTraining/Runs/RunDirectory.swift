import Fisher
import Foundation

/// The folder of a training run: its configuration, its results, and its checkpoints.
///
///     run.json        what was run, on what, and the curve so far
///     config.toml     the resolved configuration
///     metrics.jsonl   a line a step
///     events/         for TensorBoard, a file for each start
///     checkpoints/    step-000000400/..., and `best`
///     marks.json      what people call it, if they do
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

    /// Throws for a folder in which no run can be begun or, if it is to be resumed, go on. Makes nothing.
    ///
    /// - Throws: `StorageError` of kind `cannotCreate` if there is a run already, a study, or files of others at the places of
    ///   the run's; others if the folder cannot be used.
    package func requireUsable(resuming: Bool) throws(StorageError) {
        func refusal(_ reason: String) -> StorageError {
            StorageError(.cannotCreate, path: path, reason: reason)
        }
        try DurableStorage.requireWritableFolder(path)
        let names = Set(try DurableStorage.names(inFolder: path) ?? [])
        if !names.isDisjoint(with: ["study.json", "results.json"]) {
            throw refusal("holds a study: choose another folder with --output")
        }
        let holdsRun = try holdsRun
        guard resuming || !holdsRun else {
            throw refusal(
                "already holds a run: continue with --resume, or choose another folder with --output")
        }
        let isOurs = holdsRun || holdsOwnConfiguration || (resuming && names.contains("metrics.jsonl"))
        if !isOurs,
            let foreign = ["config.toml", "metrics.jsonl", "report.html"].first(where: names.contains)
        {
            throw refusal(
                "holds a file \(foreign) that no run left there and this one would replace: choose another folder with "
                    + "--output")
        }
        if names.contains("report.html") { try FileWriter.check(path + "/report.html") }
        if names.contains("marks.json") { try FileWriter.check(RunMarks.file(in: path)) }
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
