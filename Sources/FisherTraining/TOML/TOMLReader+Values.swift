// Values of TOML as pieces of text.

extension TOMLReader {
    /// A value that is no table: one piece of text, or those of a list.
    mutating func readValue() throws(Fault) -> [String] {
        guard take("[") else { return [try readScalar()] }
        var pieces: [String] = []
        while true {
            try skipLines()
            if take("]") { return pieces }
            if peek == UInt8(ascii: "[") || peek == UInt8(ascii: "{") {
                throw fault("has a list of other things than numbers, texts and truth values")
            }
            pieces.append(try readScalar())
            try skipLines()
            if take("]") { return pieces }
            guard take(",") else { throw fault("lacks a , or the ] of a list") }
        }
    }

    /// A text without its quotation marks, or a number or truth value in the form that options read.
    private mutating func readScalar() throws(Fault) -> String {
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            return hasThree(bytes[offset]) ? try readLongText() : try readLineText()
        default: return try readWord()
        }
    }

    /// A number or a truth value.
    private mutating func readWord() throws(Fault) -> String {
        let start = offset
        while let byte = peek, !Self.endsWord(byte) { offset += 1 }
        let word = String(decoding: bytes[start..<offset], as: UTF8.self)
        if word.isEmpty { throw fault("has no value where one must be") }
        if word == "true" || word == "false" { return word }
        guard let number = Self.number(word) else {
            throw fault(
                "has the value \(word.debugDescription), which is neither a number nor true or false; "
                    + "a text needs quotation marks")
        }
        return number
    }

    private static func endsWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: ","), UInt8(ascii: "]"),
            UInt8(ascii: "}"), UInt8(ascii: "#"):
            true
        default: false
        }
    }

    /// A number in the form that options read; nil if the word is none, or a whole number of more than 64 bits.
    private static func number(_ word: String) -> String? {
        if ["inf", "+inf", "-inf", "nan", "+nan", "-nan"].contains(word) {
            return Double(word).map { "\($0)" }
        }
        let plain = word.filter { $0 != "_" }
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where word.hasPrefix(prefix) {
            let digits = word.dropFirst(2)
            guard digits.first != "+", digits.first != "-", separatesDigits(digits, radix: radix) else {
                return nil
            }
            return Int(plain.dropFirst(2), radix: radix).map { "\($0)" }
        }
        let unsigned = word.drop { $0 == "+" || $0 == "-" }
        guard word.utf8.count - unsigned.utf8.count <= 1 else { return nil }
        let parts = unsigned.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard separatesDigits(mantissa[0]), mantissa[0] == "0" || !mantissa[0].hasPrefix("0") else {
            return nil
        }
        if mantissa.count == 2, !separatesDigits(mantissa[1]) { return nil }
        if parts.count == 2 {
            let exponent =
                parts[1].hasPrefix("+") || parts[1].hasPrefix("-") ? parts[1].dropFirst() : parts[1]
            guard separatesDigits(exponent) else { return nil }
        }
        if parts.count == 1 && mantissa.count == 1 { return Int(plain).map { "\($0)" } }
        return Double(plain).map { "\($0)" }
    }

    /// Whether a text consists of digits, with at most one underscore between each two.
    private static func separatesDigits(_ text: Substring, radix: Int = 10) -> Bool {
        text.split(separator: "_", omittingEmptySubsequences: false).allSatisfy { group in
            !group.isEmpty && group.allSatisfy { $0.isASCII && $0.hexDigitValue.map { $0 < radix } == true }
        }
    }
}

// Texts.
extension TOMLReader {
    /// Whether three quotation marks are next.
    private func hasThree(_ mark: UInt8) -> Bool {
        offset + 3 <= bytes.count && bytes[offset..<offset + 3].allSatisfy { $0 == mark }
    }

    /// A text on one line, with escapes between double quotation marks and without between single ones.
    mutating func readLineText() throws(Fault) -> String {
        let mark = bytes[offset]
        offset += 1
        var text: [UInt8] = []
        while let byte = peek, byte != mark {
            if byte == UInt8(ascii: "\n") { break }
            try readCharacter(into: &text, hasEscapes: mark == UInt8(ascii: "\""))
        }
        guard peek == mark else { throw fault("has a text without its closing quotation mark") }
        offset += 1
        return String(decoding: text, as: UTF8.self)
    }

    /// A text between three quotation marks, over several lines; a line feed right behind the first three is not
    /// part of it.
    private mutating func readLongText() throws(Fault) -> String {
        let mark = bytes[offset]
        let start = offset
        offset += 3
        _ = take("\n")
        var text: [UInt8] = []
        while peek != nil {
            if hasThree(mark) {
                offset += 3
                // One or two more marks are the text's own last characters.
                for _ in 0..<2 where peek == mark {
                    text.append(mark)
                    offset += 1
                }
                return String(decoding: text, as: UTF8.self)
            }
            if take("\n") {
                text.append(UInt8(ascii: "\n"))
            } else if mark == UInt8(ascii: "\""), skipsLineEnd() {
                continue
            } else {
                try readCharacter(into: &text, hasEscapes: mark == UInt8(ascii: "\""))
            }
        }
        offset = start
        throw fault("begins a text without its closing quotation marks")
    }

    /// Consumes a backslash at the end of a line, with all blanks and line feeds behind it.
    private mutating func skipsLineEnd() -> Bool {
        guard peek == UInt8(ascii: "\\") else { return false }
        let start = offset
        offset += 1
        skipBlanks()
        guard peek == UInt8(ascii: "\n") else {
            offset = start
            return false
        }
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A { offset += 1 }
        return true
    }

    private mutating func readCharacter(into text: inout [UInt8], hasEscapes: Bool) throws(Fault) {
        let byte = bytes[offset]
        if Self.isControl(byte) { throw fault("has a control character in a text") }
        offset += 1
        guard hasEscapes, byte == UInt8(ascii: "\\") else { return text.append(byte) }
        let letter = peek
        offset += 1
        switch letter {
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(bytes[offset - 1])
        case UInt8(ascii: "u"): text += String(try readScalar(digits: 4)).utf8
        case UInt8(ascii: "U"): text += String(try readScalar(digits: 8)).utf8
        default:
            offset -= 1
            throw fault("has an unknown escape in a text; single quotation marks take a backslash as it is")
        }
    }

    private mutating func readScalar(digits: Int) throws(Fault) -> Unicode.Scalar {
        let end = offset + digits
        guard end <= bytes.count, let text = String(validating: bytes[offset..<end], as: UTF8.self),
            text.utf8.count == digits, text.allSatisfy({ $0.isASCII && $0.isHexDigit }),
            let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value)
        else { throw fault("has an escape in a text that is no character") }
        offset = end
        return scalar
    }
}
