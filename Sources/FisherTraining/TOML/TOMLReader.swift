/// A reader of the part of TOML 1.0 that configurations need: tables, inline tables, texts, numbers, truth values,
/// lists of these, comments.
///
/// Dates, lists of lists and arrays of tables have no use in a configuration and are refused, with everything that
/// is not TOML. Nothing is accepted that Python's `tomllib` rejects (`Reference/parser_verdicts.py`).
struct TOMLReader {
    /// What is wrong with a text, and in which line.
    struct Fault: Error, Hashable {
        let line: Int
        let reason: String
    }

    /// A value with the path of its keys: one piece of text, or those of a list.
    struct Setting: Hashable {
        let path: [String]
        let pieces: [String]
        let line: Int
    }

    /// The most parts of a key, those of its tables included.
    private static let depthLimit = 32

    /// How a path came to be, which decides whether a later line may add to it.
    private enum Origin: Hashable {
        /// A value.
        case value
        /// A table by its own head.
        case table
        /// A table by the head of a table below it.
        case parent
        /// A table by a dotted key of a section, which alone may add to it: the section's number.
        case dotted(Int)
    }

    private(set) var bytes: [UInt8]
    var offset = 0
    private var origins: [[String]: Origin] = [:]
    private var found: [(path: [String], pieces: [String], start: Int)] = []
    /// The number of heads and inline tables so far.
    private var sectionCount = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads a text.
    ///
    /// - Throws: `Fault` for the first line that is not in order.
    static func settings(in text: some Collection<UInt8>) throws(Fault) -> [Setting] {
        // As in Python's reader, a line feed with a carriage return before it is a line feed, in texts too.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        for byte in text {
            if byte == UInt8(ascii: "\n"), bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
            bytes.append(byte)
        }
        var reader = TOMLReader(bytes)
        if let invalid = reader.firstInvalidByte() {
            reader.offset = invalid
            throw reader.fault("is not valid UTF-8")
        }
        try reader.readDocument()
        return reader.settings
    }

    /// The settings in their order, each with its line.
    private var settings: [Setting] {
        var (line, counted) = (1, 0)
        return found.map { path, pieces, start in
            line += bytes[counted..<start].count { $0 == UInt8(ascii: "\n") }
            counted = start
            return Setting(path: path, pieces: pieces, line: line)
        }
    }

    private mutating func readDocument() throws(Fault) {
        var (table, section) = ([String](), 0)
        while true {
            skipBlanks()
            switch peek {
            case nil: return
            case UInt8(ascii: "\n"), UInt8(ascii: "#"): break
            case UInt8(ascii: "["): (table, section) = (try readHead(), sectionCount)
            default: try readSetting(below: table, section: section)
            }
            try endLine()
        }
    }

    /// `[a.b]`: the path of the table that it begins.
    private mutating func readHead() throws(Fault) -> [String] {
        offset += 1
        if peek == UInt8(ascii: "[") {
            throw fault("begins an array of tables, which a configuration cannot hold")
        }
        skipBlanks()
        let path = try readKey(below: [])
        guard peek == UInt8(ascii: "]") else { throw fault("lacks the ] of a table's head") }
        for length in path.indices.dropFirst() {
            let parent = Array(path[..<length])
            guard let origin = origins[parent] else {
                origins[parent] = .parent
                continue
            }
            if origin == .value { throw fault("makes a table of \(Self.shown(parent)), which is a value") }
        }
        switch origins[path] {
        case nil, .parent: origins[path] = .table
        case .value: throw fault("makes a table of \(Self.shown(path)), which is a value")
        case .table, .dotted: throw fault("begins the table \(Self.shown(path)) again")
        }
        offset += 1
        sectionCount += 1
        return path
    }

    /// `a.b = value`; the numbers of sections tell whose dotted keys made a table.
    private mutating func readSetting(below table: [String], section: Int) throws(Fault) {
        let start = offset
        let path = try readKey(below: table)
        guard peek == UInt8(ascii: "=") else { throw fault("lacks the = behind a key") }
        offset += 1
        skipBlanks()
        for length in (table.count + 1)..<max(path.count, table.count + 1) {
            let parent = Array(path[..<length])
            switch origins[parent] {
            case nil, .parent, .dotted(section): origins[parent] = .dotted(section)
            case .value: throw fault("makes a table of \(Self.shown(parent)), which is a value")
            case .table, .dotted: throw fault("adds to the table \(Self.shown(parent)) from outside")
            }
        }
        guard origins.updateValue(.value, forKey: path) == nil else {
            throw fault("sets \(Self.shown(path)) again")
        }
        if peek == UInt8(ascii: "{") {
            try readInlineTable(path)
        } else {
            found.append((path, try readValue(), start))
        }
    }

    /// `{ a = 1, b.c = 2 }`, on one line; nothing can be added to it later.
    private mutating func readInlineTable(_ path: [String]) throws(Fault) {
        offset += 1
        sectionCount += 1
        let section = sectionCount
        skipBlanks()
        if take("}") { return }
        while true {
            try readSetting(below: path, section: section)
            skipBlanks()
            if take("}") { return }
            guard take(",") else { throw fault("lacks a , or the } of an inline table") }
            skipBlanks()
        }
    }

    /// A dotted key, and the blanks behind it.
    private mutating func readKey(below table: [String]) throws(Fault) -> [String] {
        var path = table
        while true {
            guard path.count < Self.depthLimit else {
                throw fault("has a key of more than \(Self.depthLimit) parts")
            }
            path.append(try readKeyPart())
            skipBlanks()
            guard take(".") else { return path }
            skipBlanks()
        }
    }

    private mutating func readKeyPart() throws(Fault) -> String {
        if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") { return try readLineText() }
        let start = offset
        while let byte = peek, Self.isBare(byte) { offset += 1 }
        guard offset > start else { throw fault("has no key where one must be") }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// A path as a message shows it.
    private static func shown(_ path: [String]) -> String {
        path.map { $0.utf8.allSatisfy(isBare) && !$0.isEmpty ? $0 : $0.debugDescription }.joined(
            separator: ".")
    }
}

