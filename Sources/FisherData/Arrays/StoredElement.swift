import FisherFiles
import Torch

/// The type of the numbers of an array as a file stores them.
enum StoredElement: Hashable, Sendable {
    case bool, int8, uint8, int16, uint16, int32, uint32, int64, uint64
    case float16, bfloat16, float32, float64

    var byteCount: Int {
        switch self {
        case .bool, .int8, .uint8: 1
        case .int16, .uint16, .float16, .bfloat16: 2
        case .int32, .uint32, .float32: 4
        case .int64, .uint64, .float64: 8
        }
    }

    /// The type in which tensors hold these numbers; the next wider one for types that tensors do not have.
    var dtype: DType {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .int8, .int16, .uint16, .int32: .int32
        case .uint32, .int64, .uint64: .int64
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        case .float64: .float64
        }
    }

    /// The type of a safetensors file; nil for numbers that no tensor holds.
    init?(_ stored: SafetensorsDType) {
        switch stored {
        case .bool: self = .bool
        case .int8: self = .int8
        case .uint8: self = .uint8
        case .int16: self = .int16
        case .uint16: self = .uint16
        case .int32: self = .int32
        case .uint32: self = .uint32
        case .int64: self = .int64
        case .uint64: self = .uint64
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .float32: self = .float32
        case .float64: self = .float64
        default: return nil
        }
    }

    /// A tensor of the stored bytes; throws ``DataError`` for numbers beyond 2^63.
    func tensor(
        _ bytes: [UInt8], shape: [Int], isBigEndian: Bool, path: String
    ) throws -> Tensor {
        precondition(bytes.count == shape.reduce(1, *) * byteCount)
        var bytes = bytes
        if isBigEndian, byteCount > 1 {
            for start in stride(from: 0, to: bytes.count, by: byteCount) {
                bytes[start..<start + byteCount].reverse()
            }
        }
        switch self {
        case .int8: return Tensor(bytes.map { Int32(Int8(bitPattern: $0)) }, shape: shape)
        case .int16: return Tensor(numbers(bytes, Int16.self).map(Int32.init), shape: shape)
        case .uint16: return Tensor(numbers(bytes, UInt16.self).map(Int32.init), shape: shape)
        case .uint32: return Tensor(numbers(bytes, UInt32.self).map(Int64.init), shape: shape)
        case .uint64:
            let whole = numbers(bytes, UInt64.self)
            if let large = whole.first(where: { $0 > UInt64(Int64.max) }) {
                throw DataError(
                    path, "holds \(large), which is more than whole numbers of 64 bits with a sign reach")
            }
            return Tensor(whole.map(Int64.init), shape: shape)
        case .bool: bytes = bytes.map { $0 == 0 ? 0 : 1 }
        default: break
        }
        let made = Tensor.empty(shape, dtype: dtype, device: .cpu)
        try made.check()
        made.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
        return made.to(device: .current)
    }

    private func numbers<Number: BitwiseCopyable>(_ bytes: [UInt8], _: Number.Type) -> [Number] {
        bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / MemoryLayout<Number>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self)
            }
        }
    }
}
