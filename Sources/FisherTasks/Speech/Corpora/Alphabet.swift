import FisherOptions

/// The classes in which a text is written. Class 0 is the blank of CTC and of transducers, and never part of a text.
public enum Alphabet: String, CaseIterable, OptionValue {
    /// Space, apostrophe, and the letters a to z: 29 classes with the blank.
    case characters
    /// The bytes of UTF-8: 257 classes with the blank.
    case bytes

    /// The number of classes, the blank among them.
    public var classCount: Int {
        switch self {
        case .characters: 29
        case .bytes: 257
        }
    }

    /// Why a text cannot be written.
    package struct Unknown: Error, Hashable {
        package let reason: String
    }

    /// The classes of a text.
    ///
    /// For characters, capitals become small, the punctuation `. , ; : ! ? " …` and quotation marks are left out, hyphens and
    /// dashes become spaces, a digit that stands alone becomes its word, and neighboring spaces one. Bytes are taken as
    /// they are.
    ///
    /// - Throws: `Unknown` for a character without a class, and for a number of several digits, which is spoken in more
    ///   than one way.
    package func labels(of text: String) throws(Unknown) -> [Int] {
        switch self {
        case .bytes: return text.utf8.map { Int($0) + 1 }
        case .characters: return try Self.plain(text).utf8.map(Self.label)
        }
    }

    /// The text that classes write; blanks are left out, and bytes that are no UTF-8 are replaced.
    public func text(of labels: [Int]) -> String {
        switch self {
        case .bytes:
            return String(
                decoding: labels.compactMap { $0 > 0 ? UInt8(exactly: $0 - 1) : nil }, as: UTF8.self)
        case .characters:
            let letters = Array(" 'abcdefghijklmnopqrstuvwxyz".utf8)
            return String(
                decoding: labels.compactMap { $0 > 0 && $0 <= letters.count ? letters[$0 - 1] : nil },
                as: UTF8.self)
        }
    }

    private static func label(_ byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: " "): 1
        case UInt8(ascii: "'"): 2
        default: Int(byte - UInt8(ascii: "a")) + 3
        }
    }

    /// The words of the digits.
    static let digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

    /// The text in letters, apostrophes and single spaces.
    static func plain(_ text: String) throws(Unknown) -> String {
        let scalars = Array(text.lowercased().unicodeScalars)
        var plain = ""
        for (place, scalar) in scalars.enumerated() {
            switch scalar {
            case "a"..."z", "'": plain.unicodeScalars.append(scalar)
            case "\u{2019}", "\u{2018}": plain += "'"
            case " ", "\t", "\u{a0}", "-", "\u{2010}"..."\u{2014}": plain += " "
            case ".", ",", ";", ":", "!", "?", "\"", "\u{2026}", "\u{201c}", "\u{201d}": break
            case "0"..."9":
                let neighbors = [place - 1, place + 1].filter(scalars.indices.contains).map { scalars[$0] }
                if neighbors.contains(where: { ("0"..."9").contains($0) }) {
                    throw Unknown(
                        reason: "has a number of several digits; write it in the words that are spoken")
                }
                plain += " " + digits[Int(scalar.value - 48)] + " "
            default:
                throw Unknown(
                    reason:
                        "has the character \(String(scalar).quoted()), which is none of a to z, apostrophe and space; "
                        + "change the text, or use --alphabet bytes")
            }
        }
        return plain.split(separator: " ").joined(separator: " ")
    }
}
