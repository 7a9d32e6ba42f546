import Foundation

/// The file of a trained model's weights, and the configuration of its run.
public struct SavedModel: Hashable, Sendable {
    /// The safetensors file of the weights.
    public let weights: String
    /// The configuration of the run, if there is one.
    public let configuration: String?

    /// The document of the run, if there is a run; throws `StorageError` if it cannot be read.
    public var run: RunDocument? {
        get throws(StorageError) {
            guard let configuration else { return nil }
            let run = RunDirectory(path: DurableStorage.folder(of: configuration))
            guard try Self.existing(run.documentFile) != nil else { return nil }
            return try run.document()
        }
    }

    /// The name of the run's task, if there is a run; throws `StorageError` if its document cannot be read.
    public var task: String? {
        get throws(StorageError) { try run?.taskName }
    }

    /// Resolves a user's path: a run's folder (its best checkpoint, else its newest), a checkpoint's folder,
    /// or a file of weights, which may be that of a checkpoint.
    ///
    /// Reads every byte of a checkpoint once, to verify it.
    ///
    /// - Throws: `StorageError` of kind `notFound` if there is no such path or no checkpoint in it, and
    ///   `damaged` if the checkpoint is not intact.
    public init(at path: String) throws(StorageError) {
        switch try DurableStorage.kind(of: path, followingLinks: true) {
        case nil: throw StorageError(.notFound, path: path, reason: "is not there")
        case .folder: break
        default:
            // model.safetensors of a checkpoint lies in it.
            weights = path
            configuration = try Self.configuration(of: URL(filePath: path).deletingLastPathComponent())
            return
        }
        if try Self.existing(path + "/MANIFEST") != nil {
            weights = try Checkpoint(at: path).modelFile
            configuration = try Self.configuration(of: URL(filePath: path))
            return
        }
        let run = RunDirectory(path: path)
        var chosen = try run.checkpoints.best
        if chosen == nil { chosen = try run.checkpoints.newest()?.checkpoint }
        guard let chosen else {
            throw StorageError(
                .notFound, path: path, reason: "holds neither a checkpoint nor a run with one")
        }
        weights = try Checkpoint(at: chosen.path).modelFile
        configuration = try Self.existing(run.configurationFile)
    }

    /// RUN/config.toml for RUN/checkpoints/step-...
    private static func configuration(of checkpoint: URL) throws(StorageError) -> String? {
        let run = checkpoint.deletingLastPathComponent().deletingLastPathComponent()
        return try existing(RunDirectory(path: run.path).configurationFile)
    }

    private static func existing(_ file: String) throws(StorageError) -> String? {
        try DurableStorage.kind(of: file, followingLinks: false) == nil ? nil : file
    }
}
