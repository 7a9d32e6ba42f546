/// The head of a NumPy file (NEP 1, versions 1.0 to 3.0): the type of the numbers, their order and the shape.
struct NumPyHeader {
    let element: StoredElement
    let isBigEndian: Bool
    /// Whether the first index changes fastest.
    let isColumnMajor: Bool
    let shape: [Int]
    /// Where the numbers begin.
    let dataStart: Int

    /// The longest head that is read; NumPy itself writes at most 10,000 bytes without being told to.
    static let longest = 1 << 20

    /// The bytes that the head takes, by its first 12; nil where they are no NumPy file's.
    static func byteCount(_ start: [UInt8]) -> Int? {
        guard start.count >= 10, start.starts(with: [0x93] + Array("NUMPY".utf8)) else { return nil }
        switch start[6] {
        case 1: return 10 + Int(start[8]) + Int(start[9]) << 8
        case 2, 3:
            guard start.count >= 12 else { return nil }
            return 12 + start[8..<12].reversed().reduce(0) { $0 << 8 | Int($1) }
        default: return nil
        }
    }

    /// Reads the bytes of a head; throws ``DataError`` for one that is damaged, and for arrays that are no numbers.
    init(_ head: [UInt8], path: String) throws(DataError) {
        guard Self.byteCount(head) == head.count else {
            throw DataError(path, "is a damaged or truncated NumPy file")
        }
        let start = head[6] == 1 ? 10 : 12
        var parser = PythonLiteral(head[start...])
        guard let entries = parser.dictionary(), case .text(let descriptor)? = entries["descr"],
            case .boolean(let isColumnMajor)? = entries["fortran_order"],
            case .numbers(let shape)? = entries["shape"]
        else {
            if case .other? = PythonLiteral.dictionary(head[start...])?["descr"] {
                throw DataError(
                    path, "holds records of named fields, not numbers: save one field as an array of its own")
            }
            throw DataError(path, "has a damaged NumPy head")
        }
        (self.isColumnMajor, self.shape, dataStart) = (isColumnMajor, shape, head.count)
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product <= 1 << 56 else {
                throw DataError(path, "has an impossible shape \(shape)")
            }
            count = product
        }
        (element, isBigEndian) = try Self.element(descriptor, path)
    }

    private static func element(
        _ descriptor: String, _ path: String
    ) throws(DataError) -> (StoredElement, Bool) {
        let order = descriptor.first
        let code = "<>|=".contains(order ?? " ") ? String(descriptor.dropFirst()) : descriptor
        let elements: [String: StoredElement] = [
            "b1": .bool, "?": .bool, "i1": .int8, "u1": .uint8, "i2": .int16, "u2": .uint16, "i4": .int32,
            "u4": .uint32, "i8": .int64, "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64,
        ]
        if let found = elements[code] { return (found, order == ">") }
        let (what, remedy): (String, String) =
            switch code.first {
            case "O": ("Python objects", "rows of different lengths or texts; make numbers of them")
            case "c": ("complex numbers", "save real and imaginary part as numbers")
            case "U", "S", "a": ("texts", "save numbers of classes, or a CSV file with the texts")
            case "M", "m": ("dates or times", "save them as numbers")
            case "V": ("records", "save one field as an array of its own")
            case "f":
                ("floating-point numbers of a type that exists on few machines", "save .astype(\"float64\")")
            default: ("elements of the type \(descriptor)", "save numbers")
            }
        throw DataError(path, "is a NumPy array of \(what), which no network takes: \(remedy)")
    }
}

/// A reader of the one dictionary of Python that a NumPy head is.
private struct PythonLiteral {
    enum Value { case text(String), boolean(Bool), numbers([Int]), other }

    private let bytes: ArraySlice<UInt8>
    private var place: Int

    init(_ bytes: ArraySlice<UInt8>) { (self.bytes, place) = (bytes, bytes.startIndex) }

    static func dictionary(_ bytes: ArraySlice<UInt8>) -> [String: Value]? {
        var parser = PythonLiteral(bytes)
        return parser.dictionary()
    }

    private mutating func skipSpaces() {
        while place < bytes.endIndex, [0x20, 0x09, 0x0a].contains(bytes[place]) { place += 1 }
    }

    private mutating func take(_ character: Character) -> Bool {
        skipSpaces()
        guard place < bytes.endIndex, bytes[place] == character.asciiValue else { return false }
        place += 1
        return true
    }

    mutating func dictionary() -> [String: Value]? {
        guard take("{") else { return nil }
        var found: [String: Value] = [:]
        while !take("}") {
            guard let key = text(), take(":"), let value = value(),
                found.updateValue(value, forKey: key) == nil
            else { return nil }
            if !take(",") {
                guard take("}") else { return nil }
                break
            }
        }
        let rest = bytes[place...].allSatisfy { [0x20, 0x09, 0x0a].contains($0) }
        return rest ? found : nil
    }

    private mutating func text() -> String? {
        for quote in ["'", "\""] as [Character] where take(quote) {
            let start = place
            while place < bytes.endIndex, bytes[place] != quote.asciiValue {
                if bytes[place] == UInt8(ascii: "\\") { return nil }
                place += 1
            }
            guard place < bytes.endIndex else { return nil }
            place += 1
            return String(validating: bytes[start..<place - 1], as: UTF8.self)
        }
        return nil
    }

    private mutating func value() -> Value? {
        if take("(") { return tuple() }
        if take("[") { return skipList() ? .other : nil }
        if let text = text() { return .text(text) }
        for (word, value) in [("True", true), ("False", false)] where bytes[place...].starts(with: word.utf8)
        {
            place += word.utf8.count
            return .boolean(value)
        }
        return nil
    }

    private mutating func tuple() -> Value? {
        var sizes: [Int] = []
        while !take(")") {
            skipSpaces()
            var digits = 0, value = 0
            while place < bytes.endIndex, (0x30...0x39).contains(bytes[place]) {
                value = value * 10 + Int(bytes[place] - 0x30)
                digits += 1
                place += 1
                if digits > 17 { return nil }
            }
            guard digits > 0, sizes.count < 64 else { return nil }
            _ = take("L")
            sizes.append(value)
            if !take(",") { return take(")") ? .numbers(sizes) : nil }
        }
        return .numbers(sizes)
    }

    /// Passes over a list, whatever it holds.
    private mutating func skipList() -> Bool {
        var depth = 1
        while place < bytes.endIndex, depth > 0 {
            if bytes[place] == UInt8(ascii: "[") { depth += 1 }
            if bytes[place] == UInt8(ascii: "]") { depth -= 1 }
            place += 1
        }
        return depth == 0
    }
}
