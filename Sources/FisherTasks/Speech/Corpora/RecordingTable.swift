import FisherTraining

/// A `.tsv` file that names sound files and their texts.
///
/// Each line has fields between tabs. Where the first line names columns, `path` (or `file`, `audio`) and `text` (or
/// `sentence`, `transcript`) are used, and `speaker` (or `client_id`) where it is there; otherwise every line has two fields,
/// path and text. Paths are relative to the folder of the file.
package enum RecordingTable {
    /// The recordings of a file, in its order.
    ///
    /// - Throws: `SpeechError` that names the line.
    static func recordings(at path: String) throws(SpeechError) -> [Recording] {
        try recordings(of: TextLines.read(path), path: path)
    }

    /// The recordings of a file's bytes.
    package static func recordings(of bytes: [UInt8], path: String) throws(SpeechError) -> [Recording] {
        try recordings(of: TextLines.lines(of: bytes, path: path), path: path)
    }

    private static let names = (
        path: ["path", "file", "audio"], text: ["text", "sentence", "transcript"],
        speaker: ["speaker", "client_id"]
    )

    private static func recordings(
        of lines: [(number: Int, text: Substring)], path: String
    ) throws(SpeechError) -> [Recording] {
        guard let first = lines.first else {
            throw .badData("\(path) is empty; lines of a sound file's path, a tab and its text are expected")
        }
        let header = fields(of: first.text).map { $0.lowercased() }
        let columns = (
            path: header.firstIndex(where: names.path.contains),
            text: header.firstIndex(where: names.text.contains),
            speaker: header.firstIndex(where: names.speaker.contains)
        )
        let isNamed = columns.path != nil && columns.text != nil
        let folder = DurableStorage.folder(of: path)
        var seen: [String: Int] = [:]
        var recordings: [Recording] = []
        for line in isNamed ? lines.dropFirst() : lines[...] {
            let cells = fields(of: line.text)
            let place = "\(path), line \(line.number)"
            let wanted = isNamed ? header.count : 2
            guard cells.count == wanted else {
                throw .badData(
                    "\(place), has \(cells.count) \(cells.count == 1 ? "field" : "fields") between tabs, where \(wanted) are expected"
                        + (isNamed ? " as in the first line" : ": a sound file's path and its text"))
            }
            let file = cells[columns.path ?? 0]
            guard !file.isEmpty else { throw .badData("\(place), names no sound file") }
            if let earlier = seen.updateValue(line.number, forKey: file) {
                throw .badData("\(place), names \(file.quoted()) again, as line \(earlier) does")
            }
            recordings.append(
                Recording(
                    path: file.hasPrefix("/") ? file : folder + "/" + file, text: cells[columns.text ?? 1],
                    place: place, speaker: columns.speaker.map { cells[$0] }))
        }
        guard !recordings.isEmpty else { throw .badData("\(path) names columns and no recording") }
        return recordings
    }

    private static func fields(of line: Substring) -> [String] {
        line.split(separator: "\t", omittingEmptySubsequences: false).map { field in
            var field = field
            while field.first == " " { field.removeFirst() }
            while field.last == " " { field.removeLast() }
            return String(field)
        }
    }
}
