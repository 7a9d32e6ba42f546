import FisherFiles

/// A pull parser for JSON as RFC 8259 defines it, and nothing beyond.
///
/// The caller walks the text in order and decides what each value must be, so repeated keys are reported one
/// by one instead of silently replacing each other, and only requested values are built.
package struct StrictJSON {
    /// What is wrong with the text, and where.
    package struct Fault: Error, CustomStringConvertible {
        let offset: Int
        let reason: String

        /// What is wrong and where, as a clause.
        package var description: String { "\(reason) (near byte \(offset))" }
    }

    /// What a value is, by its first character.
    package enum Kind {
        case object, array, text, word, number
    }

    /// How deep arrays and objects may nest; the reference library has the same limit.
    package static let depthLimit = 127

    /// The number of bytes consumed so far.
    private(set) var offset = 0
    private let bytes: [UInt8]
    private var depth = 0
    /// Whether the next item is its container's first, which no comma precedes.
    private var atContainerStart = false

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Checks that a text is one value, no object of which has a key twice.
    package static func check(_ bytes: [UInt8]) throws(Fault) {
        var json = StrictJSON(bytes)
        try json.checkValue()
        try json.finish()
    }

    /// Enters an object; `nextKey` then returns its keys.
    package mutating func enterObject() throws(Fault) {
        try enter("{", called: "an object")
    }

    /// The key of the object's next member, whose value the caller reads next; nil behind the last member.
    package mutating func nextKey() throws(Fault) -> String? {
        guard try advanceToItem(before: "}") else { return nil }
        let key = try string()
        try expect(":", called: "':'")
        return key
    }

    /// Enters an array; `nextElement` then returns whether there is a further element.
    package mutating func enterArray() throws(Fault) {
        try enter("[", called: "an array")
    }

    /// Whether the array has a further element, which the caller reads next.
    package mutating func nextElement() throws(Fault) -> Bool {
        try advanceToItem(before: "]")
    }

    /// A whole number from 0 to `Int.max`, written without fraction or exponent.
    package mutating func wholeNumber() throws(Fault) -> Int {
        skipWhiteSpace()
        let start = offset
        var value = 0
        var overflows = false
        while let digit = peek, Self.isDigit(digit) {
            let (tens, tensOverflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = tens.addingReportingOverflow(Int(digit - Self.zero))
            overflows = overflows || tensOverflow || sumOverflow
            value = overflows ? 0 : sum
            offset += 1
        }
        guard offset > start else { throw unexpected("a whole number, 0 or greater") }
        guard bytes[start] != Self.zero || offset == start + 1 else {
            throw Fault(offset: start, reason: "a number starts with a needless 0")
        }
        if let next = peek, next == UInt8(ascii: ".") || next | 0x20 == UInt8(ascii: "e") {
            throw Fault(offset: start, reason: "a number is not a whole number")
        }
        guard !overflows else { throw Fault(offset: start, reason: "a number is too large") }
        return value
    }

    /// A string, its escapes resolved.
    package mutating func string() throws(Fault) -> String {
        try expect("\"", called: "a string")
        let start = offset
        try skipPlainCharacters()
        if bytes[offset] == Self.quote {
            defer { offset += 1 }
            return try validated(bytes[start..<offset], from: start)
        }
        var decoded = Array(bytes[start..<offset])
        while bytes[offset] != Self.quote {
            try appendEscape(to: &decoded)
            let plain = offset
            try skipPlainCharacters()
            decoded += bytes[plain..<offset]
        }
        offset += 1
        return try validated(decoded[...], from: start)
    }

    /// Whether the next value is null, which is then consumed.
    package mutating func takeNull() -> Bool {
        skipWhiteSpace()
        return take("null")
    }

    /// What the next value is; a number if it is nothing that JSON has.
    package mutating func nextKind() -> Kind {
        skipWhiteSpace()
        return switch peek {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case Self.quote: .text
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): .word
        default: .number
        }
    }

    /// A finite number as it is written.
    package mutating func number() throws(Fault) -> String {
        skipWhiteSpace()
        let start = offset
        try skipNumber()
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// `true`, `false` or `null`, the last as nil.
    package mutating func word() throws(Fault) -> Bool? {
        skipWhiteSpace()
        if take("true") { return true }
        if take("false") { return false }
        guard take("null") else { throw unexpected("a value") }
        return nil
    }

    /// An error at the present place.
    package func fault(_ reason: String) -> Fault { Fault(offset: offset, reason: reason) }

    /// Adds the key of an object's member to those before it; throws if it is among them.
    package func note(_ key: String, among keys: inout Set<String>) throws(Fault) {
        guard keys.insert(key).inserted else {
            throw fault("the key \(key.quoted()) occurs more than once")
        }
    }

    private mutating func checkValue() throws(Fault) {
        switch nextKind() {
        case .object:
            try enterObject()
            var keys: Set<String> = []
            while let key = try nextKey() {
                try note(key, among: &keys)
                try checkValue()
            }
        case .array:
            try enterArray()
            while try nextElement() { try checkValue() }
        default: try skipValue()
        }
    }

    /// Consumes one value of any kind.
    package mutating func skipValue() throws(Fault) {
        skipWhiteSpace()
        switch peek {
        case UInt8(ascii: "{"):
            try enterObject()
            while try nextKey() != nil { try skipValue() }
        case UInt8(ascii: "["):
            try enterArray()
            while try nextElement() { try skipValue() }
        case Self.quote:
            _ = try string()
        default:
            if take("null") || take("true") || take("false") { return }
            try skipNumber()
        }
    }

    /// Checks that nothing but white space follows.
    package mutating func finish() throws(Fault) {
        skipWhiteSpace()
        if offset < bytes.count { throw unexpected("the end") }
    }
}

extension StrictJSON {
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")
    private static let zero = UInt8(ascii: "0")

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= zero && byte <= UInt8(ascii: "9")
    }

    private var peek: UInt8? {
        offset < bytes.count ? bytes[offset] : nil
    }

    private func unexpected(_ expected: String) -> Fault {
        let found =
            switch peek {
            case nil: "the end"
            case let byte? where byte > 0x20 && byte < 0x7F: "'\(Character(UnicodeScalar(byte)))'"
            case let byte?: "byte 0x\(String(byte, radix: 16))"
            }
        return Fault(offset: offset, reason: "expected \(expected), found \(found)")
    }

    private mutating func skipWhiteSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func expect(_ character: Unicode.Scalar, called name: String) throws(Fault) {
        skipWhiteSpace()
        guard peek == UInt8(ascii: character) else { throw unexpected(name) }
        offset += 1
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let matches = word.withUTF8Buffer { bytes[offset...].starts(with: $0) }
        if matches { offset += word.utf8CodeUnitCount }
        return matches
    }

    private mutating func enter(_ opening: Unicode.Scalar, called name: String) throws(Fault) {
        try expect(opening, called: name)
        depth += 1
        guard depth <= Self.depthLimit else {
            throw Fault(offset: offset - 1, reason: "values nest more than \(Self.depthLimit) deep")
        }
        atContainerStart = true
    }

    private mutating func advanceToItem(before closing: Unicode.Scalar) throws(Fault) -> Bool {
        skipWhiteSpace()
        if peek == UInt8(ascii: closing) {
            offset += 1
            depth -= 1
            atContainerStart = false
            return false
        }
        if !atContainerStart {
            guard peek == UInt8(ascii: ",") else { throw unexpected("',' or '\(closing)'") }
            offset += 1
        }
        atContainerStart = false
        return true
    }

    /// Moves to the next quotation mark or backslash.
    private mutating func skipPlainCharacters() throws(Fault) {
        while let byte = peek {
            if byte == Self.quote || byte == Self.backslash { return }
            guard byte >= 0x20 else {
                throw Fault(offset: offset, reason: "a string has an unescaped control character")
            }
            offset += 1
        }
        throw Fault(offset: offset, reason: "a string is not closed")
    }

    private func validated(_ utf8: ArraySlice<UInt8>, from start: Int) throws(Fault) -> String {
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw Fault(offset: start, reason: "a string is not valid UTF-8")
        }
        return text
    }

    private mutating func appendEscape(to decoded: inout [UInt8]) throws(Fault) {
        let start = offset
        offset += 1
        let letter = peek
        offset += 1
        switch letter {
        case Self.quote, Self.backslash, UInt8(ascii: "/"): decoded.append(bytes[start + 1])
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"): decoded += String(try escapedScalar(from: start)).utf8
        default: throw Fault(offset: start, reason: "a string has an unknown escape")
        }
    }

    /// The scalar of a `\uXXXX` whose letter is consumed, together with the second half of a pair.
    private mutating func escapedScalar(from start: Int) throws(Fault) -> Unicode.Scalar {
        let first = try fourHexDigits(from: start)
        if let scalar = Unicode.Scalar(first) { return scalar }
        if UTF16.isLeadSurrogate(first), take("\\u") {
            let second = try fourHexDigits(from: start)
            let pair = 0x10000 + UInt32(first & 0x3FF) << 10 + UInt32(second & 0x3FF)
            if UTF16.isTrailSurrogate(second), let scalar = Unicode.Scalar(pair) { return scalar }
        }
        throw Fault(offset: start, reason: "a string escapes half of a surrogate pair")
    }

    private mutating func fourHexDigits(from start: Int) throws(Fault) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            let digit: UInt8? =
                switch peek {
                case let byte? where Self.isDigit(byte): byte - Self.zero
                case let byte? where (0x61...0x66).contains(byte | 0x20): (byte | 0x20) - 0x61 + 10
                default: nil
                }
            guard let digit else {
                throw Fault(offset: start, reason: "a \\u escape lacks its four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }

    private mutating func skipNumber() throws(Fault) {
        let start = offset
        if peek == UInt8(ascii: "-") { offset += 1 }
        let startsWithZero = peek == Self.zero
        let digits = try skipDigits(expecting: "a value")
        guard !startsWithZero || digits == 1 else {
            throw Fault(offset: start, reason: "a number starts with a needless 0")
        }
        if peek == UInt8(ascii: ".") {
            offset += 1
            try skipDigits(expecting: "a digit")
        }
        if let letter = peek, letter | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if let sign = peek, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            try skipDigits(expecting: "a digit")
        }
        let value = Double(String(decoding: bytes[start..<offset], as: UTF8.self))
        guard let value, value.isFinite else { throw Fault(offset: start, reason: "a number is too large") }
    }

    @discardableResult
    private mutating func skipDigits(expecting expected: String) throws(Fault) -> Int {
        let start = offset
        while let byte = peek, Self.isDigit(byte) { offset += 1 }
        if offset == start { throw unexpected(expected) }
        return offset - start
    }
}
