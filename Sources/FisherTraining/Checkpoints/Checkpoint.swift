import Fisher
import Foundation

/// A saved state of a run: a folder with the weights, the optimizer's state, everything else, and a manifest.
public struct Checkpoint: Hashable, Sendable {
    /// The folder.
    public let path: String
    /// The number of steps that had been made.
    public let step: Int
    /// The number of this checkpoint among those of the same step, from 1; the last one counts.
    let revision: Int

    /// The weights by path, in a file that other tools read.
    public var modelFile: String { path + "/model.safetensors" }
    /// The optimizer's state by key, unless several processes have saved it; see ``optimizerTensors()``.
    public var optimizerFile: String { path + "/optimizer.safetensors" }
    /// Counters, random generators, the position in the data.
    public var stateFile: String { path + "/state.json" }

    /// The files that a manifest lists, where one process has saved the optimizer's state.
    static let fileNames = fileNames(processes: 1)

    /// The files that a manifest lists, where several processes have saved a share of the optimizer's state each.
    static func fileNames(processes count: Int) -> [String] {
        let shares = (0..<count).map { optimizerName($0, of: count) }
        return ["model.safetensors"] + shares + ["state.json"]
    }

    /// The name of the file of one process's share of the optimizer's state.
    static func optimizerName(_ rank: Int, of count: Int) -> String {
        func digits(_ number: Int) -> String {
            String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number)
        }
        return count == 1
            ? "optimizer.safetensors" : "optimizer-\(digits(rank + 1))-of-\(digits(count)).safetensors"
    }

    /// The optimizer's state by key, from all files that hold shares of it. Throws `StorageError` and `SafetensorsError` for
    /// files that cannot be read.
    public func optimizerTensors() throws -> [String: Tensor] {
        let count = try Checkpoint.readManifest(at: path).files.count - 2
        var all: [String: Tensor] = [:]
        for rank in 0..<count {
            let file = path + "/" + Checkpoint.optimizerName(rank, of: count)
            let share = try SafetensorsFile(path: file, followingLinks: false).allTensors()
            all.merge(share) { first, _ in first }
        }
        return all
    }

    /// The checkpoint in a folder, which must be intact.
    ///
    /// Throws `notFound` if there is none, and `damaged` with the reason if a file is missing, truncated or
    /// changed, even by one bit. Reads every byte once.
    public init(at path: String) throws(StorageError) {
        let manifest = try Checkpoint.verifiedManifest(at: path)
        self.path = path
        step = manifest.step
        revision = 1
    }

    init(path: String, step: Int, revision: Int) {
        self.path = path
        self.step = step
        self.revision = revision
    }

    /// Throws `damaged` with the reason unless every byte is as it was written.
    func verify() throws(StorageError) {
        let manifest = try Checkpoint.verifiedManifest(at: path)
        guard manifest.step == step else {
            throw StorageError(.damaged, path: path, reason: "is damaged: it is of step \(manifest.step)")
        }
    }

    private static func damage(_ reason: String, at path: String) -> StorageError {
        StorageError(.damaged, path: path, reason: "is damaged: \(reason)")
    }

    private static func readManifest(at path: String) throws(StorageError) -> CheckpointManifest {
        func damaged(_ reason: String) -> StorageError { damage(reason, at: path) }
        guard try DurableStorage.kind(of: path, followingLinks: true) != nil else {
            throw StorageError(.notFound, path: path, reason: "is not there, or a link to nowhere")
        }
        let file = path + "/" + CheckpointManifest.fileName
        let data: Data
        do throws(StorageError) {
            data = try DurableStorage.readFile(at: file, followingLinks: false)
        } catch {
            guard error.kind == .notFound else { throw error }
            throw damaged("it has no manifest, so it was never finished")
        }
        guard let manifest = CheckpointManifest(String(decoding: data, as: UTF8.self)) else {
            throw damaged("its manifest is not as it was written")
        }
        guard manifest.files.count >= 3,
            manifest.files.map(\.name) == fileNames(processes: manifest.files.count - 2)
        else { throw damaged("its manifest lists other files") }
        return manifest
    }

    private static func verifiedManifest(at path: String) throws(StorageError) -> CheckpointManifest {
        func damaged(_ reason: String) -> StorageError { damage(reason, at: path) }
        let manifest = try readManifest(at: path)
        for expected in manifest.files {
            let found: (byteCount: Int, check: UInt32)
            do throws(StorageError) {
                found = try DurableStorage.check(of: path + "/" + expected.name)
            } catch {
                guard error.kind == .notFound else { throw error }
                throw damaged("\(expected.name) is missing")
            }
            guard found.byteCount == expected.byteCount else {
                throw damaged("\(expected.name) has \(found.byteCount) bytes, not \(expected.byteCount)")
            }
            guard found.check == expected.check else {
                throw damaged("\(expected.name) is not as it was written")
            }
        }
        return manifest
    }
}
