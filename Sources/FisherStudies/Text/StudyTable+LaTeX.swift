// For papers.
extension StudyTable {
    /// The columns with a heading as a `tabular` of LaTeX with the rules of booktabs (`\usepackage{booktabs}`): headings and
    /// their units in two lines, numbers with signs and powers of ten in mathematics, strong cells bold.
    public func latex() -> String {
        let columns = shown
        let aligned = columns.map { $0.alignment == .left ? "l" : "r" }.joined()
        func line(_ cells: [String]) -> String { cells.joined(separator: " & ") + " \\\\" }
        func joined(_ lines: [String]) -> String { lines.joined(separator: " ") }
        let titles = columns.map { LaTeXText.escaped(joined($0.title)) }
        let units = columns.map { LaTeXText.escaped(joined($0.unit)) }
        let head = [line(titles)] + (units.allSatisfy(\.isEmpty) ? [] : [line(units)])
        let body = (0..<rowCount).map { row in
            line(
                columns.map { column in
                    let cell = column.cells[row]
                    // In texts a star marks what is bold here.
                    var text = joined(cell.lines)
                    while text.hasSuffix(" ") || (cell.isStrong && text.hasSuffix("*")) { text.removeLast() }
                    let shown = LaTeXText.escaped(text)
                    return cell.isStrong ? "\\textbf{\(shown)}" : shown
                })
        }
        return
            (["\\begin{tabular}{@{}\(aligned)@{}}", "\\toprule"] + head + ["\\midrule"] + body + [
                "\\bottomrule", "\\end{tabular}", "",
            ]).joined(separator: "\n")
    }
}

/// Text for LaTeX.
package enum LaTeXText {
    /// The text with the characters that mean something else there escaped, and its numbers in mathematics.
    package static func escaped(_ text: String) -> String {
        let text = text.drop { $0 == " " }
        var result = ""
        var word = ""
        func flush() {
            result += number(word) ?? word.map(character).joined()
            word = ""
        }
        for character in text {
            if " ,;[]()".contains(character) {
                flush()
                result += Self.character(character)
            } else {
                word.append(character)
            }
        }
        flush()
        while result.hasSuffix(" ") { result.removeLast() }
        // A row that begins with a bracket would be an argument of the line break before it.
        return result.hasPrefix("[") ? "{}" + result : result
    }

    /// A number with a sign or a power of ten in mathematics; nil for words and plain numbers.
    private static func number(_ word: String) -> String? {
        let plain = word.replacing("\u{2212}", with: "-")
        guard Double(plain) != nil,
            let match = plain.wholeMatch(of: /([-+]?)([0-9.]+)(?:e([-+]?)0*([0-9]+))?/)
        else { return nil }
        guard !match.1.isEmpty || match.4 != nil else { return nil }
        let power = match.4.map { digits in
            "\\times 10^{\(match.3 == "-" ? "-" : "")\(digits)}"
        }
        return "$\(match.1)\(match.2)\(power ?? "")$"
    }

    private static func character(_ character: Character) -> String {
        switch character {
        case "&", "%", "$", "#", "_", "{", "}": "\\\(character)"
        case "\\": "\\textbackslash{}"
        case "~": "\\textasciitilde{}"
        case "^": "\\textasciicircum{}"
        case "<", ">", "|": "$\(character)$"
        case "±": "$\\pm$"
        case "\u{2212}": "$-$"
        case "×": "$\\times$"
        case "Δ": "$\\Delta$"
        case "→": "$\\to$"
        case "≤": "$\\le$"
        case "≥": "$\\ge$"
        case "∞": "$\\infty$"
        case "†": "$\\dagger$"
        case "λ": "$\\lambda$"
        case "–": "--"
        case "…": "\\dots{}"
        default: String(character)
        }
    }
}
