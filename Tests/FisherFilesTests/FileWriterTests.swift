import Foundation
import Testing

@testable import FisherFiles

@Suite("The writer")
struct FileWriterTests {
    @Test("A file is replaced as a whole, with its permissions, and nothing else is left")
    func replaces() throws {
        let scratch = try Scratch()
        let path = try scratch.file("a", "first, and long")
        try #require(chmod(path, 0o640) == 0)
        try DurableStorage.replaceFile(at: path, with: Data("second".utf8))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "second")
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        #expect(try scratch.names == ["a"])
    }

    @Test("Only a regular file is replaced", arguments: Obstacle.allCases)
    func refuses(_ obstacle: Obstacle) throws {
        let scratch = try Scratch()
        let path = try obstacle.make(in: scratch)
        let before = try scratch.names
        var (old, new) = (stat(), stat())
        try #require(lstat(path, &old) == 0)
        let error = #expect(throws: StorageError.self) {
            try DurableStorage.replaceFile(at: path, with: Data("x".utf8))
        }
        #expect(error?.kind == .cannotCreate)
        #expect(error?.reason.contains(obstacle.words) == true)
        try #require(lstat(path, &new) == 0)
        #expect(old.st_ino == new.st_ino)
        #expect(try scratch.names == before)
        if obstacle == .link {
            #expect(try String(contentsOfFile: scratch.path("victim"), encoding: .utf8) == "precious")
        }
    }

    @Test("A link planted where the temporary file was expected is not followed")
    func plantedLink() throws {
        let scratch = try Scratch()
        let victim = try scratch.file("victim", "precious")
        // The name that files had for a while before they were complete.
        try #require(symlink(victim, scratch.path("run.json.\(getpid()).partial")) == 0)
        try DurableStorage.replaceFile(at: scratch.path("run.json"), with: Data("{}".utf8))
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "precious")
        #expect(try String(contentsOfFile: scratch.path("run.json"), encoding: .utf8) == "{}")
    }

    @Test(
        "Paths that name no file, or whose folder is missing",
        arguments: [
            ("", "does not name a file"), (".", "is a folder"), ("missing/a", "its folder cannot be opened"),
            ("a\0b", "zero byte"),
        ])
    func badPath(name: String, words: String) throws {
        let scratch = try Scratch()
        let path = name.isEmpty ? "" : scratch.path(name)
        let error = #expect(throws: StorageError.self) {
            try DurableStorage.replaceFile(at: path, with: Data())
        }
        #expect(error?.kind == .cannotCreate)
        #expect(error?.reason.contains(words) == true)
    }

    @Test("What is not committed is removed")
    func uncommitted() throws {
        let scratch = try Scratch()
        do {
            let file = try FileWriter(replacing: scratch.path("a"))
            try [UInt8](repeating: 1, count: 9).withUnsafeBytes { try file.append($0) }
            #expect(try scratch.names.count == 1)
        }
        #expect(try scratch.names.isEmpty)
    }

    @Test("A full disk is named", .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func fullDisk() throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        defer { close(full) }
        let error = try #require(throws: StorageError.self) {
            try [UInt8](repeating: 1, count: 9).withUnsafeBytes {
                try writeAll($0, to: full, path: "/full/a")
            }
        }
        #expect(error.kind == .inputOutput && error.systemError == ENOSPC)
        #expect(error.description == "/full/a cannot be written: no space left on device")
    }

    @Test("A link is replaced in one step, and nothing but a link")
    func links() throws {
        let scratch = try Scratch()
        for target in ["one", "two"] {
            try DurableStorage.replaceLink(at: scratch.path("best"), to: target)
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: scratch.path("best")) == target)
        }
        #expect(try scratch.names == ["best"])
        try scratch.file("plain")
        #expect(throws: StorageError.self) {
            try DurableStorage.replaceLink(at: scratch.path("plain"), to: "one")
        }
        #expect(try scratch.names == ["best", "plain"])
    }
}
