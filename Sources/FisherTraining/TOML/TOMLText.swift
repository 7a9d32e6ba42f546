import FisherOptions

/// Values as TOML spells them.
enum TOMLText {
    /// A value: a list, or a number or truth value if the text is one, or a text.
    ///
    /// What is to be a text is written without quotation marks only if it is read back letter by letter: a file of
    /// the name `007` is not the number 7.
    static func value(_ pieces: [String], form: OptionForm) -> String {
        if case .list = form {
            return pieces.isEmpty ? "[]" : "[ " + pieces.map(quoted).joined(separator: ", ") + " ]"
        }
        let text = pieces.joined()
        let bare = Int(text).map { "\($0)" } ?? Double(text).map { "\($0)" } ?? Bool(text).map { "\($0)" }
        // TOML's whole numbers end at 2^63: a larger seed is written as a text, which is read the same.
        guard let bare, Int(text) != nil || UInt64(text) == nil else { return quoted(text) }
        if case .quoted = form, bare != text { return quoted(text) }
        return bare
    }

    /// A text between double quotation marks.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{08}": result += "\\b"
            case "\t": result += "\\t"
            case "\n": result += "\\n"
            case "\u{0C}": result += "\\f"
            case "\r": result += "\\r"
            case "\0"..<" ", "\u{7F}":
                let digits = String(scalar.value, radix: 16, uppercase: true)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
