import FisherTraining

/// A folder in the layout of LibriSpeech: beside the sound files of a chapter lies a file `*.trans.txt`, each line of
/// which is a file's name without its ending, a space, and the text.
///
/// Names such as `84-121123-0005` say speaker and chapter.
package enum TranscriptFolder {
    /// The recordings of a folder and all folders in it, by the bytes of their paths.
    ///
    /// - Throws: `SpeechError` for a sound file without a text, a text without a sound file, and a folder without either;
    ///   `CorpusError` for a folder that cannot be listed.
    static func recordings(at path: String) throws -> [Recording] {
        var folders: [(path: String, sounds: Set<String>, transcripts: [String])] = []
        for file in try Corpus.files(at: path) {
            let folder = DurableStorage.folder(of: file)
            if folders.last?.path != folder { folders.append((folder, [], [])) }
            if file.hasSuffix(".trans.txt") {
                folders[folders.count - 1].transcripts.append(file)
            } else if sound(file) != nil {
                folders[folders.count - 1].sounds.insert(file)
            }
        }
        var recordings: [Recording] = []
        for folder in folders {
            var found: [Recording] = []
            for transcript in folder.transcripts {
                found += try self.recordings(
                    of: TextLines.read(transcript), path: transcript, among: folder.sounds)
            }
            let named = Set(found.map(\.path))
            if let repeated = Dictionary(grouping: found, by: \.path).values.first(where: { $0.count > 1 }) {
                throw SpeechError.badData(
                    "\(repeated[1].place), gives \(repeated[1].path) a text again, as \(repeated[0].place), does"
                )
            }
            if let bare = folder.sounds.subtracting(named).min() {
                let expected = folder.transcripts.first.map { "in \($0)" } ?? "in a .trans.txt beside it"
                throw SpeechError.badData("\(bare) has no transcript \(expected)")
            }
            recordings += found
        }
        guard !recordings.isEmpty else {
            throw SpeechError.notFound(
                "\(path) holds no .trans.txt with sound files beside it, the layout of LibriSpeech; "
                    + "a .tsv of paths and texts is accepted too")
        }
        return recordings
    }

    /// The recordings of the lines of one transcript.
    package static func recordings(
        of lines: [(number: Int, text: Substring)], path: String, among sounds: Set<String>
    ) throws(SpeechError) -> [Recording] {
        let folder = DurableStorage.folder(of: path)
        var recordings: [Recording] = []
        for line in lines {
            let place = "\(path), line \(line.number)"
            let words = line.text.split(maxSplits: 1, whereSeparator: { $0 == " " || $0 == "\t" })
            guard let name = words.first, words.count == 2 else {
                throw .badData("\(place), has a name and no text")
            }
            let candidates = endings.map { folder + "/" + name + "." + $0 }
            guard let file = candidates.first(where: sounds.contains) else {
                throw .notFound(
                    "\(place), names \(String(name).quoted()), but no .flac or .wav of that name is beside it"
                )
            }
            let parts = name.split(separator: "-")
            recordings.append(
                Recording(
                    path: file, text: String(words[1]), place: place,
                    speaker: parts.count == 3 ? String(parts[0]) : nil,
                    chapter: parts.count == 3 ? "\(parts[0])-\(parts[1])" : nil))
        }
        return recordings
    }

    private static let endings = ["flac", "wav"]

    /// The ending of a sound file's name; nil for another file.
    private static func sound(_ file: String) -> String? { endings.first { file.hasSuffix("." + $0) } }
}
