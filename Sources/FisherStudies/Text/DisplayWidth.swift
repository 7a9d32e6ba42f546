/// The width of text on a terminal, and text prepared for one.
package enum DisplayWidth {
    /// The number of terminal columns that `text` fills.
    package static func of(_ text: String) -> Int {
        text.reduce(0) { $0 + of($1) }
    }

    /// Zero for a lone combining mark, two for the wide characters of East Asia and for pictures, else one.
    package static func of(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        if scalar.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}") { return 2 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
            return 2
        default:
            return 1
        }
    }

    /// The text, cut and ended with an ellipsis if it is wider than `width`.
    package static func cut(_ text: String, to width: Int) -> String {
        guard of(text) > width else { return text }
        guard width > 0 else { return "" }
        var result = ""
        var used = 1
        for character in text {
            used += of(character)
            if used > width { break }
            result.append(character)
        }
        return result + "…"
    }

    /// A paragraph for readers: lines of at most 100 columns, fewer on a narrower terminal.
    package static func paragraph(_ text: String, width: Int?) -> [String] {
        wrapped(text, width: min(width ?? .max, 100))
    }

    /// The text in lines of at most `width`, broken at spaces; a longer word is broken where it must be.
    package static func wrapped(_ text: String, width: Int) -> [String] {
        let width = max(width, 1)
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if of(line) + 1 + of(String(word)) <= width {
                line += " " + word
            } else {
                lines.append(line)
                line = String(word)
            }
            let parts = pieces(of: line, width: width)
            lines += parts.dropLast()
            line = parts.last ?? ""
        }
        return lines + (line.isEmpty && !lines.isEmpty ? [] : [line])
    }

    /// The line in pieces that fit into `width`; each has at least one character.
    private static func pieces(of line: String, width: Int) -> [String] {
        var (pieces, used) = ([""], 0)
        for character in line {
            let own = of(character)
            if used + own > width && !pieces[pieces.count - 1].isEmpty {
                pieces.append("")
                used = 0
            }
            pieces[pieces.count - 1].append(character)
            used += own
        }
        return pieces
    }
}
