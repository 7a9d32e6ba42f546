import FisherTraining

/// The lines of a text file that are not empty, with their numbers from 1.
package enum TextLines {
    private static let mostBytes = 1 << 30

    /// Reads a file's lines; throws `SpeechError` for one that cannot be read or is no UTF-8.
    static func read(_ path: String) throws(SpeechError) -> [(number: Int, text: Substring)] {
        let bytes: [UInt8]
        do throws(StorageError) { bytes = try FileReader(path).contents(limit: mostBytes) } catch {
            throw .storage(error)
        }
        return try lines(of: bytes, path: path)
    }

    /// The lines of bytes, which errors name by a path. Lines end with LF or CRLF; a byte-order mark is passed over.
    package static func lines(of bytes: [UInt8], path: String) throws(SpeechError) -> [(
        number: Int, text: Substring
    )] {
        var lines: [(number: Int, text: Substring)] = []
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        let pieces = bytes[start...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, piece) in pieces.enumerated() {
            let line = piece.last == UInt8(ascii: "\r") ? piece.dropLast() : piece
            guard let text = String(validating: line, as: UTF8.self), !line.contains(0) else {
                throw .badData("\(path), line \(index + 1), is not UTF-8 text")
            }
            if text.contains(where: { $0 != " " && $0 != "\t" }) {
                lines.append((index + 1, Substring(text)))
            }
        }
        return lines
    }
}
