import Torch

/// A symmetric matrix defined by its products with vectors.
public struct SymmetricOperator {
    /// The number of rows.
    public let size: Int
    /// The type of the vectors.
    public let dtype: DType
    private let product: (Tensor) throws -> Tensor

    /// Creates an operator from its product with a vector [size].
    public init(size: Int, dtype: DType, product: @escaping (Tensor) throws -> Tensor) {
        self.size = size
        self.dtype = dtype
        self.product = product
    }

    /// Creates the operator of a given matrix.
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