// Characters and lines.
extension TOMLReader {
    /// The next byte; nil at the end.
    var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    /// An error in the line of the next byte.
    func fault(_ reason: String) -> Fault {
        Fault(line: 1 + bytes[..<min(offset, bytes.count)].count { $0 == UInt8(ascii: "\n") }, reason: reason)
    }

    /// Consumes a character if it is the next one.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    /// Skips spaces and tabs.
    mutating func skipBlanks() {
        while let byte = peek, byte == 0x20 || byte == 0x09 { offset += 1 }
    }

    /// Skips blanks, comments and line feeds.
    mutating func skipLines() throws(Fault) {
        while true {
            skipBlanks()
            try skipComment()
            guard take("\n") else { return }
        }
    }

    /// Skips blanks and a comment up to the end of the line, behind which nothing else may be.
    mutating func endLine() throws(Fault) {
        skipBlanks()
        try skipComment()
        guard peek == nil || peek == UInt8(ascii: "\n") else {
            throw fault("has more than one key and value")
        }
        if peek != nil { offset += 1 }
    }

    private mutating func skipComment() throws(Fault) {
        guard peek == UInt8(ascii: "#") else { return }
        while let byte = peek, byte != UInt8(ascii: "\n") {
            if Self.isControl(byte) { throw fault("has a control character in a comment") }
            offset += 1
        }
    }

    /// Whether a byte is a control character that TOML allows nowhere.
    static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != 0x09 || byte == 0x7F }

    /// Whether a byte may be in a key without quotation marks.
    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Where the text ceases to be UTF-8; nil if it is.
    private func firstInvalidByte() -> Int? {
        if String(validating: bytes, as: UTF8.self) != nil { return nil }
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var position = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { position += UTF8.width(scalar) }
        return position
    }
}
