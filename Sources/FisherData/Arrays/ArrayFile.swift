import FisherFiles
import FisherMedia
import Torch

/// The arrays of a file of numbers: safetensors, `.npy`, `.npz` or IDX, the last three also in gzip, recognized by its first bytes.
public struct ArrayFile: Sendable {
    /// The file's path.
    public let path: String
    /// The arrays by name, in the order of the file; the name is empty where the format has none.
    public let arrays: [(name: String, array: DataArray)]

    /// Opens a file and reads its heads; numbers are read when they are asked for.
    ///
    /// - Parameter path: the path.
    /// - Throws: `StorageError` for a file that cannot be read, ``DataError``, `SafetensorsError` and `MediaError` for one
    ///   that is damaged or something else, which is named.
    public init(path: String) throws {
        try self.init(ByteSource(path: path), path: path)
    }

    /// The arrays of a file's bytes in memory, named by a path in errors.
    package init(bytes: [UInt8], path: String) throws { try self.init(.memory(bytes), path: path) }

    init(_ source: ByteSource, path: String) throws {
        self.path = path
        switch try source.format {
        case .numpy: arrays = [("", try Self.numpy(source, 0, source.byteCount, path))]
        case .numpyArchive:
            let archive = try ZipArchive(source, path: path)
            arrays = try archive.members.map { member in
                let name = member.name.hasSuffix(".npy") ? String(member.name.dropLast(4)) : member.name
                let (contents, start) = try archive.contents(of: member)
                return (name, try Self.numpy(contents, start, member.byteCount, "\(path):\(name)"))
            }
        case .idx: arrays = [("", try Self.idx(source, path))]
        case .safetensors: arrays = try Self.safetensors(path)
        case let format:
            throw DataError(
                path,
                format?.complaint(wanted: "a file of arrays (safetensors, .npy, .npz or IDX)")
                    ?? "is of no known format; arrays are read from safetensors, .npy, .npz and IDX files")
        }
    }

    /// The array of one of some names, or the file's only one.
    ///
    /// - Parameter names: the names that would do, the best first.
    /// - Throws: ``DataError`` that lists the names there are.
    public func array(named names: [String]) throws(DataError) -> DataArray {
        if let found = find(names) { return found }
        if arrays.count == 1 { return arrays[0].array }
        let known = arrays.prefix(20).map { $0.name.quoted() }.joined(separator: ", ")
        throw DataError(
            path,
            arrays.isEmpty
                ? "holds no array"
                : "has no array named \(names.joined(separator: " or ")), and several of other names (\(known)): "
                    + "append the name with a colon, as in \(path):\(arrays[0].name)")
    }

    /// The array of one of some names; nil if there is none.
    func find(_ names: [String]) -> DataArray? {
        for name in names {
            if let found = arrays.first(where: { $0.name == name }) { return found.array }
        }
        return nil
    }

    private static func numpy(
        _ source: ByteSource, _ start: Int, _ byteCount: Int, _ path: String
    ) throws -> DataArray {
        let damaged = DataError(path, "is a damaged or truncated NumPy file")
        guard let length = NumPyHeader.byteCount(try source.bytes(at: start, count: min(12, byteCount))),
            length <= NumPyHeader.longest, length <= byteCount
        else { throw damaged }
        let header = try NumPyHeader(try source.bytes(at: start, count: length), path: path)
        let (expected, there) = (
            header.shape.reduce(1, *) * header.element.byteCount, byteCount - length
        )
        guard expected == there else {
            let shape = header.shape.map(String.init).joined(separator: " x ")
            throw DataError(
                path,
                expected > there
                    ? "is truncated: its shape \(shape) needs \(expected) bytes, \(there) are there"
                    : "has \(there - expected) bytes behind its array; save each array in a file of its own")
        }
        let array = DataArray(
            path, shape: header.shape, element: header.element, isBigEndian: header.isBigEndian,
            bytes: source.part(at: start + length, count: expected))
        guard header.isColumnMajor, header.shape.count > 1 else { return array }
        return try array.transposed(by: header.shape)
    }

    private static func idx(_ source: ByteSource, _ path: String) throws -> DataArray {
        let head = try source.bytes(at: 0, count: min(source.byteCount, 4 + 4 * 16))
        guard let header = try IDX.Header(head, path: path) else {
            throw DataError(path, "is no IDX file")
        }
        let elements: [UInt8: StoredElement] = [
            8: .uint8, 9: .int8, 11: .int16, 12: .int32, 13: .float32, 14: .float64,
        ]
        guard let element = elements[header.type] else {
            throw DataError(path, "is an IDX file of the unknown type \(header.type)")
        }
        let (expected, overflow) = header.count.multipliedReportingOverflow(by: element.byteCount)
        guard !overflow, expected == source.byteCount - header.dataStart else {
            throw DataError(
                path,
                "has \(source.byteCount - header.dataStart) bytes of numbers, where its head announces "
                    + header.shape.map(String.init).joined(separator: " x "))
        }
        return DataArray(
            path, shape: header.shape, element: element, isBigEndian: true,
            bytes: source.part(at: header.dataStart, count: expected))
    }

    private static func safetensors(_ path: String) throws -> [(name: String, array: DataArray)] {
        let file = try SafetensorsFile(path: path)
        return try file.tensors.compactMap { entry in
            guard let element = StoredElement(entry.dtype) else {
                throw DataError(
                    "\(path):\(entry.name)",
                    "is of the type \(entry.dtype.rawValue), with which nothing is computed")
            }
            let name = file.tensors.count == 1 ? path : "\(path):\(entry.name)"
            return (
                entry.name,
                DataArray(
                    name, shape: entry.shape, element: element,
                    bytes: .file { try file.read(entry, from: $0, into: $1) })
            )
        }
    }
}

extension DataArray {
    /// The rows of numbers of which the first index changes fastest, in memory.
    fileprivate func transposed(by shape: [Int]) throws -> DataArray {
        let bytes = try loaded().storedBytes
        let size = element.byteCount
        let strides = shape.indices.map { shape[..<$0].reduce(1, *) * size }
        let turned = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            var (indices, place) = ([Int](repeating: 0, count: shape.count), 0)
            for target in stride(from: 0, to: byteCount, by: size) {
                for k in 0..<size { buffer[target + k] = bytes[place + k] }
                // The next index, the last one fastest.
                var axis = shape.count - 1
                while axis >= 0 {
                    indices[axis] += 1
                    place += strides[axis]
                    if indices[axis] < shape[axis] { break }
                    place -= strides[axis] * shape[axis]
                    indices[axis] = 0
                    axis -= 1
                }
            }
            initialized = byteCount
        }
        return DataArray(
            path, shape: shape, element: element, isBigEndian: isBigEndian, bytes: .memory(turned))
    }
}
