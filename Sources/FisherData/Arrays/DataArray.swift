import FisherFiles
import Torch

/// An array of numbers whose rows, along the first axis, are read by their indices: from memory, or from its file.
public struct DataArray: Sendable {
    /// The file, with the array's name behind a colon where the file holds several.
    public let path: String
    /// The sizes, the rows' number first.
    public let shape: [Int]
    let element: StoredElement
    let isBigEndian: Bool
    private let bytes: Bytes

    /// Where the bytes are, row by row.
    enum Bytes: Sendable {
        case memory([UInt8])
        /// Fills a buffer from an offset on.
        case file(@Sendable (Int, UnsafeMutableRawBufferPointer) throws -> Void)
    }

    init(_ path: String, shape: [Int], element: StoredElement, isBigEndian: Bool = false, bytes: Bytes) {
        (self.path, self.shape, self.element) = (path, shape, element)
        (self.isBigEndian, self.bytes) = (isBigEndian, bytes)
    }

    /// Numbers in memory.
    init(_ path: String, _ numbers: [Double], shape: [Int]) {
        self.init(
            path, shape: shape, element: .float64,
            bytes: .memory(numbers.withUnsafeBytes { Array($0) }))
    }

    /// The number of rows.
    public var count: Int { shape.first ?? 0 }
    /// The sizes of one row.
    public var rowShape: [Int] { Array(shape.dropFirst()) }
    /// The type of the tensors that rows become.
    public var dtype: DType { element.dtype }
    /// Whether the bytes are in memory.
    public var isInMemory: Bool { if case .memory = bytes { true } else { false } }
    /// The bytes of all rows as they are stored.
    public var byteCount: Int { shape.reduce(1, *) * element.byteCount }
    private var rowByteCount: Int { rowShape.reduce(1, *) * element.byteCount }

    /// Some rows, [indices, ...]. Throws what reading the file throws, and ``DataError`` for numbers that no tensor holds.
    public func rows(at indices: [Int]) throws -> Tensor {
        let size = rowByteCount
        var chosen: [UInt8]
        switch bytes {
        case .memory(let bytes):
            chosen = []
            chosen.reserveCapacity(indices.count * size)
            for index in indices { chosen += bytes[index * size..<(index + 1) * size] }
        case .file(let read):
            chosen = [UInt8](repeating: 0, count: indices.count * size)
            try chosen.withUnsafeMutableBytes { buffer in
                var place = 0
                while place < indices.count {
                    // Rows that follow one another in the file are read at once.
                    var end = place + 1
                    while end < indices.count, indices[end] == indices[end - 1] + 1 { end += 1 }
                    try read(
                        indices[place] * size,
                        UnsafeMutableRawBufferPointer(rebasing: buffer[place * size..<end * size]))
                    place = end
                }
            }
        }
        return try element.tensor(
            chosen, shape: [indices.count] + rowShape, isBigEndian: isBigEndian, path: path)
    }

    /// All rows.
    public func tensor() throws -> Tensor {
        try element.tensor(stored(0..<byteCount), shape: shape, isBigEndian: isBigEndian, path: path)
    }

    /// The same array with its bytes in memory.
    public func loaded() throws -> DataArray {
        if isInMemory { return self }
        return DataArray(
            path, shape: shape, element: element, isBigEndian: isBigEndian,
            bytes: .memory(try stored(0..<byteCount)))
    }

    /// The same numbers with rows of another shape of as many.
    func reshaped(_ rowShape: [Int]) -> DataArray {
        precondition(rowShape.reduce(1, *) == self.rowShape.reduce(1, *))
        return DataArray(
            path, shape: [count] + rowShape, element: element, isBigEndian: isBigEndian, bytes: bytes)
    }

    /// All bytes of an array in memory, as they are stored.
    var storedBytes: [UInt8] {
        guard case .memory(let bytes) = bytes else { preconditionFailure("an array in memory") }
        return bytes
    }

    /// Some of the bytes as they are stored.
    private func stored(_ range: Range<Int>) throws -> [UInt8] {
        switch bytes {
        case .memory(let bytes): return Array(bytes[range])
        case .file(let read):
            var found = [UInt8](repeating: 0, count: range.count)
            try found.withUnsafeMutableBytes { try read(range.lowerBound, $0) }
            return found
        }
    }

    /// The bytes up to which a fingerprint is of all of them.
    static let wholeByteCount = 64 << 20

    /// Adds type, shape and bytes to a fingerprint: all bytes of an array of up to 64 MiB; of a larger one the first and
    /// the last 64 KiB and 1,024 pieces of 4 KiB evenly spread over it, so that a change of a few rows can be missed.
    func add(to fingerprint: inout Fingerprint) throws {
        fingerprint.add("\(element) \(isBigEndian) \(shape)")
        if byteCount <= Self.wholeByteCount {
            return try fingerprint.add("all", Tensor(stored(0..<byteCount)))
        }
        let (edge, piece, pieces) = (1 << 16, 1 << 12, 1024)
        var sample = try stored(0..<edge) + stored(byteCount - edge..<byteCount)
        for number in 0..<pieces {
            let start = (byteCount - piece) / pieces * number
            sample += try stored(start..<start + piece)
        }
        try fingerprint.add("sample", Tensor(sample))
    }
}
