/// The cyclic redundancy check of Castagnoli's polynomial, which finds every burst of damage up to 32 bits.
///
/// Eight bytes at a time (slicing by eight, Kounavis and Berry 2008).
package struct CRC32C: Sendable {
    private var remainder: UInt32 = .max

    /// Starts with no bytes.
    package init() {}

    /// The check of the bytes so far.
    package var value: UInt32 { ~remainder }

    /// The check of some bytes.
    package static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var check = CRC32C()
        let done: Void? = bytes.withContiguousStorageIfAvailable {
            check.add(UnsafeRawBufferPointer($0))
        }
        if done == nil { Array(bytes).withUnsafeBytes { check.add($0) } }
        return check.value
    }

    /// Adds bytes.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var crc = remainder
        var position = 0
        CRC32C.tables.withUnsafeBufferPointer { tables in
            while bytes.count - position >= 8 {
                let word = UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                let mixed = word ^ UInt64(crc)
                crc = 0
                for k in 0..<8 {
                    crc ^= tables[(7 - k) * 256 + Int(truncatingIfNeeded: (mixed >> (8 * k)) & 0xff)]
                }
                position += 8
            }
            while position < bytes.count {
                crc = (crc >> 8) ^ tables[Int((crc ^ UInt32(bytes[position])) & 0xff)]
                position += 1
            }
        }
        remainder = crc
    }

    /// Eight tables of 256: the k-th is the effect of a byte with k zero bytes after it.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
            tables[byte] = crc
        }
        for k in 1..<8 {
            for byte in 0..<256 {
                let before = tables[(k - 1) * 256 + byte]
                tables[k * 256 + byte] = (before >> 8) ^ tables[Int(before & 0xff)]
            }
        }
        return tables
    }()
}
