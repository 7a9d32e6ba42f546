import FisherFiles

/// A safetensors file opened for reading: its header is validated on opening, its tensors are read on demand.
///
/// Copies share the open file, which is closed with the last of them. Replacing or deleting the file
/// meanwhile does not disturb a reader.
public struct SafetensorsFile: Sendable {
    /// The file's path, as it was given.
    public let path: String
    /// The free text that the file carries; empty if it carries none.
    public let metadata: [String: String]
    /// The tensors in the order of their bytes in the file.
    public let tensors: [SafetensorsEntry]

    private let indices: [String: Int]
    private let file: FileReader
    private let dataStart: Int

    /// Opens a file and checks that the header is valid and describes every byte after it.
    ///
    /// No memory is allocated before the header's claimed length is checked against the file's size. Throws
    /// `notFound`, `permissionDenied`, `inputOutput` or `malformed`.
    public init(path: String) throws(SafetensorsError) { try self.init(path: path, followingLinks: true) }

    /// Opens a file that may lie in a run's folder, where the last part of its path must not be a link.
    package init(path: String, followingLinks: Bool) throws(SafetensorsError) {
        let file = try SafetensorsError.wrapping { () throws(StorageError) in
            try FileReader(path, followingLinks: followingLinks)
        }
        try Self.refuseOtherFormat(of: file, path: path)
        let headerByteCount = try Self.headerByteCount(of: file, path: path)
        let dataStart = 8 + headerByteCount
        let header = try SafetensorsHeader(
            parsing: Self.bytes(of: file, at: 8, count: headerByteCount),
            dataByteCount: file.byteCount - dataStart, path: path)
        self.path = path
        self.file = file
        self.dataStart = dataStart
        metadata = header.metadata
        tensors = header.entries
        indices = Dictionary(uniqueKeysWithValues: zip(tensors.map(\.name), tensors.indices))
    }

    /// The tensor with a name; nil if there is none.
    public subscript(name: String) -> SafetensorsEntry? {
        indices[name].map { tensors[$0] }
    }

    /// The tensor with a name; throws `missingTensor` if there is none.
    public func entry(named name: String) throws(SafetensorsError) -> SafetensorsEntry {
        guard let entry = self[name] else {
            throw SafetensorsError(.missingTensor, path: path, tensor: name, reason: "it is not in the file")
        }
        return entry
    }

    /// Reads all bytes of a tensor into memory; throws `missingTensor` or `inputOutput`.
    public func readBytes(of name: String) throws(SafetensorsError) -> [UInt8] {
        let entry = try entry(named: name)
        return try Self.bytes(
            of: file, at: dataStart + entry.dataRange.lowerBound, count: entry.byteCount)
    }

    /// Fills a buffer with the bytes of one of this file's tensors, from its byte `start` on.
    ///
    /// The buffer must not reach beyond the tensor's end. Throws `inputOutput`.
    public func read(
        _ entry: SafetensorsEntry, from start: Int = 0, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SafetensorsError) {
        precondition(
            start >= 0 && start <= entry.byteCount && buffer.count <= entry.byteCount - start,
            "the buffer reaches beyond the tensor")
        try SafetensorsError.wrapping { () throws(StorageError) in
            try file.read(at: dataStart + entry.dataRange.lowerBound + start, into: buffer)
        }
    }

    private static func bytes(
        of file: FileReader, at offset: Int, count: Int
    ) throws(SafetensorsError) -> [UInt8] {
        try SafetensorsError.wrapping { () throws(StorageError) in try file.bytes(at: offset, count: count) }
    }

    /// Throws for a file that is well known to be something else, which is named.
    private static func refuseOtherFormat(of file: FileReader, path: String) throws(SafetensorsError) {
        let format = try SafetensorsError.wrapping { () throws(StorageError) in try file.format() }
        switch format {
        case nil, .safetensors, .empty: return
        // A damaged length, or a header that does not begin with a brace, is told as such.
        case .idx where file.byteCount > 8 && isBrace(file, at: 8): return
        case .text? where file.byteCount < 8: return
        case let format?:
            throw SafetensorsError(
                .malformed, path: path, reason: "it " + format.complaint(wanted: "a safetensors file"))
        }
    }

    private static func isBrace(_ file: FileReader, at offset: Int) -> Bool {
        (try? file.bytes(at: offset, count: 1)) == [UInt8(ascii: "{")]
    }

    private static func headerByteCount(of file: FileReader, path: String) throws(SafetensorsError) -> Int {
        guard file.byteCount >= 8 else {
            throw SafetensorsError(
                .malformed, path: path,
                reason: "the file has \(file.byteCount) bytes, too few for the length of a header")
        }
        let prefix = try bytes(of: file, at: 0, count: 8)
        let claimed = prefix.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard claimed <= SafetensorsHeader.maximumByteCount else {
            throw SafetensorsError(
                .malformed, path: path,
                reason:
                    "the header claims \(claimed) bytes, the limit is \(SafetensorsHeader.maximumByteCount)")
        }
        let available = file.byteCount - 8
        guard claimed <= available else {
            throw SafetensorsError(
                .malformed, path: path,
                reason: "the file is truncated: the header claims \(claimed) bytes, \(available) are there")
        }
        return Int(claimed)
    }
}
