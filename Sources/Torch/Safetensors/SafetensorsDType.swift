/// An element type of the safetensors format; the raw value is the format's spelling.
///
/// The cases are in the order in which the reference library sorts them, smallest alignment first.
public enum SafetensorsDType: String, CaseIterable, Sendable {
    /// A Boolean in one byte.
    case bool = "BOOL"
    /// A 4-bit float, two in a byte.
    case float4 = "F4"
    /// A 6-bit float: 2 bits of exponent, 3 of mantissa.
    case float6E2M3 = "F6_E2M3"
    /// A 6-bit float: 3 bits of exponent, 2 of mantissa.
    case float6E3M2 = "F6_E3M2"
    /// An unsigned 8-bit integer.
    case uint8 = "U8"
    /// A signed 8-bit integer.
    case int8 = "I8"
    /// An 8-bit float: 5 bits of exponent, 2 of mantissa.
    case float8E5M2 = "F8_E5M2"
    /// An 8-bit float: 4 bits of exponent, 3 of mantissa.
    case float8E4M3 = "F8_E4M3"
    /// An 8-bit power of two, used as a scale.
    case float8E8M0 = "F8_E8M0"
    /// An 8-bit float: 4 bits of exponent, 3 of mantissa, no infinity, no negative zero.
    case float8E4M3FNUZ = "F8_E4M3FNUZ"
    /// An 8-bit float: 5 bits of exponent, 2 of mantissa, no infinity, no negative zero.
    case float8E5M2FNUZ = "F8_E5M2FNUZ"
    /// A signed 16-bit integer.
    case int16 = "I16"
    /// An unsigned 16-bit integer.
    case uint16 = "U16"
    /// An IEEE 16-bit float.
    case float16 = "F16"
    /// A 16-bit float with the exponent of a 32-bit one.
    case bfloat16 = "BF16"
    /// A signed 32-bit integer.
    case int32 = "I32"
    /// An unsigned 32-bit integer.
    case uint32 = "U32"
    /// An IEEE 32-bit float.
    case float32 = "F32"
    /// A complex number of two 32-bit floats.
    case complex64 = "C64"
    /// An IEEE 64-bit float.
    case float64 = "F64"
    /// A signed 64-bit integer.
    case int64 = "I64"
    /// An unsigned 64-bit integer.
    case uint64 = "U64"

    /// The bits of one element.
    public var bitWidth: Int {
        switch self {
        case .float4: 4
        case .float6E2M3, .float6E3M2: 6
        case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ,
            .float8E5M2FNUZ:
            8
        case .int16, .uint16, .float16, .bfloat16: 16
        case .int32, .uint32, .float32: 32
        case .complex64, .float64, .int64, .uint64: 64
        }
    }

    /// The bytes that a dense tensor of `shape` takes; on failure, the reason in words.
    func byteCount(ofShape shape: [Int]) -> Result<Int, SizeFault> {
        func failure(_ reason: String) -> Result<Int, SizeFault> {
            .failure(SizeFault(reason: "shape \(SafetensorsError.listed(shape)) of \(rawValue) \(reason)"))
        }
        // Unsigned and from the left, as the reference library computes, so that the same shapes overflow.
        var elements: UInt64 = 1
        var overflows = false
        for dimension in shape {
            guard let dimension = UInt64(exactly: dimension) else {
                return failure("has a negative dimension")
            }
            (elements, overflows) = elements.multipliedReportingOverflow(by: dimension)
            if overflows { return failure("has more elements than 64 bits can count") }
        }
        let bits = elements.multipliedReportingOverflow(by: UInt64(bitWidth))
        if bits.overflow { return failure("has more bits than 64 bits can count") }
        guard bits.partialValue.isMultiple(of: 8) else { return failure("does not fill whole bytes") }
        return .success(Int(bits.partialValue / 8))
    }

    /// Why a shape has no size in bytes.
    struct SizeFault: Error {
        let reason: String
    }
}
