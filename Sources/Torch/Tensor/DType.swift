/// The type of a tensor's elements.
public enum DType: Int32, Sendable, Codable, CaseIterable {
    /// Whole numbers 0 ... 255, one byte.
    case uint8 = 0
    /// Whole numbers of 32 bits with a sign.
    case int32 = 3
    /// Whole numbers of 64 bits with a sign: indices, tokens, class numbers.
    case int64 = 4
    /// IEEE half precision: 11 significant bits, largest number 65504.
    case float16 = 5
    /// IEEE single precision: 24 significant bits. The default of models.
    case float32 = 6
    /// IEEE double precision: 53 significant bits.
    case float64 = 7
    /// Booleans, one byte.
    case bool = 11
    /// The upper half of float32: 8 significant bits, the range of float32.
    case bfloat16 = 15

    /// Bytes an element takes.
    public var byteCount: Int {
        switch self {
        case .uint8, .bool: 1
        case .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    /// Whether the elements approximate real numbers, so that gradients exist.
    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64: true
        case .uint8, .int32, .int64, .bool: false
        }
    }

    /// The smallest positive normal number of a floating-point type; 0 for others.
    public var leastNormalMagnitude: Double {
        switch self {
        case .float16: 0x1p-14
        case .bfloat16, .float32: Double(Float.leastNormalMagnitude)
        case .float64: Double.leastNormalMagnitude
        default: 0
        }
    }

    /// The largest finite number of a floating-point type; 0 for others.
    public var greatestFiniteMagnitude: Double {
        switch self {
        case .float16: 65504
        case .bfloat16: 0x1.FEp127
        case .float32: Double(Float.greatestFiniteMagnitude)
        case .float64: Double.greatestFiniteMagnitude
        default: 0
        }
    }

    /// The distance from 1 to the next larger number of a floating-point type; 0 for others.
    public var ulpOfOne: Double {
        switch self {
        case .float16: 0x1p-10
        case .bfloat16: 0x1p-7
        case .float32: Double(Float.ulpOfOne)
        case .float64: Double.ulpOfOne
        default: 0
        }
    }

    /// The type that accumulates values of this one: float64 for itself, float32 for all narrower ones.
    public var accumulator: DType { self == .float64 ? .float64 : .float32 }
}

extension Tensor {
    /// The numbers in the type that accumulates them; whole numbers, and failures, as they are.
    package var widened: Tensor {
        guard failure == nil, dtype.isFloatingPoint, dtype != dtype.accumulator else { return self }
        return to(dtype: dtype.accumulator)
    }
}

/// A Swift type with a corresponding element type.
public protocol TensorScalar: BitwiseCopyable {
    /// The element type that stores this Swift type bit for bit.
    static var dtype: DType { get }
}

extension Float: TensorScalar {
    /// The element type float32.
    public static var dtype: DType { .float32 }
}
extension Double: TensorScalar {
    /// The element type float64.
    public static var dtype: DType { .float64 }
}
extension Int64: TensorScalar {
    /// The element type int64.
    public static var dtype: DType { .int64 }
}
extension Int32: TensorScalar {
    /// The element type int32.
    public static var dtype: DType { .int32 }
}
extension UInt8: TensorScalar {
    /// The element type uint8.
    public static var dtype: DType { .uint8 }
}
extension Bool: TensorScalar {
    /// The element type bool.
    public static var dtype: DType { .bool }
}
