/// A table of a study. Its columns are described once, and written as comma-separated values, as aligned text, as
/// Markdown, and on a page.
public struct StudyTable: Sendable {
    /// The alignment of a column's cells.
    public enum Alignment: Sendable {
        /// Left, for words.
        case left
        /// Right, for numbers.
        case right
    }

    /// The cell of a value for readers.
    public struct Cell: Sendable, ExpressibleByStringInterpolation {
        /// The text, one string per line.
        public let lines: [String]
        /// Whether the cell is set off where colors or weights are allowed.
        public let isStrong: Bool

        /// A cell of one line.
        public init(_ text: String, isStrong: Bool = false) {
            self.init(lines: [text], isStrong: isStrong)
        }

        /// A cell of several lines, whose control characters are escaped: a label can come from a file.
        public init(lines: [String], isStrong: Bool = false) {
            self.lines = lines.map(\.printable)
            self.isStrong = isStrong
        }

        /// A cell of one line.
        public init(stringLiteral text: String) { self.init(text) }
    }

    /// A column with its values.
    package struct Column: Sendable {
        /// The name in comma-separated values; nil if the column is for readers only.
        package let key: String?
        /// The heading in lines; empty if the column is for programs only.
        package let title: [String]
        /// The unit in the heading, in lines.
        package let unit: [String]
        /// The alignment of the cells.
        package let alignment: Alignment
        /// The cells for readers, one per row.
        package let cells: [Cell]
        /// The fields for programs, one per row.
        package let fields: [String]
        /// Text below a row's name on a page, in place of a column of its own.
        package let details: [String]?
    }

    /// The columns in their order.
    package let columns: [Column]
    /// The number of rows.
    public let rowCount: Int

    /// A table with a row for each of the values.
    public init<Row>(_ rows: [Row], _ columns: [StudyColumn<Row>]) {
        self.rowCount = rows.count
        self.columns = columns.map { column in
            let cells = column.title.isEmpty ? [] : rows.map(column.cell)
            return Column(
                key: column.key, title: column.title, unit: column.unit, alignment: column.alignment,
                cells: cells, fields: column.key == nil ? [] : rows.map(column.field),
                details: column.detail.map { rows.map($0) })
        }
    }

    /// The columns that readers see.
    package var shown: [Column] { columns.filter { !$0.title.isEmpty } }
}

/// One column of a study's table: how a row is written for readers and for programs.
public struct StudyColumn<Row> {
    let key: String?
    let title: [String]
    let unit: [String]
    let alignment: StudyTable.Alignment
    let cell: (Row) -> StudyTable.Cell
    let field: (Row) -> String
    let detail: ((Row) -> String)?

    /// A column for readers, and for programs if it has a key.
    ///
    /// - Parameters:
    ///   - title: The heading, one string per line.
    ///   - unit: The unit below it, one string per line.
    ///   - key: The name in comma-separated values.
    ///   - alignment: The alignment of the cells.
    ///   - field: What programs read, if it is not the cell's text.
    ///   - detail: Text below the row's name on a page, in place of a column of its own.
    ///   - cell: What readers see.
    public init(
        _ title: [String], unit: [String] = [], key: String? = nil,
        _ alignment: StudyTable.Alignment = .right,
        field: ((Row) -> String)? = nil, detail: ((Row) -> String)? = nil,
        cell: @escaping (Row) -> StudyTable.Cell
    ) {
        self.key = key
        self.title = title
        self.unit = unit
        self.alignment = alignment
        self.cell = cell
        self.field = field ?? { cell($0).lines.joined(separator: " ") }
        self.detail = detail
    }

    /// A column of numbers: with a fixed number of decimals for readers, with all digits for programs if it
    /// has a key.
    public static func number(
        _ title: [String], unit: [String] = [], key: String? = nil, decimals: Int,
        _ value: @escaping (Row) -> Double
    ) -> StudyColumn {
        StudyColumn(title, unit: unit, key: key, field: { StudyTable.digits(of: value($0)) }) {
            .init(NumberText.plain.fixed(value($0), decimals: decimals))
        }
    }

    /// A column of words for programs only.
    public static func field(_ key: String, _ text: @escaping (Row) -> String) -> StudyColumn {
        StudyColumn([], key: key, field: text) { _ in "" }
    }

    /// A column of numbers for programs only: all digits that are needed to read them back, `NaN`, `inf` and
    /// `-inf`, and an empty field if there is no number.
    public static func field(_ key: String, number: @escaping (Row) -> Double?) -> StudyColumn {
        field(key) { number($0).map(StudyTable.digits) ?? "" }
    }

    /// A column for pages only, whose text is shown below the row's name.
    public static func detail(_ text: @escaping (Row) -> String) -> StudyColumn {
        StudyColumn([], detail: text) { _ in "" }
    }
}

// For programs and for other documents.
extension StudyTable {
    /// The columns with a key as comma-separated values under their keys.
    ///
    /// Fields are quoted as in RFC 4180; lines end with a line feed.
    public func csv() -> String {
        let columns = columns.compactMap { column in column.key.map { (key: $0, fields: column.fields) } }
        let head = columns.map(\.key).joined(separator: ",")
        let rows = (0..<rowCount).map { row in
            columns.map { Self.quoted($0.fields[row]) }.joined(separator: ",")
        }
        return ([head] + rows).joined(separator: "\n") + "\n"
    }

    /// The shortest text from which the number is read back exactly.
    fileprivate static func digits(of value: Double) -> String {
        if value.isFinite { return "\(value)" }
        return value.isNaN ? "NaN" : value > 0 ? "inf" : "-inf"
    }

    private static func quoted(_ field: String) -> String {
        let special: Set<Unicode.Scalar> = [",", "\"", "\n", "\r"]
        guard field.unicodeScalars.contains(where: special.contains) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }

    /// The columns with a heading as a table of Markdown.
    public func markdown() -> String {
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
        func text(_ lines: [String]) -> String {
            lines.joined(separator: " ").replacing("|", with: "\\|")
        }
        let rows = (0..<rowCount).map { row in line(shown.map { text($0.cells[row].lines) }) }
        return line(shown.map { text($0.title + $0.unit) })
            + line(shown.map { $0.alignment == .left ? ":--" : "--:" }) + rows.joined()
    }
}
