import Torch

extension Tensor {
    /// The identity matrix.
    package static func identity(_ size: Int, dtype: DType) -> Tensor {
        let elements = (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }
        return Tensor(elements, shape: [size, size]).to(dtype: dtype)
    }

    /// The diagonal of a square matrix.
    func diagonalScalars() throws(TorchError) -> [Double] {
        let elements = try scalars(as: Double.self)
        let size = shape[0]
        return (0..<size).map { elements[$0 * (size + 1)] }
    }
}
