import Foundation
import Testing

@testable import FisherFiles

/// A folder of a test, removed with it.
final class Scratch {
    let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/fisher-files-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func path(_ name: String) -> String { folder + "/" + name }
}

@Suite("Folders")
struct FolderTests {
    @Test("The names in a folder are listed; a missing folder is none, a file in its place is an error")
    func names() throws {
        let scratch = try Scratch()
        try DurableStorage.writeFile(at: scratch.path("a"), Data())
        try DurableStorage.makeFolder(scratch.path("b/c"))
        #expect(try DurableStorage.names(inFolder: scratch.folder)?.sorted() == ["a", "b"])
        #expect(try DurableStorage.names(inFolder: scratch.path("b/c")) == [])
        #expect(try DurableStorage.names(inFolder: scratch.path("missing")) == nil)
        #expect(throws: StorageError.self) { try DurableStorage.names(inFolder: scratch.path("a")) }
    }
}
