import Fisher
import Foundation

/// The checkpoints of one run, each of them complete or absent.
///
/// A checkpoint is written into a temporary folder, every file is flushed to the disk, the manifest with
/// sizes and checks comes last, and one rename moves the folder into place. A crash or a full disk at any
/// moment leaves the checkpoints before it as they were.
public struct CheckpointStore: Sendable {
    /// The folder of the checkpoints.
    public let folder: String

    /// The checkpoints in a folder, which need not exist yet.
    public init(folder: String) { self.folder = folder }

    /// The name of the link to the best checkpoint.
    static let bestName = "best"

    /// All checkpoints by name, the newest first; none of them is verified.
    ///
    /// No folder holds none; throws `StorageError` for a folder that cannot be read.
    public func list() throws(StorageError) -> [Checkpoint] {
        let names = try DurableStorage.names(inFolder: folder) ?? []
        return names.compactMap(checkpoint(named:)).sorted { ($0.step, $0.revision) > ($1.step, $1.revision) }
    }

    /// The newest intact checkpoint, and the errors of newer ones.
    ///
    /// Nil if there are no checkpoints. Throws the first error if none of those there is intact, and every error that does
    /// not come from the checkpoint itself, such as missing permissions: the next attempt may find it intact.
    public func newest() throws(StorageError) -> (checkpoint: Checkpoint, damaged: [StorageError])? {
        let (intact, damaged) = try survey()
        if let intact { return (intact, damaged.map(\.error)) }
        if let first = damaged.first { throw first.error }
        return nil
    }

    /// The newest intact checkpoint, and the newer ones that are not.
    func survey() throws(StorageError) -> (
        intact: Checkpoint?, damaged: [(checkpoint: Checkpoint, error: StorageError)]
    ) {
        var damaged: [(checkpoint: Checkpoint, error: StorageError)] = []
        for candidate in try list() {
            do throws(StorageError) {
                try candidate.verify()
                return (candidate, damaged)
            } catch {
                guard Self.isDamage(error) else { throw error }
                damaged.append((candidate, error))
            }
        }
        return (nil, damaged)
    }

    /// Whether a checkpoint itself is unusable: bytes that are not as they were written, a bad sector, or a file or a link
    /// in the place of a folder.
    static func isDamage(_ error: StorageError) -> Bool {
        switch error.systemError {
        case nil: error.kind == .damaged || error.kind == .notFound
        case ENOENT, ENOTDIR, EISDIR, ELOOP, ENXIO, EIO: true
        default: false
        }
    }

    /// The best checkpoint, if one has been marked; throws `StorageError` if the mark cannot be read.
    public var best: Checkpoint? {
        get throws(StorageError) {
            var target = [UInt8](repeating: 0, count: 256)
            let count = readlink(bestLink, &target, target.count)
            if count < 0 {
                if [ENOENT, ENOTDIR, EINVAL].contains(errno) { return nil }
                throw .system("cannot be read", path: bestLink)
            }
            return checkpoint(named: String(decoding: target[..<count], as: UTF8.self))
        }
    }

    /// Writes a checkpoint and flushes it to the disk.
    ///
    /// Throws `StorageError` or `SafetensorsError`; the checkpoints that were there are untouched then.
    ///
    /// - Parameters:
    ///   - step: the number of steps made.
    ///   - model: the weights by path.
    ///   - metadata: the model's metadata for the file of the weights.
    ///   - optimizer: the optimizer's state by key.
    ///   - state: everything else, as JSON.
    public func save(
        step: Int, model: [(String, Tensor)], metadata: [String: String] = [:],
        optimizer: [(String, Tensor)], state: Data
    ) throws -> Checkpoint {
        try save(
            step: step, model: model, metadata: metadata, optimizer: optimizer, state: state, processes: 1
        ) { _ in }
    }

