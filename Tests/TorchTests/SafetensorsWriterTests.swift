import FisherFiles
import Foundation
import Testing

@testable import Torch

@Suite struct SafetensorsWriterTests {
    private func source(_ name: String, _ bytes: [UInt8] = [1]) -> SafetensorsSource {
        SafetensorsSource(name: name, dtype: .uint8, shape: [bytes.count], bytes: bytes)
    }

    @Test func writesWhatTheReferenceLibraryWrites() throws {
        let scratch = try SafetensorsScratch()
        // The name has one character of each kind that JSON escapes, and some that it leaves alone.
        let sources = [
            source("b", []),
            SafetensorsSource(name: "a\"\\\u{1}\u{7F}\n/é\u{2028}", dtype: .uint8, shape: [], bytes: [7]),
            source("a", []),
            SafetensorsSource(name: "z", dtype: .int16, shape: [1, 2], bytes: [1, 2, 3, 4]),
        ]
        try SafetensorsWriter(metadata: ["k": "\u{8}\u{C}\r\t"]).write(sources, to: scratch.path())
        let header =
            #"{"__metadata__":{"format":"pt","k":"\b\f\r\t"},"#
            + #""z":{"dtype":"I16","shape":[1,2],"data_offsets":[0,4]},"#
            + #""a":{"dtype":"U8","shape":[0],"data_offsets":[4,4]},"#
            + "\"a\\\"\\\\\\u0001\u{7F}\\n/é\u{2028}\""
            + #":{"dtype":"U8","shape":[],"data_offsets":[4,5]},"#
            + #""b":{"dtype":"U8","shape":[0],"data_offsets":[5,5]}}"#
        let padded = Array(header.utf8) + Array(repeating: 0x20, count: (8 - header.utf8.count % 8) % 8)
        let bytes = try Array(Data(contentsOf: URL(filePath: scratch.path())))
        #expect(bytes == safetensorsBytes(padded) + [1, 2, 3, 4, 7])
    }

