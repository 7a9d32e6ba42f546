import FisherFiles
import Torch

/// A folder of a model's files.
package enum ModelFolder {
    /// Has files written into a folder, which appears complete or not at all; where it is there already, which only
    /// `replacing` permits, they are written into it one after another.
    package static func write(
        to path: String, replacing: Bool, _ body: (_ folder: String) throws -> Void
    ) throws {
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        guard try DurableStorage.kind(of: trimmed, followingLinks: false) == nil else {
            guard replacing else {
                throw StorageError(.cannotCreate, path: trimmed, reason: "is already there")
            }
            guard try DurableStorage.kind(of: trimmed, followingLinks: true) == .folder else {
                throw StorageError(.cannotCreate, path: trimmed, reason: "is not a folder")
            }
            return try body(trimmed)
        }
        let parent = DurableStorage.folder(of: trimmed)
        try DurableStorage.makeFolder(parent)
        let temporary = try DurableStorage.makeTemporaryFolder(in: parent)
        do {
            try body(temporary)
            try DurableStorage.moveFolder(temporary, to: trimmed)
        } catch {
            try? DurableStorage.removeFolder(temporary)
            throw error
        }
    }
}
