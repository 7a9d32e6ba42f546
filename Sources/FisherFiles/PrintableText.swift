// Names of files, tensors and labels come from files that are not trusted.

extension String {
    /// The text with control characters and invisible formatting as `\u{1b}`, so that it can neither break a
    /// line nor control a terminal nor hide a part of itself.
    ///
    /// The joiners of scripts and emoji (U+200C, U+200D) stay.
    package var printable: String {
        guard unicodeScalars.contains(where: \.needsEscape) else { return self }
        return unicodeScalars.reduce(into: "") { $1.appendPrintable(to: &$0) }
    }

    /// The printable text in quotes, cut where it is longer than `limit` scalars.
    package func quoted(limit: Int = 200) -> String {
        var result = "\""
        for scalar in unicodeScalars.prefix(limit) {
            if scalar == "\"" || scalar == "\\" { result += "\\" }
            scalar.appendPrintable(to: &result)
        }
        let isCut = unicodeScalars.dropFirst(limit).first != nil
        return result + (isCut ? "…\" (\(utf8.count) bytes long)" : "\"")
    }
}

extension Unicode.Scalar {
    fileprivate var needsEscape: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        case .format: value != 0x200C && value != 0x200D
        default: false
        }
    }

    fileprivate func appendPrintable(to text: inout String) {
        if needsEscape {
            text += "\\u{\(String(value, radix: 16))}"
        } else {
            text.unicodeScalars.append(self)
        }
    }
}
