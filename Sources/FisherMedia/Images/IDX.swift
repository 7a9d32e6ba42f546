import CMedia
import FisherFiles

/// IDX files, in which MNIST and Fashion-MNIST come: two zero bytes, the type (8: bytes), the number of dimensions, each
/// as four bytes, the highest first, then the numbers. They may be in gzip.
package struct IDX {
    /// The dimensions.
    package let shape: [Int]
    /// The numbers, the last dimension changing fastest.
    package let bytes: [UInt8]

    private static let gzipMark: [UInt8] = [0x1f, 0x8b]
    /// The longest file, packed or not.
    private static let longest = 1 << 33

    /// The images of a folder's IDX files; those whose names contain `t10k`, `test` or `val` are held out.
    static func collection(_ entries: FolderEntries) throws -> ImageCollection {
        var parts: [Bool: (images: (path: String, idx: IDX)?, labels: (path: String, idx: IDX)?)] = [:]
        for name in entries.files {
            let path = entries.path + "/" + name
            guard let idx = try IDX(at: path) else { continue }
            let isHeldOut = ["t10k", "test", "val"].contains { name.lowercased().contains($0) }
            var part = parts[isHeldOut] ?? (nil, nil)
            let former = idx.shape.count == 1 ? part.labels : part.images
            if let former {
                throw MediaError.badFile(path, reason: "and \(former.path) both hold the same part")
            }
            if idx.shape.count == 1 { part.labels = (path, idx) } else { part.images = (path, idx) }
            parts[isHeldOut] = part
        }
        guard let training = parts[false] else {
            throw MediaError.badFile(
                entries.path,
                reason:
                    "holds neither folders of classes with images, nor CIFAR-10's *.bin, nor IDX files to train on"
            )
        }
        let own = try images(training, in: entries.path, classes: nil)
        let heldOut = try parts[true].map { try images($0, in: entries.path, classes: own.classNames) }
        if let heldOut, heldOut.size != own.size {
            throw MediaError.badFile(
                parts[true]?.images?.path ?? entries.path,
                reason:
                    "has images of \(heldOut.size.width) by \(heldOut.size.height) pixels, those to train on are "
                    + "\(own.size.width) by \(own.size.height)")
        }
        return ImageCollection(training: own, heldOut: heldOut)
    }

    private static func images(
        _ part: (images: (path: String, idx: IDX)?, labels: (path: String, idx: IDX)?), in folder: String,
        classes: [String]?
    ) throws -> LabeledImages {
        guard let images = part.images, let labels = part.labels else {
            let (lone, other) =
                part.images.map { ($0.path, "labels") } ?? (part.labels?.path ?? folder, "images")
            throw MediaError.badFile(lone, reason: "has no file of \(other) beside it")
        }
        guard images.idx.shape.count == 3 else {
            throw MediaError.badFile(
                images.path, reason: "has \(images.idx.shape.count) dimensions, where images have 3")
        }
        let (count, size) = (
            images.idx.shape[0], ImageSize(height: images.idx.shape[1], width: images.idx.shape[2])
        )
        guard count > 0, size.height > 0, size.width > 0 else {
            throw MediaError.badFile(images.path, reason: "holds no image")
        }
        guard count == labels.idx.shape[0] else {
            throw MediaError.badFile(
                labels.path,
                reason: "has \(labels.idx.shape[0]) labels for the \(count) images of \(images.path)")
        }
        let numbers = labels.idx.bytes.map(Int.init)
        let classNames = classes ?? (0...(numbers.max() ?? 0)).map(String.init)
        if let position = numbers.firstIndex(where: { $0 >= classNames.count }) {
            throw MediaError.badFile(
                labels.path,
                reason:
                    "has the label \(numbers[position]) for its image \(position + 1); the images to train on have "
                    + "0 to \(classNames.count - 1)")
        }
        return try LabeledImages(
            folder, planes: images.idx.bytes, labels: numbers, classNames: classNames, size: size, channels: 1
        )
    }

    /// Reads a file; nil if it is no IDX file.
    init?(at path: String) throws {
        var bytes = try DurableStorage.bytes(ofFile: path, limit: Self.longest)
        if bytes.starts(with: Self.gzipMark) {
            bytes = try Deflate.unpackedGzip(bytes, path: path, limit: Self.longest)
        }
        try self.init(bytes, path: path)
    }

    /// The head of a file: the type of its numbers and the sizes.
    package struct Header {
        /// 8 for bytes, 9 for bytes with a sign, 11 and 12 for whole numbers of 2 and 4, 13 and 14 for floats of 4 and 8.
        package let type: UInt8
        /// The sizes, the slowest index first.
        package let shape: [Int]
        /// The number of numbers; the largest integer where they are more.
        package let count: Int
        /// Where the numbers begin.
        package var dataStart: Int { 4 + 4 * shape.count }

        /// Parses the first bytes of a file; nil if they are not an IDX file's.
        package init?(_ bytes: [UInt8], path: String) throws(MediaError) {
            guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0, bytes[3] > 0 else { return nil }
            guard bytes.count >= 4 + 4 * Int(bytes[3]) else {
                throw .badFile(path, reason: "is a truncated IDX file")
            }
            type = bytes[2]
            shape = (0..<Int(bytes[3])).map { k in
                bytes[4 + 4 * k..<8 + 4 * k].reduce(0) { $0 << 8 | Int($1) }
            }
            var expected = 1
            for size in shape {
                let (product, overflow) = expected.multipliedReportingOverflow(by: size)
                expected = overflow ? .max : product
            }
            count = expected
        }
    }

    /// Parses the bytes of a file; nil if they do not begin like an IDX file's.
    package init?(_ bytes: [UInt8], path: String) throws(MediaError) {
        guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0, bytes[3] > 0 else { return nil }
        guard bytes[2] == 8 else {
            throw .badFile(path, reason: "is an IDX file of the type \(bytes[2]), where bytes (8) are needed")
        }
        guard let header = try Header(bytes, path: path) else { return nil }
        guard bytes.count - header.dataStart == header.count else {
            throw .badFile(
                path,
                reason: "has \(bytes.count - header.dataStart) numbers, where its head announces "
                    + header.shape.map(String.init).joined(separator: " x "))
        }
        shape = header.shape
        self.bytes = Array(bytes[header.dataStart...])
    }
}
