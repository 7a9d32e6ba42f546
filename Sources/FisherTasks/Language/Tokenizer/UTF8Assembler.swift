/// Passes on the bytes of tokens as whole characters: a token may end in the middle of one.
///
/// Bytes that begin no character are passed on as they are.
public struct UTF8Assembler: Sendable {
    private var pending: [UInt8] = []

    /// Creates it without bytes.
    public init() {}

    /// Adds bytes; returns all that can be written so far: everything up to the beginning of a character that is not complete.
    public mutating func add(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        pending += bytes
        let whole = pending.count - Self.unfinished(at: pending)
        defer { pending.removeFirst(whole) }
        return Array(pending[..<whole])
    }

    /// What is left at the end of the text.
    public mutating func finish() -> [UInt8] {
        defer { pending = [] }
        return pending
    }

    /// The number of bytes at the end that may be the beginning of a character.
    private static func unfinished(at bytes: [UInt8]) -> Int {
        for (back, byte) in bytes.reversed().prefix(3).enumerated() {
            if byte & 0xC0 == 0x80 { continue }
            let length =
                switch byte {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            return back + 1 < length ? back + 1 : 0
        }
        return 0
    }
}
