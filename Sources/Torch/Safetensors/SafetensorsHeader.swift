import FisherFiles

/// One tensor of a safetensors file: what it is and where its bytes lie.
public struct SafetensorsEntry: Equatable, Sendable {
    /// The tensor's name: any text, the empty one too, and never a path.
    public let name: String
    /// The type of the elements.
    public let dtype: SafetensorsDType
    /// The dimensions, outermost first; empty for a scalar.
    public let shape: [Int]
    /// Where the bytes lie, counted from the end of the header.
    public let dataRange: Range<Int>

    /// The number of bytes: little-endian elements, the last dimension's next to each other.
    public var byteCount: Int { dataRange.count }
}

/// The header of a safetensors file: a JSON object with one entry a tensor, and free text as metadata.
struct SafetensorsHeader: Sendable {
    /// The most bytes that a header may take, by the format.
    static let maximumByteCount = 100_000_000
    /// The key of the metadata, which no tensor can have as its name.
    static let metadataKey = "__metadata__"

    let metadata: [String: String]
    /// The tensors in the order of their bytes in the file.
    let entries: [SafetensorsEntry]

    init(metadata: [String: String], entries: [SafetensorsEntry]) {
        self.metadata = metadata
        self.entries = entries
    }

    /// Reads a header and checks that its tensors cover `dataByteCount` bytes exactly, each byte once.
    ///
    /// Stricter than the reference library in three points: it accepts repeated names and metadata keys, of
    /// which it keeps the last, and white space before the header; and it distinguishes names that differ only
    /// in their Unicode normalization, which would collide as keys of a Swift dictionary.
    init(parsing bytes: [UInt8], dataByteCount: Int, path: String) throws(SafetensorsError) {
        var parser = SafetensorsHeaderParser(bytes)
        do throws(StrictJSON.Fault) {
            try parser.parse()
        } catch {
            throw SafetensorsError(
                .malformed, path: path, tensor: parser.tensor,
                reason: "\(error.reason) (near byte \(error.offset) of the header)")
        }
        metadata = parser.metadata ?? [:]
        entries = parser.entries.sorted {
            ($0.dataRange.lowerBound, $0.dataRange.upperBound) < (
                $1.dataRange.lowerBound, $1.dataRange.upperBound
            )
        }
        try checkCoverage(of: dataByteCount, path: path)
    }

    private func checkCoverage(of dataByteCount: Int, path: String) throws(SafetensorsError) {
        var end = 0
        var previous = ""
        for entry in entries {
            let start = entry.dataRange.lowerBound
            if start != end {
                let reason =
                    start > end
                    ? "the \(start - end) bytes before its own belong to no tensor"
                    : "its bytes overlap those of tensor \(previous.quoted())"
                throw SafetensorsError(.malformed, path: path, tensor: entry.name, reason: reason)
            }
            end = entry.dataRange.upperBound
            previous = entry.name
        }
        if end > dataByteCount {
            throw SafetensorsError(
                .malformed, path: path, tensor: previous,
                reason: "the file is truncated: the tensors take \(end) bytes, \(dataByteCount) are there")
        }
        if end < dataByteCount {
            throw SafetensorsError(
                .malformed, path: path,
                reason: "\(dataByteCount - end) bytes at the end of the file belong to no tensor")
        }
    }

    /// The header as stored in a file: its length in eight bytes, then JSON padded with spaces to a multiple
    /// of eight bytes, which aligns the data. A header that no reader would accept is rejected.
    func serialized(
        limit: Int = Self.maximumByteCount, path: String
    ) throws(SafetensorsError) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(128 * (entries.count + 1))
        json += Array("{\"\(Self.metadataKey)\":{".utf8)
        let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for (index, pair) in pairs.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json.appendJSON(pair.key)
            json.append(UInt8(ascii: ":"))
            json.appendJSON(pair.value)
        }
        json.append(UInt8(ascii: "}"))
        for entry in entries {
            json.append(UInt8(ascii: ","))
            json.appendJSON(entry.name)
            let shape = entry.shape.map(String.init).joined(separator: ",")
            let offsets = "\(entry.dataRange.lowerBound),\(entry.dataRange.upperBound)"
            json += Array(
                ":{\"dtype\":\"\(entry.dtype.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offsets)]}"
                    .utf8)
        }
        json.append(UInt8(ascii: "}"))
        while !json.count.isMultiple(of: 8) { json.append(UInt8(ascii: " ")) }
        guard json.count <= limit else {
            throw SafetensorsError(
                .malformed, path: path,
                reason: "the header would take \(json.count) bytes, the limit is \(limit)")
        }
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
    }
}

extension [UInt8] {
    /// Appends a text as a JSON string, with the escapes that the reference library writes.
    fileprivate mutating func appendJSON(_ text: String) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): self += [UInt8(ascii: "\\"), byte]
            case 0x08: self += Array("\\b".utf8)
            case 0x09: self += Array("\\t".utf8)
            case 0x0A: self += Array("\\n".utf8)
            case 0x0C: self += Array("\\f".utf8)
            case 0x0D: self += Array("\\r".utf8)
            case 0..<0x20:
                self += Array((byte < 0x10 ? "\\u000" : "\\u00").utf8) + String(byte, radix: 16).utf8
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
