import Foundation
import Testing

@testable import FisherFiles

@Suite("The reader", .timeLimit(.minutes(1)))
struct FileReaderTests {
    @Test("A file is read as it is", arguments: [0, 1, 65_536, 300_000])
    func reads(count: Int) throws {
        let scratch = try Scratch()
        let data = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        try data.write(to: URL(filePath: scratch.path("a")))
        #expect(try DurableStorage.readFile(at: scratch.path("a")) == data)
        let (size, check) = try DurableStorage.check(of: scratch.path("a"))
        #expect(size == count && check == CRC32C.of(data))
    }

    @Test("Nothing but a regular file is read, and none of them blocks", arguments: Obstacle.allCases)
    func refuses(_ obstacle: Obstacle) throws {
        let scratch = try Scratch()
        let path = try obstacle.make(in: scratch)
        let error = #expect(throws: StorageError.self) {
            try DurableStorage.readFile(at: path, followingLinks: false)
        }
        #expect(error?.kind == .damaged)
        #expect(error?.reason.contains(obstacle.words) == true)
        if obstacle == .link {
            #expect(try DurableStorage.readFile(at: path) == Data("precious".utf8))
        } else {
            #expect(throws: StorageError.self) { try DurableStorage.readFile(at: path) }
        }
    }

    @Test("A file beyond the limit is refused before it is read, without memory for it")
    func limit() throws {
        let scratch = try Scratch()
        let path = try scratch.file("a")
        try #require(truncate(path, 1 << 40) == 0)
        let error = #expect(throws: StorageError.self) { try DurableStorage.readFile(at: path) }
        #expect(error?.kind == .damaged)
        #expect(error?.reason == "has 1099511627776 bytes, where at most 67108864 are expected")
        try #require(truncate(path, 4) == 0)
        #expect(try DurableStorage.readFile(at: path, limit: 4).count == 4)
        #expect(throws: StorageError.self) { try DurableStorage.readFile(at: path, limit: 3) }
    }

    @Test("A file that shrinks while it is read is an error")
    func shrinks() throws {
        let scratch = try Scratch()
        let path = try scratch.file("a", "twelve bytes")
        let file = try FileReader(path)
        try #require(truncate(path, 5) == 0)
        let error = #expect(throws: StorageError.self) { try file.contents(limit: 100) }
        #expect(error?.reason == "shrank from 12 to 5 bytes while it was read")
    }

    @Test(
        "Files without a size are read to their end, up to the limit",
        .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status")))
    func withoutSize() throws {
        #expect(SystemFile.text(at: "/proc/self/status")?.contains("VmRSS") == true)
        let error = #expect(throws: StorageError.self) {
            try DurableStorage.readFile(at: "/proc/self/status", limit: 10)
        }
        #expect(error?.reason == "has more bytes, where at most 10 are expected")
    }

    @Test("What is missing or has no path")
    func missing() throws {
        let scratch = try Scratch()
        for name in ["none", "none/none", "a\0b"] {
            let error = #expect(throws: StorageError.self) {
                try DurableStorage.readFile(at: scratch.path(name))
            }
            #expect(error?.kind == .notFound)
        }
        #expect(throws: StorageError.self) { try DurableStorage.readFile(at: "") }
    }
}
