/// What a file is, by its first bytes. Names of files are not looked at: they can be anything.
package enum FileFormat: String, CaseIterable, Sendable {
    case safetensors, numpy, numpyArchive, idx, gzip, text, json
    case pytorch, pickle, zip, gguf, hdf5, parquet, arrow, matlab, sqlite, tar, otherCompression
    case png, jpeg, gif, webp, tiff, sound, pdf, gitPointer, empty

    /// The bytes that ``init(head:byteCount:)`` needs to see of a longer file.
    package static let headByteCount = 512

    /// The marks at the beginning of files, longer ones of one beginning first.
    private static let marks: [(FileFormat, [UInt8])] = [
        (.numpy, [0x93] + Array("NUMPY".utf8)),
        (.gzip, [0x1f, 0x8b]),
        (.gguf, Array("GGUF".utf8)),
        (.hdf5, [0x89] + Array("HDF\r\n".utf8) + [0x1a, 0x0a]),
        (.parquet, Array("PAR1".utf8)),
        (.arrow, Array("ARROW1".utf8)), (.arrow, Array("FEA1".utf8)),
        (.matlab, Array("MATLAB ".utf8)),
        (.sqlite, Array("SQLite format 3".utf8)),
        (.otherCompression, [0x28, 0xb5, 0x2f, 0xfd]),
        (.otherCompression, [0xfd] + Array("7zXZ".utf8)),
        (.otherCompression, Array("BZh".utf8)),
        (.png, [0x89] + Array("PNG\r\n".utf8)),
        (.jpeg, [0xff, 0xd8, 0xff]),
        (.gif, Array("GIF8".utf8)),
        (.tiff, Array("II*".utf8) + [0]), (.tiff, Array("MM".utf8) + [0, 0x2a]),
        (.sound, Array("fLaC".utf8)), (.sound, Array("OggS".utf8)),
        (.pdf, Array("%PDF".utf8)),
        (.gitPointer, Array("version https://git-lfs".utf8)),
    ]

    /// Recognizes a format; nil for bytes that are of none of these.
    ///
    /// - Parameters:
    ///   - head: the first ``headByteCount`` bytes of the file, or all of it.
    ///   - byteCount: the bytes of the whole file.
    package init?(head: [UInt8], byteCount: Int) {
        func has(_ mark: String, at start: Int) -> Bool {
            head.count >= start + mark.utf8.count && head[start...].starts(with: Array(mark.utf8))
        }
        if byteCount == 0 {
            self = .empty
        } else if Self.isSafetensors(head, byteCount) {
            self = .safetensors
        } else if let mark = Self.marks.first(where: { head.starts(with: $0.1) }) {
            self = mark.0
        } else if has("RIFF", at: 0), has("WEBP", at: 8) || has("WAVE", at: 8) {
            self = has("WEBP", at: 8) ? .webp : .sound
        } else if head.starts(with: [0x50, 0x4b, 3, 4]) || head.starts(with: [0x50, 0x4b, 5, 6]) {
            self = Self.archive(head)
        } else if has("ustar", at: 257) {
            self = .tar
        } else if head.count >= 4, head[0] == 0, head[1] == 0, (8...14).contains(head[2]), head[2] != 10,
            (1...16).contains(head[3])
        {
            self = .idx
        } else if head.count >= 2, head[0] == 0x80, (2...5).contains(head[1]) {
            self = .pickle
        } else if let found = Self.text(head) {
            self = found
        } else {
            return nil
        }
    }

    private static func isSafetensors(_ head: [UInt8], _ byteCount: Int) -> Bool {
        guard head.count > 8, head[8] == UInt8(ascii: "{") else { return false }
        let length = head[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return length >= 2 && length <= UInt64(max(0, byteCount - 8))
    }

    /// What a zip file is, by the name of its first member.
    private static func archive(_ head: [UInt8]) -> FileFormat {
        guard head.count > 30 else { return .zip }
        let length = Int(head[26]) | Int(head[27]) << 8
        let name = String(decoding: head[30..<min(30 + length, head.count)], as: UTF8.self)
        if name.hasSuffix(".npy") { return .numpyArchive }
        return name.hasSuffix("/data.pkl") ? .pytorch : .zip
    }

    private static func text(_ head: [UInt8]) -> FileFormat? {
        let bytes = head.starts(with: [0xef, 0xbb, 0xbf]) ? head[3...] : head[...]
        let isText = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f || (9...13).contains($0) }
        guard isText else { return nil }
        // The end may cut a character of several bytes.
        let isWhole = (0...3).contains { cut in
            String(validating: bytes.dropLast(min(cut, bytes.count)), as: UTF8.self) != nil
        }
        guard isWhole, let first = bytes.first(where: { $0 > 0x20 }) else { return isWhole ? .text : nil }
        return first == UInt8(ascii: "{") || first == UInt8(ascii: "[") ? .json : .text
    }

    /// The format with its article, for the middle of a sentence.
    package var noun: String {
        switch self {
        case .safetensors: "a safetensors file"
        case .numpy: "a NumPy array (.npy)"
        case .numpyArchive: "a NumPy archive (.npz)"
        case .idx: "an IDX file"
        case .gzip: "a gzip file"
        case .text: "a text"
        case .json: "JSON"
        case .pytorch: "a PyTorch file (.pt)"
        case .pickle: "a pickle of Python"
        case .zip: "a zip file"
        case .gguf: "a GGUF file"
        case .hdf5: "an HDF5 file"
        case .parquet: "a Parquet file"
        case .arrow: "an Arrow file"
        case .matlab: "a MATLAB file"
        case .sqlite: "an SQLite database"
        case .tar: "a tar file"
        case .otherCompression: "a compressed file"
        case .png: "a PNG image"
        case .jpeg: "a JPEG image"
        case .gif: "a GIF image"
        case .webp: "a WebP image"
        case .tiff: "a TIFF image"
        case .sound: "a sound file"
        case .pdf: "a PDF file"
        case .gitPointer: "a Git LFS pointer"
        case .empty: "an empty file"
        }
    }

    /// What to do with a file of this format where an array or a table is needed, as the end of a sentence; nil where
    /// nothing helps in general.
    package var remedy: String? {
        switch self {
        case .pytorch, .pickle:
            "save its tensors with safetensors.torch.save_file, or an array with numpy.save"
        case .hdf5, .matlab: "save the array with numpy.save"
        case .parquet, .arrow, .sqlite: "write the table as CSV"
        case .tar, .zip, .otherCompression: "unpack it"
        case .gitPointer: "run git lfs pull"
        case .gguf: "its numbers are quantized; use the safetensors file that it was made of"
        default: nil
        }
    }

    /// The sentence's end for a file that is of this format where another belongs: "is a PNG image, not a safetensors
    /// file".
    package func complaint(wanted: String) -> String {
        "is \(noun), not \(wanted)" + (remedy.map { ": \($0)" } ?? "")
    }
}

extension FileReader {
    /// What the file is, by its first bytes; nil where it is of no known format.
    package func format() throws(StorageError) -> FileFormat? {
        FileFormat(
            head: try bytes(at: 0, count: min(byteCount, FileFormat.headByteCount)), byteCount: byteCount)
    }
}
