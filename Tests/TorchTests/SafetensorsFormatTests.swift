import Foundation
import Testing

@testable import Torch

/// A folder of a test's own, removed when the test lets go of it.
final class SafetensorsScratch {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "safetensors-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    /// The path of a file in the folder.
    func path(_ name: String = "model.safetensors") -> String {
        folder.path(percentEncoded: false) + "/" + name
    }

    /// Writes bytes to a file in the folder and returns its path.
    func file(_ bytes: [UInt8], name: String = "model.safetensors") throws -> String {
        try Data(bytes).write(to: URL(filePath: path(name)))
        return path(name)
    }

    /// The names of all files in the folder, hidden ones too.
    var contents: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false)) }
    }
}

/// The bytes of a file: the header's length, or the one claimed, the header, the data.
func safetensorsBytes(_ header: [UInt8], data: Int = 0, claiming length: UInt64? = nil) -> [UInt8] {
    let length = length ?? UInt64(header.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + header
        + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
}

@Suite struct SafetensorsRefusalTests {
    /// A header that must be refused, and what the message must say.
    struct Malformation: CustomTestStringConvertible, Sendable {
        let header: String
        var data = 4
        var tensor: String? = "a"
        let message: String

        var testDescription: String { message }

        init(_ header: String, data: Int = 4, tensor: String? = "a", _ message: String) {
            (self.header, self.data, self.tensor, self.message) = (header, data, tensor, message)
        }

        /// An entry named `a`, sound but for the parts given.
        static func entry(
            dtype: String = "\"F32\"", shape: String = "[1]", offsets: String = "[0,4]", more: String = ""
        ) -> String {
            "{\"a\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)\(more)}}"
        }

        /// Two sound entries in the order of the header, with the offsets given.
        static func pair(_ first: String, _ second: String, shape: Int = 1) -> String {
            "{\"b\":{\"dtype\":\"U8\",\"shape\":[\(shape)],\"data_offsets\":\(first)},"
                + "\"a\":{\"dtype\":\"U8\",\"shape\":[\(shape)],\"data_offsets\":\(second)}}"
        }
    }

    static let layouts: [Malformation] = [
        .init(Malformation.pair("[0,2]", "[1,3]", shape: 2), data: 3, "overlap those of tensor \"b\""),
        .init(Malformation.pair("[0,2]", "[0,2]", shape: 2), data: 2, "overlap those of tensor"),
        .init(Malformation.pair("[0,2]", "[3,5]", shape: 2), data: 5, "1 bytes before its own belong to no"),
        .init(Malformation.entry(offsets: "[1,5]"), data: 5, "1 bytes before its own belong to no tensor"),
        .init(Malformation.entry(), data: 5, tensor: nil, "1 bytes at the end of the file belong to no"),
        .init("{}", data: 1, tensor: nil, "1 bytes at the end of the file belong to no tensor"),
        .init(Malformation.entry(), data: 3, "truncated: the tensors take 4 bytes, 3 are there"),
        .init(Malformation.entry(offsets: "[4,0]"), "end at 0, before they begin at 4"),
        .init(Malformation.entry(shape: "[2]"), "takes 8 bytes, its data_offsets span 4"),
        .init(Malformation.entry(shape: "[]", offsets: "[0,8]"), data: 8, "takes 4 bytes, its data_offsets"),
        .init(Malformation.entry(shape: "[4294967296,4294967296]"), "more elements than 64 bits"),
        .init(Malformation.entry(shape: "[4611686018427387904]"), "more bits than 64 bits"),
        .init(Malformation.entry(dtype: "\"F4\"", shape: "[3]", offsets: "[0,2]"), "not fill whole bytes"),
    ]

    static let entries: [Malformation] = [
        .init(Malformation.entry(shape: "[18446744073709551616]"), "a number is too large"),
        .init(Malformation.entry(shape: "[-1]"), "expected a whole number"),
        .init(Malformation.entry(shape: "[1.0]"), "not a whole number"),
        .init(Malformation.entry(shape: "[1e0]"), "not a whole number"),
        .init(Malformation.entry(shape: "[01]"), "needless 0"),
        .init(Malformation.entry(shape: "[1,]"), "expected a whole number"),
        .init(Malformation.entry(shape: "null"), "expected an array"),
        .init(Malformation.entry(offsets: "[0]"), "not two numbers"),
        .init(Malformation.entry(offsets: "[0,4,4]"), "more than 2 numbers"),
        .init(Malformation.entry(offsets: "[-1,3]"), "expected a whole number"),
        .init(Malformation.entry(dtype: "\"F31\""), "dtype \"F31\" is unknown"),
        .init(Malformation.entry(dtype: "\"f32\""), "dtype \"f32\" is unknown"),
        .init(Malformation.entry(dtype: "{\"F32\":null}"), "expected a string"),
        .init(Malformation.entry(more: ",\"dtype\":\"F32\""), "its dtype occurs more than once"),
        .init(Malformation.entry(more: ",\"shape\":[1]"), "its shape occurs more than once"),
        .init(Malformation.entry(more: ",\"data_offsets\":[0,4]"), "its data_offsets occurs more than once"),
        .init(Malformation.entry(more: ",\"more\":[1,{\"x\":-01}]"), "needless 0"),
        .init(Malformation.entry(more: ",\"more\":1e999"), "a number is too large"),
        .init(Malformation.entry(more: ",\"more\":1."), "expected a digit"),
        .init(Malformation.entry(more: ",\"more\":NaN"), "expected a value, found 'N'"),
        .init(
            Malformation.entry(
                more: ",\"more\":" + String(repeating: "[", count: 126) + String(repeating: "]", count: 126)),
            "nest more than 127 deep"),
        .init("{\"a\":null}", "expected an object"),
        .init("{\"a\":[\"F32\",[1],[0,4]]}", "expected an object"),
        .init("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "no dtype"),
        .init("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "no shape"),
        .init("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "no data_offsets"),
        .init(
            Malformation.pair("[0,2]", "[2,4]", shape: 2).replacing("\"b\"", with: "\"\\u0061\""),
            "its name occurs more than once"),
        .init(
            Malformation.pair("[0,2]", "[2,4]", shape: 2).replacing("\"b\"", with: "\"e\\u0301\"")
                .replacing("\"a\"", with: "\"\\u00e9\""), tensor: "\u{E9}", "its name occurs more than once"),
    ]

    static let texts: [Malformation] = [
        .init("", data: 0, tensor: nil, "does not start with '{'"),
        .init(" {}", data: 0, tensor: nil, "does not start with '{'"),
        .init("[]", data: 0, tensor: nil, "does not start with '{'"),
        .init("\u{FEFF}{}", data: 0, tensor: nil, "does not start with '{'"),
        .init("{", data: 0, tensor: nil, "found the end"),
        .init("{}x", data: 0, tensor: nil, "expected the end, found 'x'"),
        .init("{}\0", data: 0, tensor: nil, "expected the end, found byte 0x0"),
        .init("{\"__metadata__\":{},}", data: 0, tensor: nil, "expected a string, found '}'"),
        .init("{\"__metadata__\":{}\"a\":1}", data: 0, tensor: nil, "expected ',' or '}'"),
        .init("{\"__metadata__\":{\"a\" \"b\"}}", data: 0, tensor: nil, "expected ':'"),
        .init("{'a':1}", data: 0, tensor: nil, "expected a string"),
        .init("{/**/}", data: 0, tensor: nil, "expected a string"),
        .init("{\"__metadata__\":{},\"__metadata__\":{}}", data: 0, tensor: nil, "__metadata__ occurs more"),
        .init(
            "{\"__metadata__\":null,\"__metadata__\":{}}", data: 0, tensor: nil, "__metadata__ occurs more"),
        .init("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", data: 0, tensor: nil, "key \"k\" occurs more"),
        .init("{\"__metadata__\":{\"k\":1}}", data: 0, tensor: nil, "expected a string, found '1'"),
        .init("{\"__metadata__\":{\"k\":null}}", data: 0, tensor: nil, "expected a string"),
        .init("{\"__metadata__\":[]}", data: 0, tensor: nil, "expected an object"),
        .init("{\"\\ud800\":1}", data: 0, tensor: nil, "half of a surrogate pair"),
        .init("{\"\\udc00\":1}", data: 0, tensor: nil, "half of a surrogate pair"),
        .init("{\"\\ud800\\u0041\":1}", data: 0, tensor: nil, "half of a surrogate pair"),
        .init("{\"\\u12\":1}", data: 0, tensor: nil, "lacks its four hexadecimal digits"),
        .init("{\"\\u00g0\":1}", data: 0, tensor: nil, "lacks its four hexadecimal digits"),
        .init("{\"\\x\":1}", data: 0, tensor: nil, "unknown escape"),
        .init("{\"\\", data: 0, tensor: nil, "unknown escape"),
        .init("{\"a\nb\":1}", data: 0, tensor: nil, "unescaped control character"),
        .init("{\"a", data: 0, tensor: nil, "a string is not closed"),
    ]

    @Test(arguments: layouts + entries + texts)
    func refused(_ malformation: Malformation) throws {
        let scratch = try SafetensorsScratch()
        let path = try scratch.file(
            safetensorsBytes(Array(malformation.header.utf8), data: malformation.data))
        let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
        #expect(error.kind == .malformed)
        #expect(error.path == path)
        #expect(error.tensor == malformation.tensor)
        #expect(error.description.hasPrefix("\"\(path)\": "))
        #expect(error.description.contains(malformation.message))
        if let tensor = malformation.tensor { #expect(error.description.contains("tensor \"\(tensor)\": ")) }
    }

    @Test(arguments: [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0xFF]])
    func refusesWhatIsNotUTF8(_ bytes: [UInt8]) throws {
        let scratch = try SafetensorsScratch()
        for opening in ["{\"__metadata__\":{\"k\":\"", "{\"__metadata__\":{\"k\":\"\\n"] {
            let header = Array(opening.utf8) + bytes + Array("\"}}".utf8)
            let path = try scratch.file(safetensorsBytes(header))
            let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
            #expect(error.reason.contains("not valid UTF-8"))
        }
    }

    @Test(arguments: [100_000_000, 100_000_001, 1 << 40, 1 << 63, UInt64.max])
    func refusesClaimedLengths(_ length: UInt64) throws {
        let scratch = try SafetensorsScratch()
        let path = try scratch.file(safetensorsBytes(Array("{}".utf8), claiming: length))
        let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
        #expect(error.kind == .malformed)
        #expect(error.reason.contains("the header claims \(length) bytes"))
    }

    @Test func refusesEveryTruncation() throws {
        let scratch = try SafetensorsScratch()
        let header = Malformation.pair("[0,3]", "[3,6]", shape: 3)
        let bytes = safetensorsBytes(Array(header.utf8), data: 6)
        #expect(try SafetensorsFile(path: scratch.file(bytes)).tensors.count == 2)
        for length in bytes.indices {
            let path = try scratch.file(Array(bytes[..<length]))
            let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
            #expect(error.kind == .malformed)
            #expect(error.description.contains(path))
        }
    }

    @Test func survivesRandomDamage() throws {
        let scratch = try SafetensorsScratch()
        let header = #"""
            {"__metadata__":{"k":"\ud83d\ude00 é"},
            "größe":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4],"more":[-1.5e3,true]},
            "b":{"dtype":"U8","shape":[],"data_offsets":[4,5]}}
            """#
        let bytes = safetensorsBytes(Array(header.utf8), data: 5)
        var generator = SplitMix64(seed: 20_250_101)
        var refused = 0
        for _ in 0..<500 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: 0..<bytes.count - 5, using: &generator)
                damaged[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            }
            let path = try scratch.file(damaged)
            do {
                let file = try SafetensorsFile(path: path)
                #expect(file.tensors.map(\.byteCount).reduce(0, +) == 5)
                for tensor in file.tensors {
                    #expect(try file.readBytes(of: tensor.name).count == tensor.byteCount)
                }
            } catch {
                refused += 1
                #expect(error.kind == .malformed)
            }
        }
        #expect(refused > 250)
    }
}
