import FisherFiles

/// One tensor to write: its description, and a function that provides its bytes, called only when they are
/// written.
public struct SafetensorsSource {
    /// Calls its argument with the tensor's bytes, whole or piece by piece, and rethrows its errors.
    public typealias Bytes = (_ consume: (UnsafeRawBufferPointer) throws -> Void) throws -> Void

    /// The tensor's name: any text but `__metadata__`.
    public let name: String
    /// The type of the elements.
    public let dtype: SafetensorsDType
    /// The dimensions, outermost first; empty for a scalar.
    public let shape: [Int]
    /// The number of bytes; the writer checks it against `dtype` and `shape`, and the bytes against it.
    public let byteCount: Int
    /// The bytes: little-endian elements, the last dimension's next to each other.
    public let bytes: Bytes

    /// Describes a tensor whose bytes the caller holds; they are written without a copy.
    public init(
        name: String, dtype: SafetensorsDType, shape: [Int], byteCount: Int, bytes: @escaping Bytes
    ) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.byteCount = byteCount
        self.bytes = bytes
    }

    /// Describes a tensor whose bytes are in an array.
    public init(name: String, dtype: SafetensorsDType, shape: [Int], bytes: [UInt8]) {
        self.init(name: name, dtype: dtype, shape: shape, byteCount: bytes.count) { consume in
            try bytes.withUnsafeBytes { buffer in try consume(buffer) }
        }
    }
}

/// Writes safetensors files that other tools accept, each atomically: a crash leaves the old file or the new
/// one.
public struct SafetensorsWriter: Sendable {
    /// In which order the tensors lie in the file.
    public enum Order: Sendable {
        /// As the reference library sorts them: the largest alignment first, then by name. Every tensor is
        /// then aligned to its element.
        case byAlignment
        /// As they are given.
        case asGiven
    }

    /// The free text to write.
    public let metadata: [String: String]
    /// In which order the tensors are written.
    public let order: Order

    /// Prepares a writer; `"format": "pt"`, without which some tools reject a file, is added to metadata that
    /// name no format.
    public init(metadata: [String: String] = [:], order: Order = .byAlignment) {
        self.metadata = metadata.merging(["format": "pt"]) { given, _ in given }
        self.order = order
    }

    /// Writes the tensors to `path`, through a temporary file in the same folder that reaches the disk before
    /// it takes the place of an older file, and that is removed if anything fails.
    ///
    /// Throws `malformed` for names, shapes or sizes that the format forbids, `cannotCreate`,
    /// `permissionDenied`, `inputOutput`, and `sourceFailed` if a source throws or gives the wrong bytes.
    public func write(_ sources: [SafetensorsSource], to path: String) throws(SafetensorsError) {
        let ordered = sorted(sources)
        let header = try header(for: ordered, path: path).serialized(path: path)
        let file = try SafetensorsError.wrapping { () throws(StorageError) in
            try FileWriter(replacing: path)
        }
        try SafetensorsError.wrapping { () throws(StorageError) in
            try header.withUnsafeBufferPointer { (buffer) throws(StorageError) in
                try file.append(UnsafeRawBufferPointer(buffer))
            }
        }
        for source in ordered { try append(source, to: file, path: path) }
        try SafetensorsError.wrapping { () throws(StorageError) in try file.commit() }
    }

    private func sorted(_ sources: [SafetensorsSource]) -> [SafetensorsSource] {
        guard order == .byAlignment else { return sources }
        let types = SafetensorsDType.allCases.reversed()
        let ranks = Dictionary(uniqueKeysWithValues: zip(types, 0...))
        return sources.sorted { first, second in
            first.dtype == second.dtype
                ? first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
                : ranks[first.dtype, default: 0] < ranks[second.dtype, default: 0]
        }
    }

    /// The header for sources that lie in the file in this order.
    func header(
        for sources: [SafetensorsSource], path: String
    ) throws(SafetensorsError) -> SafetensorsHeader {
        var entries: [SafetensorsEntry] = []
        var names: Set<String> = []
        var end = 0
        for source in sources {
            func malformed(_ reason: String) -> SafetensorsError {
                SafetensorsError(.malformed, path: path, tensor: source.name, reason: reason)
            }
            guard source.name != SafetensorsHeader.metadataKey else {
                throw malformed("the format reserves this name")
            }
            guard names.insert(source.name).inserted else {
                throw malformed("its name occurs more than once (up to Unicode normalization)")
            }
            switch source.dtype.byteCount(ofShape: source.shape) {
            case .failure(let fault): throw malformed(fault.reason)
            case .success(source.byteCount): break
            case .success(let size):
                let text = "shape \(SafetensorsError.listed(source.shape)) of \(source.dtype.rawValue)"
                throw malformed("\(text) takes \(size) bytes, \(source.byteCount) were announced")
            }
            let (next, overflows) = end.addingReportingOverflow(source.byteCount)
            guard !overflows else { throw malformed("the tensors together overflow 64 bits") }
            entries.append(
                SafetensorsEntry(
                    name: source.name, dtype: source.dtype, shape: source.shape, dataRange: end..<next))
            end = next
        }
        return SafetensorsHeader(metadata: metadata, entries: entries)
    }

    private func append(
        _ source: SafetensorsSource, to file: FileWriter, path: String
    ) throws(SafetensorsError) {
        func failed(_ reason: String) -> SafetensorsError {
            SafetensorsError(.sourceFailed, path: path, tensor: source.name, reason: reason)
        }
        var written = 0
        // Kept here because the source, through which it passes, may swallow or replace it.
        var failure: SafetensorsError?
        do {
            try source.bytes { piece in
                if let failure { throw failure }
                do throws(SafetensorsError) {
                    guard piece.count <= source.byteCount - written else {
                        throw failed("it gave more than the \(source.byteCount) bytes announced")
                    }
                    try SafetensorsError.wrapping(tensor: source.name) { () throws(StorageError) in
                        try file.append(piece)
                    }
                    written += piece.count
                } catch {
                    failure = error
                    throw error
                }
            }
        } catch {
            throw failure ?? failed("its bytes cannot be read: \(error)")
        }
        if let failure { throw failure }
        guard written == source.byteCount else {
            throw failed("it gave \(written) of the \(source.byteCount) bytes announced")
        }
    }
}