    @Test func roundTripsEveryType() throws {
        let scratch = try SafetensorsScratch()
        let sources = SafetensorsDType.allCases.enumerated().map { index, dtype in
            let bytes = (0..<dtype.bitWidth).map { UInt8($0 + index) }
            return SafetensorsSource(name: dtype.rawValue, dtype: dtype, shape: [2, 1, 4], bytes: bytes)
        }
        let metadata = ["format": "np", "ключ": "值 \"🐟\"\u{0}", "": ""]
        try SafetensorsWriter(metadata: metadata).write(sources, to: scratch.path())
        let file = try SafetensorsFile(path: scratch.path())
        #expect(file.metadata == metadata)
        #expect(file.tensors.map(\.dtype) == SafetensorsDType.allCases.reversed())
        var start = 0
        for entry in file.tensors {
            let index = try #require(SafetensorsDType.allCases.firstIndex(of: entry.dtype))
            #expect(entry.name == entry.dtype.rawValue)
            #expect(entry.shape == [2, 1, 4])
            #expect(entry.dataRange == start..<start + entry.dtype.bitWidth)
            #expect(
                try file.readBytes(of: entry.name) == (0..<entry.dtype.bitWidth).map { UInt8($0 + index) })
            start += entry.byteCount
        }
    }

    @Test func keepsTheOrderGivenWhereAsked() throws {
        let scratch = try SafetensorsScratch()
        try SafetensorsWriter(order: .asGiven).write(["c", "a", "b"].map { source($0) }, to: scratch.path())
        let file = try SafetensorsFile(path: scratch.path())
        #expect(file.tensors.map(\.name) == ["c", "a", "b"])
        #expect(file.metadata == ["format": "pt"])
    }

    @Test func writesAFileWithoutTensors() throws {
        let scratch = try SafetensorsScratch()
        try SafetensorsWriter().write([], to: scratch.path())
        #expect(try SafetensorsFile(path: scratch.path()).tensors.isEmpty)
    }

    @Test func treatsNamesAsTextOnly() throws {
        let scratch = try SafetensorsScratch()
        let names = [
            "../../x", "/etc/passwd", "", ".", "a/b", "a\0b", "重み/層.0", "👩‍👩‍👧", "\u{202E}", "\u{1B}[31m",
            String(repeating: "long", count: 50_000),
        ]
        let sources = names.enumerated().map { source($1, [UInt8($0)]) }
        try SafetensorsWriter().write(sources, to: scratch.path())
        let file = try SafetensorsFile(path: scratch.path())
        #expect(file.tensors.count == names.count)
        for (index, name) in names.enumerated() { #expect(try file.readBytes(of: name) == [UInt8(index)]) }
        #expect(try scratch.contents == ["model.safetensors"])
    }

    @Test func takesPiecesAsTheyCome() throws {
        let scratch = try SafetensorsScratch()
        let pieces = SafetensorsSource(name: "a", dtype: .uint16, shape: [3], byteCount: 6) { consume in
            for piece in [[1, 2], [], [3], [4, 5, 6]] as [[UInt8]] {
                try piece.withUnsafeBytes { buffer in try consume(buffer) }
            }
        }
        try SafetensorsWriter().write([pieces], to: scratch.path())
        #expect(try SafetensorsFile(path: scratch.path()).readBytes(of: "a") == [1, 2, 3, 4, 5, 6])
    }

    struct Lost: Error, CustomStringConvertible {
        let description = "the device was lost"
    }

    /// Each fails on its own ground; in every case the file that was there stays and no other is left.
    @Test func leavesTheOldFileWhereWritingFails() throws {
        func failing(_ bytes: @escaping SafetensorsSource.Bytes) -> [SafetensorsSource] {
            [
                source("a"),
                SafetensorsSource(name: "b", dtype: .uint8, shape: [2], byteCount: 2, bytes: bytes),
            ]
        }
        func give(_ count: Int, to consume: (UnsafeRawBufferPointer) throws -> Void) throws {
            try [UInt8](repeating: 1, count: count).withUnsafeBytes { buffer in try consume(buffer) }
        }
        func sized(_ dtype: SafetensorsDType, _ shape: [Int], _ bytes: [UInt8]) -> [SafetensorsSource] {
            [SafetensorsSource(name: "b", dtype: dtype, shape: shape, bytes: bytes)]
        }
        let cases: [([SafetensorsSource], SafetensorsError.Kind, String)] = [
            (failing { _ in throw Lost() }, .sourceFailed, "its bytes cannot be read: the device was lost"),
            (failing { try give(1, to: $0) }, .sourceFailed, "it gave 1 of the 2 bytes announced"),
            (failing { try give(3, to: $0) }, .sourceFailed, "it gave more than the 2 bytes announced"),
            (failing { try? give(3, to: $0) }, .sourceFailed, "it gave more than the 2 bytes announced"),
            ([source("b"), source("a"), source("b")], .malformed, "occurs more than once"),
            (sized(.float32, [2], [1, 2]), .malformed, "takes 8 bytes, 2 were announced"),
            (sized(.uint8, [-1, -2], [1, 2]), .malformed, "has a negative dimension"),
            (sized(.uint8, [1 << 40, 1 << 40], []), .malformed, "more elements than 64 bits can count"),
            (sized(.float4, [3], [1, 2]), .malformed, "does not fill whole bytes"),
        ]
        let scratch = try SafetensorsScratch()
        let path = scratch.path()
        try SafetensorsWriter().write([source("old")], to: path)
        for (sources, kind, words) in cases {
            let error = try #require(throws: SafetensorsError.self) {
                try SafetensorsWriter().write(sources, to: path)
            }
            #expect(error.kind == kind)
            #expect(error.tensor == "b")
            #expect(error.description.hasPrefix("\"\(path)\": tensor \"b\": "))
            #expect(error.reason.contains(words))
            #expect(try scratch.contents == ["model.safetensors"])
            #expect(try SafetensorsFile(path: path).readBytes(of: "old") == [1])
        }
    }

    @Test func refusesTheNameOfTheMetadata() throws {
        let scratch = try SafetensorsScratch()
        let error = try #require(throws: SafetensorsError.self) {
            try SafetensorsWriter().write([source("__metadata__")], to: scratch.path())
        }
        #expect(error.tensor == "__metadata__")
        #expect(try scratch.contents.isEmpty)
    }

    @Test func refusesAHeaderThatNobodyWouldRead() throws {
        let header = try SafetensorsWriter().header(for: [source("a")], path: "m")
        let size = try header.serialized(path: "m").count - 8
        #expect(try header.serialized(limit: size, path: "m").count == size + 8)
        let error = try #require(throws: SafetensorsError.self) {
            try header.serialized(limit: size - 1, path: "m")
        }
        #expect(error.kind == .malformed)
        #expect(error.reason == "the header would take \(size) bytes, the limit is \(size - 1)")
    }

    @Test func saysWhatCannotBeCreated() throws {
        let scratch = try SafetensorsScratch()
        let plain = try scratch.file([1], name: "plain")
        let cases: [(path: String, words: String)] = [
            (
                scratch.path("none/model.safetensors"),
                "its folder cannot be opened: no such file or directory"
            ),
            (plain + "/model.safetensors", "its folder cannot be opened: not a directory"),
            (scratch.path(""), "is a folder"),
            (scratch.path("."), "is a folder"),
            ("", "does not name a file"),
            (scratch.path("a\0b"), "zero byte"),
            ("/dev/null", "is not a regular file"),
            (scratch.path(String(repeating: "n", count: 300)), "file name too long"),
        ]
        for (path, words) in cases {
            let error = try #require(throws: SafetensorsError.self) {
                try SafetensorsWriter().write([source("a")], to: path)
            }
            #expect(error.kind == .cannotCreate)
            #expect(error.path == path)
            #expect(error.reason.contains(words))
        }
        #expect(try scratch.contents == ["plain"])
    }

    @Test(.enabled(if: geteuid() != 0, "the superuser may write everywhere"))
    func saysThatAFolderMayNotBeWritten() throws {
        let scratch = try SafetensorsScratch()
        #expect(chmod(scratch.path(""), 0o500) == 0)
        defer { chmod(scratch.path(""), 0o700) }
        let error = try #require(throws: SafetensorsError.self) {
            try SafetensorsWriter().write([source("a")], to: scratch.path())
        }
        #expect(error.kind == .permissionDenied)
        #expect(error.systemError == EACCES)
    }

    @Test func anErrorOfTheFileNamesTheTensor() {
        let full = StorageError(
            .inputOutput, path: "/full/m.safetensors", reason: "cannot be written: no space left on device",
            systemError: ENOSPC)
        let error = SafetensorsError(full, tensor: "w")
        #expect(error.kind == .inputOutput)
        #expect(error.systemError == ENOSPC)
        #expect(error.description == "\"/full/m.safetensors\": tensor \"w\": \(full.reason)")
    }

    @Test func refusesLinksAndKeepsPermissions() throws {
        let scratch = try SafetensorsScratch()
        let target = try scratch.file([], name: "target")
        #expect(chmod(target, 0o640) == 0)
        #expect(symlink("target", scratch.path("link")) == 0)
        let error = try #require(throws: SafetensorsError.self) {
            try SafetensorsWriter().write([source("a", [9])], to: scratch.path("link"))
        }
        #expect(error.kind == .cannotCreate)
        #expect(error.reason.contains("is a symbolic link, which is not followed"))
        try SafetensorsWriter().write([source("a", [9])], to: target)
        #expect(try SafetensorsFile(path: target).readBytes(of: "a") == [9])
        let manager = FileManager.default
        #expect(try manager.attributesOfItem(atPath: target)[.posixPermissions] as? Int == 0o640)
        #expect(try scratch.contents.sorted() == ["link", "target"])
    }
}
