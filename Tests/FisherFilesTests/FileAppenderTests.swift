import Foundation
import Testing

@testable import FisherFiles

@Suite("The appender", .timeLimit(.minutes(1)))
struct FileAppenderTests {
    @Test("A file grows, is cut back, and goes on where it ended")
    func grows() throws {
        let scratch = try Scratch()
        let path = scratch.path("log")
        do {
            let log = try FileAppender(path)
            try log.append(Data("one\n".utf8))
            try log.append(Data("two\n".utf8))
            #expect(log.byteCount == 8)
            try log.cut(to: 4)
            try log.append(Data("three\n".utf8))
            try log.synchronize()
        }
        let again = try FileAppender(path)
        #expect(again.byteCount == 10)
        try again.append(Data("four\n".utf8))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "one\nthree\nfour\n")
    }

    @Test("Nothing but a regular file is appended to, and none of them blocks", arguments: Obstacle.allCases)
    func refuses(_ obstacle: Obstacle) throws {
        let scratch = try Scratch()
        let path = try obstacle.make(in: scratch)
        let error = #expect(throws: StorageError.self) { try FileAppender(path) }
        #expect(error?.kind == .damaged)
        #expect(error?.reason.contains(obstacle.words) == true)
        if obstacle == .link {
            #expect(try String(contentsOfFile: scratch.path("victim"), encoding: .utf8) == "precious")
        }
    }

    @Test("A file that must be new is not taken over, nor is a link followed to one")
    func new() throws {
        let scratch = try Scratch()
        try scratch.file("old", "precious")
        try #require(symlink("elsewhere", scratch.path("link")) == 0)
        for name in ["old", "link"] {
            let error = #expect(throws: StorageError.self) {
                try FileAppender(scratch.path(name), mustBeNew: true)
            }
            #expect(error?.systemError == EEXIST)
        }
        #expect(try scratch.names == ["link", "old"])
        #expect(try FileAppender(scratch.path("new"), mustBeNew: true).byteCount == 0)
    }

    /// A failing `ftruncate` went unnoticed, and the torn record stayed.
    @Test(
        "A full disk is named, and so is what cannot be cut off again",
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func fullDisk() throws {
        let scratch = try Scratch()
        let log = try FileAppender(scratch.path("log"))
        try log.append(Data("one\n".utf8))
        let full = open("/dev/full", O_RDWR)
        try #require(full >= 0 && dup2(full, log.descriptor) == log.descriptor)
        defer { close(full) }
        let error = #expect(throws: StorageError.self) { try log.append(Data("two\n".utf8)) }
        #expect(error?.kind == .inputOutput && error?.systemError == ENOSPC)
        #expect(
            error?.reason
                == "cannot be written: no space left on device; and then it cannot be cut back: invalid argument"
        )
        #expect(log.byteCount == 4)
    }
}
