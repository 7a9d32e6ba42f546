import Foundation
import Testing

@testable import Torch

@Suite struct SafetensorsReaderTests {
    private func open(_ header: String, data: Int = 4) throws -> SafetensorsFile {
        let scratch = try SafetensorsScratch()
        return try SafetensorsFile(path: scratch.file(safetensorsBytes(Array(header.utf8), data: data)))
    }

    @Test func ordersTensorsByTheirBytes() throws {
        let file = try open(
            """
            {"late":{"dtype":"U8","shape":[3],"data_offsets":[1,4]},
             "empty":{"dtype":"F64","shape":[0,9],"data_offsets":[1,1]},
             "early":{"dtype":"I8","shape":[],"data_offsets":[0,1]}}  \t\r\n
            """)
        #expect(file.tensors.map(\.name) == ["early", "empty", "late"])
        #expect(file.metadata.isEmpty)
        #expect(file["late"]?.shape == [3])
        #expect(file["late"]?.dtype == .uint8)
        #expect(file["none"] == nil)
        #expect(try file.readBytes(of: "late") == [1, 2, 3])
        #expect(try file.readBytes(of: "empty") == [])
        #expect(try file.readBytes(of: "early") == [0])
    }

    @Test func readsEscapesAsTheyAreMeant() throws {
        let file = try open(#"{"__metadata__":{"\u0000\/\b\f\n\r\t\"\\":"\ud83d\uDE00\u00e9é"}}"#, data: 0)
        #expect(file.metadata == ["\0/\u{8}\u{C}\n\r\t\"\\": "😀éé"])
    }

    @Test func ignoresKeysThatItDoesNotKnow() throws {
        let file = try open(
            #"""
            {"a":{"more":[1,-2.5E+3,{"x":[true,false,null,"\u00e9"],"y":{}}],
            "dtype":"F32","shape":[1],"data_offsets":[0,4]}}
            """#)
        #expect(file["a"]?.byteCount == 4)
        #expect(try open("{\"__metadata__\":null}", data: 0).metadata.isEmpty)
    }

    @Test func countsAnEmptyShapeAsTheReferenceDoes() throws {
        let huge = "1099511627776"
        let file = try open(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,\(huge),\(huge)],\"data_offsets\":[0,0]}}", data: 0)
        #expect(file["a"]?.shape == [0, 1 << 40, 1 << 40])
    }

    @Test func readsPartsIntoABuffer() throws {
        let file = try open("{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}}", data: 9)
        let entry = try file.entry(named: "a")
        var whole = [UInt8](repeating: 255, count: 9)
        try whole.withUnsafeMutableBytes { try file.read(entry, into: $0) }
        #expect(whole == Array(0..<9))
        var part = [UInt8](repeating: 255, count: 3)
        try part.withUnsafeMutableBytes { try file.read(entry, from: 6, into: $0) }
        #expect(part == [6, 7, 8])
    }

    @Test func namesATensorThatIsMissing() throws {
        let file = try open("{}", data: 0)
        let error = try #require(throws: SafetensorsError.self) { try file.readBytes(of: "weight") }
        #expect(error.kind == .missingTensor)
        #expect(error.tensor == "weight")
        #expect(error.description == "\"\(file.path)\": tensor \"weight\": it is not in the file")
    }

    /// The file is sparse: opening must not touch, let alone allocate, the terabyte that it describes.
    @Test func opensATerabyteWithoutReadingIt() throws {
        let scratch = try SafetensorsScratch()
        let size = 1 << 40
        let header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[\(size)],\"data_offsets\":[0,\(size)]}}"
        let path = try scratch.file(safetensorsBytes(Array(header.utf8)))
        guard truncate(path, off_t(8 + header.utf8.count + size)) == 0 else { return }
        let file = try SafetensorsFile(path: path)
        let entry = try file.entry(named: "a")
        var end = [UInt8](repeating: 255, count: 16)
        try end.withUnsafeMutableBytes { try file.read(entry, from: size - 16, into: $0) }
        #expect(end == [UInt8](repeating: 0, count: 16))
    }

    @Test func saysWhenTheFileShrinks() throws {
        let scratch = try SafetensorsScratch()
        let header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}}"
        let path = try scratch.file(safetensorsBytes(Array(header.utf8), data: 9))
        let file = try SafetensorsFile(path: path)
        #expect(truncate(path, off_t(8 + header.utf8.count + 4)) == 0)
        let error = try #require(throws: SafetensorsError.self) { try file.readBytes(of: "a") }
        #expect(error.kind == .inputOutput)
        #expect(error.reason.contains("shrank"))
    }

    @Test func readsOnAfterTheFileIsReplaced() throws {
        let scratch = try SafetensorsScratch()
        let path = scratch.path()
        func write(_ byte: UInt8) throws {
            let source = SafetensorsSource(name: "a", dtype: .uint8, shape: [1], bytes: [byte])
            try SafetensorsWriter().write([source], to: path)
        }
        try write(1)
        let old = try SafetensorsFile(path: path)
        try write(2)
        #expect(try old.readBytes(of: "a") == [1])
        #expect(try SafetensorsFile(path: path).readBytes(of: "a") == [2])
    }

    @Test func saysWhatCannotBeOpened() throws {
        let scratch = try SafetensorsScratch()
        let pipe = scratch.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let plain = try scratch.file([], name: "plain")
        let cases: [(path: String, kind: SafetensorsError.Kind, words: String)] = [
            (scratch.path("none"), .notFound, "cannot be opened: no such file or directory"),
            (plain + "/none", .notFound, "cannot be opened"),
            ("", .notFound, "cannot be opened"),
            (plain + "\0.safetensors", .notFound, "zero byte"),
            (scratch.path(""), .malformed, "is a folder, not a file"),
            (pipe, .malformed, "is not a regular file"),
            ("/dev/null", .malformed, "is not a regular file"),
            (plain, .malformed, "the file has 0 bytes"),
        ]
        for (path, kind, words) in cases {
            let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
            #expect(error.kind == kind)
            #expect(error.path == path)
            #expect(error.reason.contains(words))
        }
    }

    @Test(.enabled(if: geteuid() != 0, "the superuser may read everything"))
    func saysThatAFileMayNotBeRead() throws {
        let scratch = try SafetensorsScratch()
        let path = try scratch.file([])
        #expect(chmod(path, 0) == 0)
        let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
        #expect(error.kind == .permissionDenied)
        #expect(error.systemError == EACCES)
        #expect(error.reason == "cannot be opened: permission denied")
    }

    @Test func recognizesAGitLFSPointer() throws {
        let scratch = try SafetensorsScratch()
        let path = try scratch.file(Array("version https://git-lfs.github.com/spec/v1\n".utf8))
        let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
        #expect(error.reason.contains("Git LFS pointer"))
    }

    @Test func keepsHostileNamesOutOfTheTerminal() {
        let name = "\u{1B}[2J\u{202E}\n\"\\" + String(repeating: "x", count: 100_000)
        let error = SafetensorsError(.malformed, path: "m", tensor: name, reason: "why")
        #expect(error.tensor == name)
        #expect(error.description.hasPrefix(#""m": tensor "\u{1b}[2J\u{202e}\u{a}\"\\xxx"#))
        #expect(error.description.hasSuffix("…\" (100010 bytes long): why"))
        #expect(error.description.count < 300)
        #expect(SafetensorsError.listed(Array(repeating: 1, count: 17)).hasSuffix("1, … (17 dimensions)]"))
    }
}
