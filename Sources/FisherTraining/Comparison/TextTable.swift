/// A table of plain text with aligned columns and cells of several lines.
struct TextTable {
    enum Alignment {
        case left, right
    }

    /// A column: its title, a string a line, and one cell a row.
    struct Column {
        let title: [String]
        let alignment: Alignment
        let cells: [Cell]
        /// The room that the widest line takes on a terminal.
        let width: Int

        init(_ title: [String], _ alignment: Alignment, _ cells: [Cell]) {
            self.title = title
            self.alignment = alignment
            self.cells = cells
            self.width = (title + cells.flatMap(\.lines)).map(DisplayWidth.of).max() ?? 0
        }
    }

    struct Cell {
        let lines: [String]
        /// Whether the cell is set off where colors are allowed.
        let isStrong: Bool

        init(_ text: String, isStrong: Bool = false) {
            self.lines = [text]
            self.isStrong = isStrong
        }

        init(lines: [String]) {
            self.lines = lines
            self.isStrong = false
        }
    }

    let columns: [Column]

    /// A table of columns of one length.
    init(_ columns: [Column]) {
        self.columns = columns
    }

    private static let gap = "  "

    /// The width of the whole table in terminal columns.
    var width: Int {
        columns.reduce(0) { $0 + $1.width } + Self.gap.count * max(columns.count - 1, 0)
    }

    /// The table's lines: the titles, a rule, the rows.
    func lines(usesColor: Bool) -> [String] {
        let titleHeight = columns.map(\.title.count).max() ?? 0
        // Titles sit on the rule: a short one begins lower.
        let titles = columns.map { column in
            Cell(lines: Array(repeating: "", count: titleHeight - column.title.count) + column.title)
        }
        let rowCount = columns.map(\.cells.count).min() ?? 0
        let body = (0..<rowCount).flatMap { row in
            render(columns.map { $0.cells[row] }, usesColor: usesColor)
        }
        return render(titles, usesColor: false) + [String(repeating: "-", count: width)] + body
    }

    private func render(_ cells: [Cell], usesColor: Bool) -> [String] {
        let height = cells.map(\.lines.count).max() ?? 0
        return (0..<height).map { line in
            let parts = zip(columns, cells).map { column, cell in
                let text = cell.lines.indices.contains(line) ? cell.lines[line] : ""
                let padding = String(repeating: " ", count: column.width - DisplayWidth.of(text))
                let shown = usesColor && cell.isStrong ? "\u{1B}[1;32m\(text)\u{1B}[0m" : text
                return column.alignment == .left ? shown + padding : padding + shown
            }
            return Self.withoutTrailingSpaces(parts.joined(separator: Self.gap))
        }
    }

    private static func withoutTrailingSpaces(_ line: String) -> String {
        String(line.reversed().drop { $0 == " " }.reversed())
    }
}
