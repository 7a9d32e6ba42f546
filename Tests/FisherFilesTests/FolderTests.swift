import Foundation
import Testing

@testable import FisherFiles

@Suite("Folders")
struct FolderTests {
    @Test("The names in a folder are listed; a missing folder is none, a file in its place is an error")
    func names() throws {
        let scratch = try Scratch()
        try scratch.file("a")
        try DurableStorage.makeFolder(scratch.path("b/c"))
        #expect(try DurableStorage.names(inFolder: scratch.folder)?.sorted() == ["a", "b"])
        #expect(try DurableStorage.names(inFolder: scratch.path("b/c")) == [])
        #expect(try DurableStorage.names(inFolder: scratch.path("missing")) == nil)
        let error = #expect(throws: StorageError.self) {
            try DurableStorage.names(inFolder: scratch.path("a"))
        }
        #expect(error?.reason == "cannot be listed: not a directory")
    }

    @Test("A folder that may not be read is an error, not an empty one", .enabled(if: geteuid() != 0))
    func unreadable() throws {
        let scratch = try Scratch()
        try DurableStorage.makeFolder(scratch.path("closed"))
        try #require(chmod(scratch.path("closed"), 0) == 0)
        let error = #expect(throws: StorageError.self) {
            try DurableStorage.names(inFolder: scratch.path("closed"))
        }
        #expect(error?.kind == .permissionDenied)
    }

    @Test(
        "The folder and the name of a path",
        arguments: [
            ("a", ".", "a"), ("a/b", "a", "b"), ("/a", "/", "a"), ("/a//b/", "/a", ""), ("/", "/", ""),
            ("a/\u{301}b", "a", "\u{301}b"),
        ])
    func parts(path: String, folder: String, name: String) {
        #expect(Array(DurableStorage.folder(of: path).utf8) == Array(folder.utf8))
        #expect(Array(DurableStorage.name(of: path).utf8) == Array(name.utf8))
    }

    /// Temporary files were named by the process: a link of that name, planted beforehand, was followed.
    @Test("What killed writers left is removed; files of others and of writers that live stay")
    func leftovers() throws {
        let scratch = try Scratch()
        let (dead, link) = (TemporaryName.random(), TemporaryName.random())
        let victim = try scratch.file("victim", "precious")
        try scratch.file(dead, "half")
        try #require(symlink(victim, scratch.path(link)) == 0)
        try scratch.file(
            try DurableStorage.name(of: DurableStorage.makeTemporaryFolder(in: scratch.folder)) + "/x")
        let strange = [".fisher-.partial", ".fisher-0000000000000.partial2", "a.partial", ".partial-1"]
        for name in strange { try scratch.file(name) }
        do {
            let alive = try FileWriter(replacing: scratch.path("report.html"))
            DurableStorage.removeLeftovers(inFolder: scratch.folder)
            let hidden = try scratch.names.filter(TemporaryName.matches)
            #expect(hidden.count == 1)
            try alive.commit()
        }
        #expect(try scratch.names == (strange + ["report.html", "victim"]).sorted())
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
    }

    @Test("Whoever takes a folder's lock removes leftovers; a second one is refused, and a planted link too")
    func lock() throws {
        let scratch = try Scratch()
        try scratch.file(TemporaryName.random())
        do {
            let lock = try FolderLock(folder: scratch.folder)
            defer { withExtendedLifetime(lock) {} }
            #expect(try scratch.names == ["lock"])
            let error = #expect(throws: StorageError.self) { try FolderLock(folder: scratch.folder) }
            #expect(error?.kind == .inUse)
            #expect(error?.reason == "is in use by another process (process \(getpid()))")
        }
        _ = try FolderLock(folder: scratch.folder)
        try FileManager.default.removeItem(atPath: scratch.path("lock"))
        let victim = try scratch.file("victim", "precious")
        try #require(symlink(victim, scratch.path("lock")) == 0)
        let error = #expect(throws: StorageError.self) { try FolderLock(folder: scratch.folder) }
        #expect(error?.reason.contains("is a symbolic link") == true)
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
    }
}
