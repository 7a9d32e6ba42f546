import FisherTraining

/// The prompts of the telephone exchange Asterisk, as Debian's `asterisk-core-sounds-en-wav` installs them: 25 minutes of one
/// speaker (Allison Smith; CC BY-SA 3.0), of which nothing is copied.
///
/// The texts are those of the package's own list, `core-sounds-en.txt`. Left out are sounds without words, texts with a note
/// in brackets on how they are spoken, and texts with numbers of several digits or signs such as `*`, which can be
/// spoken in more than one way. Where the list is not installed (systems without `/usr/share/doc`), the digits, the letters and
/// the phonetic alphabet are read, whose files' names say the text.
enum AsteriskPrompts {
    static let folders = ["/usr/share/asterisk/sounds/en_US_f_Allison", "/usr/share/asterisk/sounds/en"]
    static let lists = ["core-sounds-en.txt", "core-sounds-en.txt.gz"].map {
        "/usr/share/doc/asterisk-core-sounds-en/" + $0
    }

    /// The folder of the sounds; nil where the package is not installed.
    static var folder: String? {
        folders.first {
            ((try? DurableStorage.kind(of: $0 + "/digits/1.wav", followingLinks: true)) ?? nil) == .file
        }
    }

    /// The recordings.
    ///
    /// - Throws: `SpeechError` where the package is not installed, `CorpusError` where its folder cannot be listed.
    static func recordings() throws -> [Recording] {
        guard let folder else {
            throw SpeechError.notFound(
                "the prompts of Asterisk are not installed in \(folders[0]); install them with "
                    + "apt-get install asterisk-core-sounds-en-wav, or use --corpus espeak, or name your own with --speech"
            )
        }
        let list = lists.first { ((try? DurableStorage.kind(of: $0, followingLinks: true)) ?? nil) == .file }
        let texts = try list.map(texts(at:))
        return recordings(of: try Corpus.files(at: folder), folder: folder, list: list, texts: texts)
    }

    /// The recordings of files, by a list of texts or by their names.
    static func recordings(
        of files: [String], folder: String, list: String?, texts: [String: (text: String, line: Int)]?
    ) -> [Recording] {
        files.compactMap { file in
            guard file.hasSuffix(".wav") else { return nil }
            let name = String(file.dropFirst(folder.count + 1).dropLast(4))
            if let texts {
                guard let entry = texts[name], let text = spoken(entry.text) else { return nil }
                return Recording(path: file, text: text, place: "\(list ?? ""), line \(entry.line)")
            }
            guard let text = text(ofName: name) else { return nil }
            return Recording(path: file, text: text, place: file)
        }
    }

    /// The texts of the package's list, by the files' names without their ending.
    private static func texts(at path: String) throws(SpeechError) -> [String: (text: String, line: Int)] {
        guard path.hasSuffix(".gz") else { return texts(of: try TextLines.read(path)) }
        guard let program = ChildProgram(named: "gzip") else {
            throw .programMissing("\(path) cannot be read: the program gzip is not installed")
        }
        let bytes = try program.output(["-dc", path])
        return texts(of: try TextLines.lines(of: bytes, path: path))
    }

    /// Lines `name: text`; others are passed over.
    static func texts(of lines: [(number: Int, text: Substring)]) -> [String: (text: String, line: Int)] {
        var texts: [String: (text: String, line: Int)] = [:]
        for line in lines {
            guard let colon = line.text.firstIndex(of: ":"), line.text.first != ";" else { continue }
            texts[String(line.text[..<colon])] = (
                String(line.text[line.text.index(after: colon)...]), line.number
            )
        }
        return texts
    }

    /// A text in letters, apostrophes and spaces; nil where it has notes or signs, or no letter.
    private static func spoken(_ text: String) -> String? {
        guard let plain = try? Alphabet.plain(text), !plain.isEmpty else { return nil }
        return plain
    }

    /// What a file of digits, letters or the phonetic alphabet says by its name; nil for another file.
    static func text(ofName name: String) -> String? {
        let parts = name.split(separator: "/")
        guard parts.count == 2 else { return nil }
        let word = String(parts[1])
        switch parts[0] {
        case "digits": return number(word)
        case "letters":
            return word.hasPrefix("ascii") || !word.allSatisfy(\.isLetter) ? nil : word
        case "phonetic": return word == "9_p" ? "niner" : phonetic.first { word == "\($0.prefix(1))_p" }
        default: return nil
        }
    }

    private static let phonetic = [
        "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo",
        "lima",
        "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor",
        "whiskey",
        "xray", "yankee", "zulu",
    ]
    private static let teens = [
        "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
        "nineteen",
    ]
    private static let tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    private static let days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
    private static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
        "november",
        "december",
    ]

    /// The text of a file in the folder of digits; the ordinal numbers are left to the list.
    private static func number(_ word: String) -> String? {
        if let value = Int(word) {
            switch value {
            case 0...9: return Alphabet.digits[value]
            case 10...19: return teens[value - 10]
            case 20...90 where value % 10 == 0: return tens[value / 10 - 2]
            default: return nil
            }
        }
        for (prefix, words) in [("day-", days), ("mon-", months)] where word.hasPrefix(prefix) {
            return Int(word.dropFirst(prefix.count)).flatMap { words.indices.contains($0) ? words[$0] : nil }
        }
        switch word {
        case "a-m": return "a m"
        case "p-m": return "p m"
        case "oclock": return "o'clock"
        default: return word.allSatisfy(\.isLetter) ? word : nil
        }
    }
}
