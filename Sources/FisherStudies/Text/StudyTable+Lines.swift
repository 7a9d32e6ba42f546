// For terminals and text files.
extension StudyTable {
    /// What stands above the rows.
    package enum Head: Sendable {
        /// Headings and a rule.
        case ruled
        /// Headings alone.
        case plain
        /// Nothing.
        case none
    }

    private static let gap = "  "

    /// The width of the whole table in terminal columns, no cell of it wrapped.
    package var width: Int { Self.total(shown.map(\.width)) }

    /// The columns with a heading as lines of text: the headings, a rule, the rows.
    ///
    /// A table that is wider than `width` is fitted into it: cells and headings wrap between words, never within a number, and
    /// within an interval only if the columns do not fit otherwise. Where columns do not fit even so, or would take more lines, every row becomes a block of lines
    /// `heading: value` below its name.
    ///
    /// - Parameters:
    ///   - width: The columns of the terminal; nil for whole lines, as files and other programs want them.
    ///   - usesColor: Whether strong cells are colored.
    public func lines(width: Int? = nil, usesColor: Bool = false) -> [String] {
        lines(width: width, usesColor: usesColor, head: .ruled)
    }

    /// The same with another head.
    package func lines(width: Int?, usesColor: Bool = false, head: Head) -> [String] {
        let natural = shown.map(\.width)
        guard let width, Self.total(natural) > width else {
            return grid(natural, usesColor: usesColor, head: head)
        }
        let blocks = blocks(width: max(width, 1), usesColor: usesColor, hasHeadings: head != .none)
        for keepsIntervals in [true, false] {
            guard let widths = fitted(to: width, keepsIntervals) else { continue }
            let grid = grid(widths, usesColor: usesColor, head: head, keepsIntervals)
            return grid.count <= blocks.count ? grid : blocks
        }
        return blocks
    }

    private static func total(_ widths: [Int]) -> Int {
        widths.reduce(0, +) + gap.count * max(widths.count - 1, 0)
    }

    /// Widths of the columns that together fit: the widest ones give way first, none below its longest piece; nil if the
    /// pieces alone are too wide.
    private func fitted(to width: Int, _ keepsIntervals: Bool) -> [Int]? {
        let (natural, least) = (shown.map(\.width), shown.map { $0.leastWidth(keepsIntervals) })
        guard Self.total(least) <= width else { return nil }
        func limited(_ limit: Int) -> [Int] { zip(natural, least).map { max(min($0, limit), $1) } }
        let limit = (1...max(width, 1)).last { Self.total(limited($0)) <= width }
        var widths = limit.map(limited) ?? least
        // What is left over by rounding goes to the first columns that still wrap.
        for column in widths.indices where widths[column] < natural[column] && Self.total(widths) < width {
            widths[column] += 1
        }
        return widths
    }

    private func grid(
        _ widths: [Int], usesColor: Bool, head: Head, _ keepsIntervals: Bool = true
    ) -> [String] {
        let headings = zip(shown, widths).map { column, width in
            column.heading.flatMap { WrappedCell.lines($0, width: width, column.alignment, keepsIntervals) }
        }
        let height = headings.map(\.count).max() ?? 0
        // Titles are aligned at the bottom.
        let titles = headings.map { Array(repeating: "", count: height - $0.count) + $0 }
        let body = (0..<rowCount).flatMap { row in
            render(
                zip(shown, widths).map { column, width in
                    column.cells[row].lines.flatMap {
                        WrappedCell.lines($0, width: width, column.alignment, keepsIntervals)
                    }
                }, widths, strong: usesColor ? shown.map { $0.cells[row].isStrong } : [])
        }
        switch head {
        case .none: return body
        case .plain: return render(titles, widths, strong: []) + body
        case .ruled:
            return render(titles, widths, strong: []) + [String(repeating: "-", count: Self.total(widths))]
                + body
        }
    }

    private func render(_ cells: [[String]], _ widths: [Int], strong: [Bool]) -> [String] {
        let height = cells.map(\.count).max() ?? 0
        return (0..<height).map { line in
            let parts = shown.indices.map { index in
                let text = cells[index].indices.contains(line) ? cells[index][line] : ""
                let padding = String(repeating: " ", count: max(widths[index] - DisplayWidth.of(text), 0))
                let shown = strong.isEmpty || !strong[index] ? text : Self.colored(text)
                return self.shown[index].alignment == .left ? shown + padding : padding + shown
            }
            return String(parts.joined(separator: Self.gap).reversed().drop { $0 == " " }.reversed())
        }
    }

    private static func colored(_ text: String) -> String { "\u{1B}[1;32m\(text)\u{1B}[0m" }

