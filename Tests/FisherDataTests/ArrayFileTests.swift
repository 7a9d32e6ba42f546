import FisherFiles
import Foundation
import Testing
import Torch

@testable import FisherData

@Suite struct ArrayFileTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/arrays").path

    static func path(_ name: String) -> String { fixtures + "/" + name }

    static let wholes =
        ["i1", "u1"]
        + ["i2", "u2", "i4", "u4", "i8", "u8"].flatMap { [$0, "big-" + $0] } + ["fortran-big-i2"]
    static let halves =
        ["f2", "f4", "f8"].flatMap { [$0, "big-" + $0] } + ["fortran-f4", "version-2", "version-3"]

    @Test(arguments: wholes + halves + ["b1"])
    func everyTypeAndOrderIsRead(_ name: String) throws {
        let array = try ArrayFile(path: Self.path(name + ".npy")).array(named: [])
        #expect(array.shape == [3, 2])
        let expected = (0..<6).map { k -> Double in
            name == "b1" ? Double(k % 2) : Self.halves.contains(name) ? Double(k) / 2 - 2 : Double(k)
        }
        #expect(try array.tensor().scalars(as: Double.self) == expected)
        #expect(
            try array.rows(at: [2, 0, 1]).scalars(as: Double.self) == [4, 5, 0, 1, 2, 3].map { expected[$0] })
        #expect(try array.loaded().rows(at: [1, 2]).scalars(as: Double.self) == Array(expected[2...]))
        let isFloat = Self.halves.contains(name)
        #expect(array.dtype.isFloatingPoint == isFloat)
    }

    @Test(arguments: ["stored.npz", "deflated.npz"])
    func archivesAreReadByName(_ name: String) throws {
        let file = try ArrayFile(path: Self.path(name))
        #expect(file.arrays.map(\.name) == ["x", "y"])
        #expect(
            try file.array(named: ["inputs", "x"]).tensor().scalars(as: Double.self) == [
                -2, -1.5, -1, -0.5, 0, 0.5,
            ])
        #expect(try file.array(named: ["y"]).tensor().scalars(as: Double.self) == [0, 1, 2])
        let error = try #require(throws: DataError.self) { try file.array(named: ["z"]) }
        #expect(error.description.contains("\"x\", \"y\"") && error.description.contains("\(name):x"))
    }

    @Test(arguments: [
        ("object", "Python objects"), ("complex", "complex numbers"), ("text", "texts"), ("date", "dates"),
        ("record", "named fields"), ("large", "9223372036854775808"),
    ])
    func whatIsNoArrayOfNumbersIsNamed(_ name: String, _ words: String) throws {
        let path = Self.path("bad-\(name).npy")
        let error = try #require(throws: DataError.self) {
            _ = try ArrayFile(path: path).array(named: []).tensor()
        }
        #expect(error.description.hasPrefix(path) && error.description.contains(words), "\(error)")
    }

    /// Every shorter file, and one with more behind it, is an error.
    @Test(arguments: ["f4.npy", "stored.npz", "deflated.npz"])
    func truncationsAreErrors(_ name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.path(name))))
        for length in 6..<bytes.count {
            #expect(throws: (any Error).self) {
                _ = try ArrayFile(.memory(Array(bytes[..<length])), path: "short").arrays.map {
                    try $0.array.tensor()
                }
            }
        }
        if name == "f4.npy" {
            let error = try #require(throws: DataError.self) {
                try ArrayFile(.memory(bytes + [0]), path: "long")
            }
            #expect(error.description.contains("1 bytes behind"))
        }
    }

    /// The size that a head claims takes no memory before it is compared with the file's.
    @Test func sizesAreNotTrusted() throws {
        for shape in [
            "(99999999999999999, 99999999)", "(72057594037927936,)", "(1000000000000,)", "(-1,)", "(1.5,)",
        ] {
            let text = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }\n"
            var bytes: [UInt8] = [0x93]
            bytes += Array("NUMPY".utf8)
            bytes += [1, 0, UInt8(text.utf8.count), 0]
            bytes += Array(text.utf8)
            #expect(throws: DataError.self) { try ArrayFile(.memory(bytes), path: "claims") }
        }
    }

    @Test func idxAndGzipAreRecognized() throws {
        let packed = try ArrayFile(path: Self.fixtures + "/../images/images-idx3-ubyte.gz").array(named: [])
        #expect(packed.shape.count == 3 && packed.dtype == .uint8 && packed.isInMemory)
        let floats: [UInt8] = [0, 0, 13, 1, 0, 0, 0, 2, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0]
        #expect(
            try ArrayFile(.memory(floats), path: "f").array(named: []).tensor().scalars(as: Double.self) == [
                1, -2,
            ])
        let error = try #require(throws: DataError.self) {
            try ArrayFile(.memory(Array(floats.dropLast())), path: "f")
        }
        #expect(error.description.contains("announces 2"))
    }

    /// A safetensors file gives its rows from the file, the same as from memory, and the same fingerprint.
    @Test func rowsComeFromTheFile() throws {
        let path = NSTemporaryDirectory() + "rows-\(UUID()).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let values = (0..<40).map { Float($0) * 0.25 }
        try SafetensorsWriter().write(
            [try SafetensorsSource(name: "inputs", tensor: Tensor(values, shape: [10, 4]))], to: path)
        let array = try ArrayFile(path: path).array(named: ["inputs"])
        #expect(!array.isInMemory)
        let loaded = try array.loaded()
        for indices in [[0], [9, 8], [3, 4, 5, 0], Array(0..<10)] {
            let (a, b) = (try array.rows(at: indices), try loaded.rows(at: indices))
            #expect(try a.scalars(as: Float.self) == b.scalars(as: Float.self))
            #expect(try a.scalars(as: Float.self) == indices.flatMap { values[$0 * 4..<$0 * 4 + 4] })
        }
        var (a, b) = (Fingerprint(), Fingerprint())
        try array.add(to: &a)
        try loaded.add(to: &b)
        #expect(a.text == b.text)
    }

    /// What a file is, by its first bytes, where a safetensors file belongs.
    @Test(arguments: [
        ("\u{93}NUMPY\u{1}\0v\0{'descr': '<f4'", "a NumPy array (.npy)"),
        (
            "PK\u{3}\u{4}" + String(repeating: "\0", count: 22) + "\u{10}\0\0\0archive/data.pkl",
            "a PyTorch file (.pt)"
        ),
        ("PK\u{3}\u{4}" + String(repeating: "\0", count: 22) + "\u{5}\0\0\0x.npy", "a NumPy archive (.npz)"),
        ("GGUF\u{3}\0\0\0", "a GGUF file"), ("\u{89}HDF\r\n\u{1a}\n", "an HDF5 file"),
        ("\u{1f}\u{8b}\u{8}\0\0\0\0\0\0", "a gzip file"), ("PAR1\u{15}\0\u{15}\0", "a Parquet file"),
        ("\u{89}PNG\r\n\u{1a}\n\0", "a PNG image"), ("a,b\n1,2\n3,4\n", "a text"),
        ("{\"layers\": []}", "JSON"),
        ("\u{80}\u{2}}q\u{1}.aaaa", "a pickle of Python"), ("\0\0\u{8}\u{1}\0\0\0\u{1}a", "an IDX file"),
    ])
    func otherFilesAreNamed(_ text: String, _ noun: String) throws {
        let path = NSTemporaryDirectory() + "other-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(text.unicodeScalars.map { UInt8($0.value) }).write(to: URL(filePath: path))
        let error = try #require(throws: SafetensorsError.self) { try SafetensorsFile(path: path) }
        #expect(error.reason.hasPrefix("it is \(noun), not a safetensors file"), "\(error)")
        #expect(error.kind == .malformed)
    }

    @Test func checksNameRowAndColumn() throws {
        let numbers = Tensor([1.0, 2, 3, .nan, 5, 6], shape: [3, 2])
        let error = try #require(throws: DataError.self) {
            try NumberChecks.requireFinite(numbers, in: "x.npy", rows: [7, 8, 9])
        }
        #expect(error.description == "x.npy holds NaN in row 8, column 1 (rows and columns count from 0)")
        #expect(throws: DataError.self) { try NumberChecks.requireClasses(numbers, in: "y.npy") }
        #expect(throws: DataError.self) {
            try NumberChecks.requireClasses(Tensor([0, 3] as [Int64]), in: "y.npy", count: 3)
        }
        try NumberChecks.requireClasses(Tensor([0, 2] as [Int64]), in: "y.npy", count: 3)
    }
}
