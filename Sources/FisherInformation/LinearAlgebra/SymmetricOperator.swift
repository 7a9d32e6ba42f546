import Torch

/// A symmetric matrix known by its products with vectors.
public struct SymmetricOperator {
    /// The number of rows.
    public let size: Int
    /// The type of the vectors.
    public let dtype: DType
    private let product: (Tensor) throws -> Tensor

    /// A matrix given by its product with a vector [size].
    public init(size: Int, dtype: DType, product: @escaping (Tensor) throws -> Tensor) {
        self.size = size
        self.dtype = dtype
        self.product = product
    }

    /// A matrix that is there.
    public init(_ matrix: Tensor) {
        let columns = matrix.failure == nil ? matrix.shape.last ?? 0 : 0
        self.init(size: columns, dtype: matrix.failure == nil ? matrix.dtype : .float64) { vector in
            matrix.matmul(vector.unsqueezed(1)).flattened()
        }
    }

    /// The product with a vector.
    public func callAsFunction(_ vector: Tensor) throws -> Tensor {
        let result = try product(vector)
        try result.check()
        return result
    }

    /// The matrix plus a multiple of the identity.
    public func damped(by damping: Double) -> SymmetricOperator {
        SymmetricOperator(size: size, dtype: dtype) { try self($0) + $0 * damping }
    }
}