    /// The same where other processes write their shares of the optimizer's state: `others` waits until they lie in the
    /// folder that it is given.
    func save(
        step: Int, model: [(String, Tensor)], metadata: [String: String], optimizer: [(String, Tensor)],
        state: Data, processes count: Int, others: (_ folder: String) throws -> Void
    ) throws -> Checkpoint {
        try DurableStorage.makeFolder(folder)
        let revision = (try list().first { $0.step == step }?.revision ?? 0) + 1
        let saved = Checkpoint(path: path(step: step, revision: revision), step: step, revision: revision)
        let temporary = try DurableStorage.makeTemporaryFolder(in: folder)
        do {
            let inside = Checkpoint(path: temporary, step: step, revision: revision)
            try write(model, metadata, to: inside.modelFile)
            try writeShare(optimizer, rank: 0, of: count, in: temporary)
            try DurableStorage.replaceFile(at: inside.stateFile, with: state)
            try others(temporary)
            var files: [CheckpointManifest.File] = []
            for name in Checkpoint.fileNames(processes: count) {
                let (count, check) = try DurableStorage.check(of: temporary + "/" + name)
                files.append(CheckpointManifest.File(name: name, byteCount: count, check: check))
            }
            let manifest = CheckpointManifest(step: step, files: files)
            try DurableStorage.replaceFile(
                at: temporary + "/" + CheckpointManifest.fileName, with: Data(manifest.text.utf8))
            try DurableStorage.moveFolder(temporary, to: saved.path)
        } catch {
            try? DurableStorage.removeFolder(temporary)
            throw error
        }
        return saved
    }

    /// Writes the share of one of several processes into the folder of a checkpoint that is not finished yet.
    func writeShare(
        _ optimizer: [(String, Tensor)], rank: Int, of count: Int, in folder: String
    ) throws {
        try write(optimizer, [:], to: folder + "/" + Checkpoint.optimizerName(rank, of: count))
    }

    /// Marks a checkpoint as the best, by a link that is replaced atomically.
    public func markBest(_ checkpoint: Checkpoint) throws(StorageError) {
        try DurableStorage.replaceLink(at: bestLink, to: DurableStorage.name(of: checkpoint.path))
    }

    /// Removes all but the newest `count` checkpoints, the best and some others.
    ///
    /// - Parameters:
    ///   - count: how many of the newest are kept; at least one is.
    ///   - others: further steps whose checkpoints are kept.
    ///   - damaged: checkpoints that are known to be damaged. They do not count, and go once a newer one is there.
    public func prune(
        keeping count: Int, steps others: Set<Int> = [], damaged: Set<Checkpoint> = []
    ) throws(StorageError) {
        let (best, all) = (try best, try list())
        let counted = all.filter { !damaged.contains($0) }
        for old in counted.dropFirst(max(count, 1)) where old != best && !others.contains(old.step) {
            try remove(old)
        }
        guard let newest = counted.first else { return }
        for bad in all where damaged.contains(bad) && bad.step <= newest.step && bad != best {
            try remove(bad)
        }
    }

    /// The bytes that a user may still write to the disk of a folder, which need not exist yet.
    package static func freeBytes(for folder: String) throws(StorageError) -> Int {
        var path = folder
        while try DurableStorage.kind(of: path, followingLinks: true) == nil,
            DurableStorage.folder(of: path) != path
        {
            path = DurableStorage.folder(of: path)
        }
        return try DurableStorage.freeBytes(at: path)
    }

    /// Removes unfinished files of former processes. Only for the one process that holds the run.
    func removeUnfinished() { DurableStorage.removeLeftovers(inFolder: folder) }

    /// Renamed first, so that no half-removed checkpoint is ever found.
    private func remove(_ checkpoint: Checkpoint) throws(StorageError) {
        let hidden = DurableStorage.temporaryFolder(in: folder)
        try DurableStorage.moveFolder(checkpoint.path, to: hidden)
        try? DurableStorage.removeFolder(hidden)
    }

    private var bestLink: String { folder + "/" + CheckpointStore.bestName }

    /// `step-000000400`, and `step-000000400.2` if the same step is saved again.
    private func path(step: Int, revision: Int) -> String {
        let digits = String(step)
        let name = "step-" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
        return folder + "/" + name + (revision > 1 ? ".\(revision)" : "")
    }

    private func checkpoint(named name: String) -> Checkpoint? {
        guard name.hasPrefix("step-") else { return nil }
        let parts = name.dropFirst(5).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let step = Int(parts[0]), step >= 0 else { return nil }
        let revision = parts.count == 2 ? Int(parts[1]) ?? 0 : 1
        guard revision > 0, path(step: step, revision: revision) == folder + "/" + name else { return nil }
        return Checkpoint(path: folder + "/" + name, step: step, revision: revision)
    }

    private func write(_ tensors: [(String, Tensor)], _ metadata: [String: String], to path: String) throws {
        let sources = try tensors.map { try SafetensorsSource(name: $0.0, tensor: $0.1.detached()) }
        try SafetensorsWriter(metadata: metadata).write(sources, to: path)
    }
}
