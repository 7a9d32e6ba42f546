import FisherFiles

/// Reads tables from files of comma-separated values (RFC 4180).
///
/// The first row is the header. Fields may be in quotes, within which a quote is written twice and lines may break; lines
/// end with LF or CRLF; the text is UTF-8, with or without a byte-order mark. Where the header has more semicolons or tabs
/// than commas, these separate the fields.
public struct TableReader: Sendable {
    /// The most bytes that a file may have.
    package static let byteLimit = 1 << 32

    /// Creates a reader.
    public init() {}

    /// The rows of several files with the same columns, one after the other. The columns of a later file may stand in
    /// another order.
    ///
    /// Throws a ``TableError`` for a file that cannot be read, is no table, or has other columns than the first.
    public func table(of paths: [String]) throws(TableError) -> Table {
        precondition(!paths.isEmpty, "a table needs a file")
        var names: [String] = []
        var columns: [[String]] = []
        var files: [(path: String, firstRow: Int)] = []
        var lines: [Int] = []
        for path in paths {
            let bytes: [UInt8]
            do throws(StorageError) {
                bytes = try FileReader(path).contents(limit: Self.byteLimit)
            } catch { throw TableError(error) }
            files.append((path, lines.count))
            var parser = try CSVParser(bytes, path: path)
            let header = try parser.header()
            if names.isEmpty {
                names = header
                columns = Array(repeating: [], count: names.count)
            } else if Set(names) != Set(header) {
                let other = Set(names).symmetricDifference(header).min() ?? ""
                throw TableError(
                    path: path,
                    reason: "has other columns than \(paths[0]) (\(other.quoted()) is in only one of them)")
            }
            let order = header.map { name in names.firstIndex(of: name) ?? 0 }
            while let row = try parser.row(count: header.count) {
                for (column, cell) in zip(order, row.cells) { columns[column].append(cell) }
                lines.append(row.line)
            }
        }
        guard !lines.isEmpty else {
            throw TableError(path: paths[0], reason: "has a header and no rows")
        }
        return Table(
            columns: zip(names, columns).map { Table.Column(name: $0, texts: $1) }, files: files, lines: lines
        )
    }

    /// The table of bytes in memory, named by a path in errors.
    package func table(of bytes: [UInt8], path: String) throws(TableError) -> Table {
        var parser = try CSVParser(bytes, path: path)
        let names = try parser.header()
        var columns: [[String]] = Array(repeating: [], count: names.count)
        var lines: [Int] = []
        while let row = try parser.row(count: names.count) {
            for (index, cell) in row.cells.enumerated() { columns[index].append(cell) }
            lines.append(row.line)
        }
        guard !lines.isEmpty else { throw TableError(path: path, reason: "has a header and no rows") }
        return Table(
            columns: zip(names, columns).map { Table.Column(name: $0, texts: $1) }, files: [(path, 0)],
            lines: lines)
    }
}

/// The rows of a file's bytes, one after the other.
struct CSVParser {
    private let bytes: [UInt8]
    private let path: String
    private var position = 0
    private var line = 1
    private var separator = UInt8(ascii: ",")

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    init(_ bytes: [UInt8], path: String) throws(TableError) {
        self.bytes = bytes
        self.path = path
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        if bytes.contains(0) {
            throw TableError(path: path, reason: "is no text: it has bytes of zero")
        }
        separator = Self.separator(ofHeader: bytes[position...])
    }

    /// The most frequent of comma, semicolon and tab in the first line, outside quotes.
    private static func separator(ofHeader bytes: ArraySlice<UInt8>) -> UInt8 {
        var counts: [UInt8: Int] = [:]
        var isQuoted = false
        for byte in bytes {
            if byte == quote { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == lineFeed || byte == carriageReturn { break }
            counts[byte, default: 0] += 1
        }
        let candidates: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]
        return candidates.max { counts[$0, default: 0] < counts[$1, default: 0] } ?? candidates[0]
    }

    /// The names of the columns. The column of row names that R writes without a name is called `row`.
    mutating func header() throws(TableError) -> [String] {
        guard var names = try row(count: nil)?.cells else {
            throw TableError(path: path, reason: "is empty; a table begins with the names of its columns")
        }
        if names[0].isEmpty, names.count > 1, !names.contains("row") { names[0] = "row" }
        if let index = names.firstIndex(of: "") {
            throw TableError(path: path, line: line - 1, reason: "has no name for column \(index + 1)")
        }
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            throw TableError(path: path, line: line - 1, reason: "names two columns \(name.quoted())")
        }
        return names
    }

    /// The next row that is not an empty line, of `count` cells; nil at the end.
    mutating func row(count: Int?) throws(TableError) -> (cells: [String], line: Int)? {
        while position < bytes.count {
            let start = line
            let cells = try cells()
            if cells.count == 1, cells[0].isEmpty, count != 1 { continue }
            if let count, cells.count != count {
                throw TableError(
                    path: path, line: start,
                    reason:
                        "has \(cells.count) field\(cells.count == 1 ? "" : "s"), where the header has \(count)"
                )
            }
            return (cells, start)
        }
        return nil
    }

    private mutating func cells() throws(TableError) -> [String] {
        var cells: [String] = []
        while true {
            cells.append(try cell())
            guard position < bytes.count else { return cells }
            let byte = bytes[position]
            position += 1
            if byte == separator { continue }
            if byte == Self.carriageReturn, position < bytes.count, bytes[position] == Self.lineFeed {
                position += 1
            }
            line += 1
            return cells
        }
    }

    /// A cell up to its separator or the line's end, which is not taken.
    private mutating func cell() throws(TableError) -> String {
        skipSpaces()
        if position < bytes.count, bytes[position] == Self.quote { return try quotedCell() }
        let start = position
        while position < bytes.count, !endsCell(bytes[position]) { position += 1 }
        var end = position
        while end > start, isSpace(bytes[end - 1]) { end -= 1 }
        return try text(bytes[start..<end], line: line)
    }

    private mutating func quotedCell() throws(TableError) -> String {
        let start = line
        var content: [UInt8] = []
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == Self.lineFeed { line += 1 }
            guard byte == Self.quote else {
                content.append(byte)
                continue
            }
            if position < bytes.count, bytes[position] == Self.quote {
                content.append(byte)
                position += 1
                continue
            }
            skipSpaces()
            guard position == bytes.count || endsCell(bytes[position]) else {
                throw TableError(
                    path: path, line: line, reason: "has text behind a closing quote; write a quote twice")
            }
            return try text(content[...], line: start)
        }
        throw TableError(path: path, line: start, reason: "opens a quote that is not closed")
    }

    private mutating func skipSpaces() {
        while position < bytes.count, isSpace(bytes[position]) { position += 1 }
    }

    private func isSpace(_ byte: UInt8) -> Bool {
        (byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")) && byte != separator
    }

    private func endsCell(_ byte: UInt8) -> Bool {
        byte == separator || byte == Self.lineFeed || byte == Self.carriageReturn
    }

    private func text(_ bytes: ArraySlice<UInt8>, line: Int) throws(TableError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TableError(path: path, line: line, reason: "is not UTF-8")
        }
        return text
    }
}
