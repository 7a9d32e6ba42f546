/// A table of named columns, as one or several files hold it.
///
/// Every cell is kept as its text; ``Column/number(at:)`` reads one as a number. A column is numeric where every cell
/// that is not missing is a number, and a category otherwise.
public struct Table: Sendable {
    /// One column.
    public struct Column: Sendable {
        /// Its name in the header.
        public let name: String
        /// The cells, row by row, without the spaces around them.
        public let texts: [String]
        /// Whether every cell that is not missing is a number.
        public let isNumeric: Bool

        /// Names a list of cells.
        public init(name: String, texts: [String]) {
            self.name = name
            self.texts = texts
            isNumeric = texts.allSatisfy { Table.isMissing($0) || Table.number($0) != nil }
        }

        /// Whether a row's cell is empty or says that its value is missing.
        public func isMissing(at row: Int) -> Bool { Table.isMissing(texts[row]) }

        /// A row's cell as a number; nil where it is none.
        public func number(at row: Int) -> Double? { Table.number(texts[row]) }

        /// The different values of the cells that are not missing: numbers by size, other texts by their bytes.
        public var levels: [String] {
            let found = Set(texts.lazy.filter { !Table.isMissing($0) })
            return found.sorted { a, b in
                if isNumeric, let x = Table.number(a), let y = Table.number(b), x != y { return x < y }
                return Array(a.utf8).lexicographicallyPrecedes(Array(b.utf8))
            }
        }
    }

    /// Where a row stands.
    public struct Place: Hashable, Sendable, CustomStringConvertible {
        /// The file.
        public let path: String
        /// The line on which the row begins, counted from 1.
        public let line: Int

        /// `data.csv, line 12`.
        public var description: String { "\(path), line \(line)" }
    }

    /// The columns in the order of the first file's header.
    public let columns: [Column]
    /// The number of rows.
    public let rowCount: Int
    private let files: [(path: String, firstRow: Int)]
    private let lines: [Int]

    init(columns: [Column], files: [(path: String, firstRow: Int)], lines: [Int]) {
        self.columns = columns
        self.files = files
        self.lines = lines
        rowCount = lines.count
    }

    /// Where a row was read.
    public func place(ofRow row: Int) -> Place {
        Place(path: files.last { $0.firstRow <= row }?.path ?? "", line: lines[row])
    }

    /// The column of a name; throws a ``TableError`` that lists the names there are.
    public func column(_ name: String) throws(TableError) -> Column {
        guard let found = columns.first(where: { $0.name == name }) else {
            let names = columns.prefix(30).map(\.name).joined(separator: ", ")
            throw TableError(
                path: files.first?.path ?? "",
                reason:
                    "has no column \(name.quoted()); its columns are \(names)\(columns.count > 30 ? ", …" : "")"
            )
        }
        return found
    }

    /// Whether a cell is empty or `NA`, `NaN` or `null`, in any case of letters.
    static func isMissing(_ text: String) -> Bool {
        switch text.utf8.count {
        case 0: true
        case 1: text == "."
        case 2: text.lowercased() == "na"
        case 3: text.lowercased() == "nan" || text.lowercased() == "n/a"
        case 4: text.lowercased() == "null"
        default: false
        }
    }

    /// A decimal number; `inf` is read as one too, so that its place can be told.
    static func number(_ text: String) -> Double? {
        guard let first = text.utf8.first, !text.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") })
        else { return nil }
        let isSigned = first == UInt8(ascii: "+") || first == UInt8(ascii: "-")
        guard let digit = isSigned ? text.utf8.dropFirst().first : first else { return nil }
        let lower = digit | 0x20
        guard
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) || digit == UInt8(ascii: ".")
                || lower == UInt8(ascii: "i")
        else { return nil }
        return Double(text)
    }
}
