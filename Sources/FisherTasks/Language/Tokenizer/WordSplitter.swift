/// Cuts a text into the words within which byte pairs are merged, as GPT-2's pattern does:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// It walks the bytes once and needs no regular expressions, whose engines differ. Letters and numbers are those of the
/// Unicode version of Swift's library; bytes that are not UTF-8 count one by one as characters of the third kind, so every
/// text can be cut and the words joined are the text.
struct WordSplitter {
    /// The kinds of characters that the pattern tells apart.
    private enum Kind: UInt8 {
        case other, letter, number, space
    }

    /// The kinds of the characters below U+10000.
    private static let kinds: [UInt8] = (0..<0x10000).map { value in
        (Unicode.Scalar(UInt32(value)).map(kind) ?? .other).rawValue
    }

    private static func kind(of scalar: Unicode.Scalar) -> Kind {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
        case .decimalNumber, .letterNumber, .otherNumber: .number
        default: scalar.properties.isWhitespace ? .space : .other
        }
    }

    private let text: UnsafeBufferPointer<UInt8>
    private let kinds: [UInt8]
    private var start = 0

    /// Prepares to cut a text, which must outlive the splitter.
    init(_ text: UnsafeBufferPointer<UInt8>) {
        self.text = text
        kinds = Self.kinds
    }

    /// The next word; nil at the end.
    mutating func next() -> Range<Int>? {
        guard start < text.count else { return nil }
        let first = start
        start = end(ofWordAt: first)
        return first..<start
    }

    private func end(ofWordAt first: Int) -> Int {
        if let end = endOfContraction(at: first) { return end }
        let (kind, length) = character(at: first)
        guard kind == .space else { return endOfRun(kind, from: first + length) }
        let next = first + length
        if text[first] == UInt8(ascii: " "), next < text.count {
            let (following, width) = character(at: next)
            if following != .space { return endOfRun(following, from: next + width) }
        }
        // The last of several white-space characters before a word is left to it.
        var (end, last) = (next, first)
        while end < text.count {
            let (kind, width) = character(at: end)
            guard kind == .space else { return last > first ? last : end }
            last = end
            end += width
        }
        return end
    }

    private func endOfRun(_ kind: Kind, from start: Int) -> Int {
        var end = start
        while end < text.count {
            let (own, width) = character(at: end)
            guard own == kind else { break }
            end += width
        }
        return end
    }

    /// The end of one of 's 't 're 've 'm 'll 'd at a place.
    private func endOfContraction(at start: Int) -> Int? {
        guard text[start] == UInt8(ascii: "'"), start + 1 < text.count else { return nil }
        let letter = text[start + 1]
        switch letter {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"):
            let second = letter == UInt8(ascii: "l") ? letter : UInt8(ascii: "e")
            return start + 2 < text.count && text[start + 2] == second ? start + 3 : nil
        default: return nil
        }
    }

    /// The kind of the character at a place, and the number of its bytes; a byte that begins none is of the kind `other`.
    @inline(__always)
    private func character(at place: Int) -> (kind: Kind, length: Int) {
        let byte = text[place]
        if byte < 0x80 { return (known(UInt32(byte)), 1) }
        guard let (value, length) = wide(byte, at: place) else { return (.other, 1) }
        if value < 0x10000 { return (known(value), length) }
        return (Unicode.Scalar(value).map(Self.kind) ?? .other, length)
    }

    @inline(__always)
    private func known(_ value: UInt32) -> Kind { Kind(rawValue: kinds[Int(value)]) ?? .other }

    /// The character of two to four bytes at a place; nil unless it is well-formed UTF-8.
    private func wide(_ byte: UInt8, at place: Int) -> (value: UInt32, length: Int)? {
        let (length, least): (Int, UInt32)
        switch byte {
        case 0xC2...0xDF: (length, least) = (2, 0x80)
        case 0xE0...0xEF: (length, least) = (3, 0x800)
        case 0xF0...0xF4: (length, least) = (4, 0x10000)
        default: return nil
        }
        guard place + length <= text.count else { return nil }
        var value = UInt32(byte) & (0x7F >> UInt32(length))
        for offset in 1..<length {
            let next = text[place + offset]
            guard next & 0xC0 == 0x80 else { return nil }
            value = value << 6 | UInt32(next & 0x3F)
        }
        guard value >= least, Unicode.Scalar(value) != nil else { return nil }
        return (value, length)
    }
}
