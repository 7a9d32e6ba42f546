/// The few forms of protocol buffers that event files need.
struct ProtobufEncoder {
    private(set) var bytes: [UInt8] = []

    /// A varint field; negative numbers take ten bytes.
    mutating func integer(_ field: Int, _ value: Int) {
        key(field, wire: 0)
        varint(UInt64(bitPattern: Int64(value)))
    }

    /// A field of eight bytes.
    mutating func double(_ field: Int, _ value: Double) {
        key(field, wire: 1)
        fixed(value.bitPattern)
    }

    /// A field of four bytes.
    mutating func float(_ field: Int, _ value: Float) {
        key(field, wire: 5)
        fixed(value.bitPattern)
    }

    /// Text.
    mutating func text(_ field: Int, _ value: String) { raw(field, Array(value.utf8)) }

    /// A message inside this one.
    mutating func message(_ field: Int, _ build: (inout ProtobufEncoder) -> Void) {
        var inner = ProtobufEncoder()
        build(&inner)
        raw(field, inner.bytes)
    }

    /// A packed list of doubles.
    mutating func packed(_ field: Int, _ values: [Double]) {
        var inner = ProtobufEncoder()
        for value in values { inner.fixed(value.bitPattern) }
        raw(field, inner.bytes)
    }

    /// Bytes with their number before them.
    mutating func raw(_ field: Int, _ content: [UInt8]) {
        key(field, wire: 2)
        varint(UInt64(content.count))
        bytes += content
    }

    private mutating func key(_ field: Int, wire: UInt64) { varint(UInt64(field) << 3 | wire) }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func fixed(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
}
