import FisherFiles
import FisherMedia

/// The bytes of a file, or what a gzip file holds.
enum ByteSource: Sendable {
    case file(FileReader)
    case memory([UInt8])

    /// The longest contents of a packed file.
    static let longest = 1 << 33

    /// Opens a file; one in gzip is unpacked into memory.
    init(path: String) throws {
        let file = try FileReader(path)
        guard try file.format() == .gzip else {
            self = .file(file)
            return
        }
        self = .memory(
            try Deflate.unpackedGzip(
                try file.contents(limit: Self.longest), path: path, limit: Self.longest))
    }

    var byteCount: Int {
        switch self {
        case .file(let file): file.byteCount
        case .memory(let bytes): bytes.count
        }
    }

    /// Some bytes, which must be there.
    func bytes(at offset: Int, count: Int) throws(StorageError) -> [UInt8] {
        precondition(offset >= 0 && count >= 0 && offset <= byteCount - count)
        switch self {
        case .file(let file): return try file.bytes(at: offset, count: count)
        case .memory(let bytes): return Array(bytes[offset..<offset + count])
        }
    }

    /// The bytes that follow one another from an offset on, as those of an array.
    func part(at offset: Int, count: Int) -> DataArray.Bytes {
        switch self {
        case .file(let file): .file { try file.read(at: offset + $0, into: $1) }
        case .memory(let bytes): .memory(Array(bytes[offset..<offset + count]))
        }
    }

    var format: FileFormat? {
        get throws(StorageError) {
            FileFormat(
                head: try bytes(at: 0, count: min(byteCount, FileFormat.headByteCount)), byteCount: byteCount)
        }
    }
}
