/// The characters by which GPT-2's files name the 256 bytes, so that every token is a text without white space.
///
/// A byte that is a printable character of Latin-1 names itself; the others take U+0100, U+0101 and so on in their order
/// (Radford et al. 2019, `bytes_to_unicode` of the published code): the space is `Ġ`.
enum ByteAlphabet {
    /// The character of each byte.
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (0...UInt8.max).map { byte in
            if namesItself(byte) { return Unicode.Scalar(byte) }
            defer { next += 1 }
            return Unicode.Scalar(next) ?? "\u{FFFD}"
        }
    }()

    /// The byte of each character by the character's number; -1 for characters that name none.
    private static let bytes: [Int16] = {
        let most = scalars.map(\.value).max() ?? 0
        var table = [Int16](repeating: -1, count: Int(most) + 1)
        for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
        return table
    }()

    private static func namesItself(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: true
        default: false
        }
    }

    /// The bytes that a token's name stands for; nil if a character of it names no byte.
    static func bytes(of name: String) -> [UInt8]? {
        var found: [UInt8] = []
        found.reserveCapacity(name.utf8.count)
        let table = bytes
        for scalar in name.unicodeScalars {
            guard scalar.value < table.count, let byte = UInt8(exactly: table[Int(scalar.value)]) else {
                return nil
            }
            found.append(byte)
        }
        return found
    }

    /// The name of a token of these bytes.
    static func name(of bytes: some Sequence<UInt8>) -> String {
        var name = String.UnicodeScalarView()
        for byte in bytes { name.append(scalars[Int(byte)]) }
        return String(name)
    }
}
