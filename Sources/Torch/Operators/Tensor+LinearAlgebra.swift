// Products and factors of matrices.

private let matrixProduct = Operation("matmul")
private let choleskyFactor = Operation("linalg_cholesky")
private let choleskySolve = Operation("cholesky_solve")

extension Tensor {
    /// The matrix product, batched over leading dimensions.
    public func matmul(_ other: Tensor) -> Tensor { matrixProduct(.tensor(self), .tensor(other)) }

    /// The lower Cholesky factor of a symmetric positive definite matrix.
    public func cholesky() -> Tensor { choleskyFactor(.tensor(self)) }
    /// The solution X of L L^T X = B for self = B and the lower factor L.
    public func choleskySolved(factor: Tensor) -> Tensor { choleskySolve(.tensor(self), .tensor(factor)) }
}