    /// The rows one below the other, each a name and lines of `heading: value`, with an empty line between; cells without a
    /// value are left out.
    private func blocks(width: Int, usesColor: Bool, hasHeadings: Bool) -> [String] {
        let indent = width > 12 ? 2 : 0
        func wrapped(_ text: String, _ indent: Int, _ rest: Int, isStrong: Bool = false) -> [String] {
            let lines = WrappedCell.lines(text, width: max(width - rest, 1), .left)
            return lines.enumerated().map { number, line in
                let margin = String(repeating: " ", count: number == 0 ? indent : rest)
                return margin + (usesColor && isStrong ? Self.colored(line) : line)
            }
        }
        return (0..<rowCount).flatMap { row -> [String] in
            let cells = shown.map { column in
                (
                    heading: column.title.joined(separator: " ").trimmed,
                    unit: column.unit.joined(separator: " ").trimmed, cell: column.cells[row],
                    text: column.cells[row].lines.joined(separator: " ").trimmed
                )
            }
            let name = cells.first.map { $0.text.isEmpty ? [] : wrapped($0.text, 0, indent) } ?? []
            let values = cells.dropFirst().filter { !["", "-", "–"].contains($0.text) }.flatMap { cell in
                let heading = cell.unit.isEmpty ? cell.heading : "\(cell.heading), \(cell.unit)"
                return wrapped(
                    hasHeadings ? "\(heading): \(cell.text)" : cell.text, indent, 2 * indent,
                    isStrong: cell.cell.isStrong)
            }
            return (row == 0 ? [] : [""]) + name + values
        }
    }
}

extension StudyTable.Column {
    fileprivate var heading: [String] { title + unit }

    /// The width of the widest line on a terminal.
    fileprivate var width: Int {
        (heading + cells.flatMap(\.lines)).map(DisplayWidth.of).max() ?? 0
    }

    /// The width of the longest piece that is not broken.
    fileprivate func leastWidth(_ keepsIntervals: Bool) -> Int {
        (heading + cells.flatMap(\.lines)).flatMap { WrappedCell.pieces(of: $0, alignment, keepsIntervals) }
            .map { DisplayWidth.of($0.text) }.max() ?? 0
    }
}

/// A cell's text in lines: broken between words, and in columns of words after the slashes of paths.
private enum WrappedCell {
    /// A part of a line that is never broken.
    struct Piece {
        var text: String
        /// Whether a space precedes it where it does not begin a line.
        var isSpaced: Bool
    }

    /// The pieces of a line. Signs stay with their numbers, intervals are whole.
    static func pieces(
        of line: String, _ alignment: StudyTable.Alignment, _ keepsIntervals: Bool
    ) -> [Piece] {
        var words: [String] = []
        var isOpen = false
        for word in line.split(separator: " ").map(String.init) {
            let belongsToLast =
                isOpen || ["*", "!", "%"].contains(word) || words.last.map { $0.hasSuffix("±") } == true
            if belongsToLast, let last = words.last {
                words[words.count - 1] = last + " " + word
            } else {
                words.append(word)
            }
            if let opened = word.first, "[(".contains(opened), keepsIntervals, isNumber(word.dropFirst()) {
                isOpen = true
            }
            if let closed = word.last, "])".contains(closed) { isOpen = false }
        }
        return words.flatMap { word -> [Piece] in
            guard alignment == .left, word.contains("/") else { return [Piece(text: word, isSpaced: true)] }
            var parts: [String] = [""]
            for character in word {
                parts[parts.count - 1].append(character)
                // The slash that begins a path stays with its first name.
                if character == "/", parts[parts.count - 1] != "/" { parts.append("") }
            }
            return parts.filter { !$0.isEmpty }.enumerated().map {
                Piece(text: $0.element, isSpaced: $0.offset == 0)
            }
        }
    }

    private static func isNumber(_ text: Substring) -> Bool {
        text.first.map { $0.isNumber || "+-−∞".contains($0) } ?? false
    }

    /// The lines of a text of at most `width`; a piece that is longer is broken where it must be.
    static func lines(
        _ text: String, width: Int, _ alignment: StudyTable.Alignment, _ keepsIntervals: Bool = true
    ) -> [String] {
        guard DisplayWidth.of(text) > width else { return [text] }
        var lines: [String] = []
        var line = ""
        for piece in pieces(of: text, alignment, keepsIntervals) {
            let gap = line.isEmpty || !piece.isSpaced ? "" : " "
            if DisplayWidth.of(line) + DisplayWidth.of(gap + piece.text) <= width {
                line += gap + piece.text
            } else {
                if !line.isEmpty { lines.append(line) }
                let parts = DisplayWidth.wrapped(piece.text, width: width)
                lines += parts.dropLast()
                line = parts.last ?? ""
            }
        }
        return lines + (line.isEmpty ? [] : [line])
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
