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
    /// The optimizer's state by key.
    public var optimizerFile: String { path + "/optimizer.safetensors" }
    /// Counters, random generators, the position in the data.
    public var stateFile: String { path + "/state.json" }

    /// The files that a manifest lists.
    static let fileNames = ["model.safetensors", "optimizer.safetensors", "state.json"]

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

    private static func verifiedManifest(at path: String) throws(StorageError) -> CheckpointManifest {
        func damaged(_ reason: String) -> StorageError {
            StorageError(.damaged, path: path, reason: "is damaged: \(reason)")
        }
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
        guard manifest.files.map(\.name) == fileNames else { throw damaged("its manifest lists other files") }
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
