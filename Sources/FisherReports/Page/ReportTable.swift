import FisherStudies

extension Markup {
    /// A study's table on a page.
    ///
    /// The first column holds the rows' names, with what the table calls their details below; further lines
    /// of a cell are set small below the first.
    ///
    /// - Parameters:
    ///   - table: The rows and the columns that have a heading.
    ///   - name: The class name in the style sheet.
    ///   - style: The series of a row, shown before its name.
    ///   - rowClass: The class of a row.
    ///   - label: What replaces a row's name, if it is not its text.
    static func table(
        _ table: StudyTable, class name: String = "results",
        style: (Int) -> SeriesStyle? = { SeriesStyle(index: $0) }, rowClass: (Int) -> String = { _ in "" },
        label: ((Int) -> [Markup])? = nil
    ) -> Markup {
        let columns = table.shown.filter { $0.details == nil }
        let titles = columns.map { column in
            (title: column.title.joined(separator: " "), unit: column.unit.joined(separator: ", "))
        }
        let heads = titles.map { title, unit -> Markup in
            let below: [Markup] = unit.isEmpty ? [] : [.tag("span", ["class": "unit"], unit)]
            return Markup.tag("th", ["scope": "col"], [.text(title)] + below)
        }
        let rows = (0..<table.rowCount).map { row -> Markup in
            let cells = zip(columns, titles).enumerated().map { position, column -> Markup in
                // On narrow pages the title precedes the number.
                let (title, unit) = column.1
                let content =
                    position == 0
                    ? nameCell(
                        label?(row) ?? [.text(column.0.cells[row].lines.joined(separator: " "))],
                        details: table.columns.compactMap { $0.details?[row] }, style: style(row))
                    : valueCell(column.0.cells[row])
                return .tag(
                    position == 0 ? "th" : "td",
                    ["data-title": unit.isEmpty ? title : "\(title), \(unit)"], content)
            }
            let name = rowClass(row)
            return name.isEmpty ? .tag("tr", [:], cells) : .tag("tr", ["class": name], cells)
        }
        let table = Markup.tag(
            "table", ["class": name],
            [.tag("thead", [:], [.tag("tr", [:], heads)]), .tag("tbody", [:], rows)])
        // A table that is wider than the page scrolls in a box of its own.
        return .tag("div", ["class": "scrolled"], [table])
    }

    private static func nameCell(_ name: [Markup], details: [String], style: SeriesStyle?) -> [Markup] {
        let details = details.filter { !$0.isEmpty }
        let below = details.isEmpty ? [] : [minor(details.joined(separator: "; "), class: "minor below")]
        return (style.map { [$0.swatch] } ?? []) + [.tag("span", ["class": "name"], name + below)]
    }

    private static func valueCell(_ cell: StudyTable.Cell) -> [Markup] {
        let lines = cell.lines.map(typographic)
        guard let first = lines.first, !["", "-", "–"].contains(first) else { return [minor("–")] }
        // In texts a star marks what is bold here.
        let text = cell.isStrong && first.hasSuffix(" *") ? String(first.dropLast(2)) : first
        let number = Markup.tag(cell.isStrong ? "b" : "span", ["class": "number"], text)
        guard lines.count > 1 else { return [cell.isStrong ? number : .text(text)] }
        let below = lines.dropFirst().map { minor($0, class: "minor below") }
        return [.tag("span", ["class": "stacked"], [number] + below)]
    }

    /// Text that is set small and pale.
    static func minor(_ text: String, class name: String = "minor") -> Markup {
        .tag("span", ["class": name], text)
    }

    /// A text as a page is set: without spaces at its ends, and with minus signs before numbers.
    private static func typographic(_ text: String) -> String {
        var result = ""
        let characters = Array(text.drop { $0 == " " })
        for (position, character) in characters.enumerated() {
            let isFirst = position == 0 || [" ", "["].contains(characters[position - 1])
            let isSign = character == "-" && isFirst && characters[(position + 1)...].first?.isNumber == true
            // A deviation stays with its mean.
            let isJoint =
                character == " " && (result.last == "±" || characters[(position + 1)...].first == "±")
            result.append(isSign ? "\u{2212}" : isJoint ? "\u{A0}" : character)
        }
        return String(result.reversed().drop { $0 == " " }.reversed())
    }
}
