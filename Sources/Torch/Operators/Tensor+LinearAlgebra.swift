// Products and factors of matrices.

private let matrixProduct = Operation("matmul")
private let choleskyFactor = Operation("linalg_cholesky")
private let choleskySolve = Operation("cholesky_solve")
private let choleskyInverse = Operation("cholesky_inverse")
private let diagonalOf = Operation("diagonal")
private let symmetricEigenvalues = Operation("linalg_eigh")
private let orthogonalFactor = Operation("linalg_qr")

extension Tensor {
    /// The matrix product, batched over leading dimensions.
    public func matmul(_ other: Tensor) -> Tensor { matrixProduct(.tensor(self), .tensor(other)) }

    /// The reduced QR decomposition: `q` has orthonormal columns that span this matrix's columns one after another,
    /// `r` is upper triangular. Columns that depend on earlier ones are replaced by orthonormal ones. Costs about
    /// 4/3 n^3.
    public func qr() -> (q: Tensor, r: Tensor) {
        let parts = orthogonalFactor.many(2, .tensor(self), .string("reduced"))
        return (parts[0], parts[1])
    }

    /// The eigenvalues of a symmetric matrix, ascending, and its eigenvectors as columns; the lower triangle is
    /// read. Costs about 10 n^3.
    public func symmetricEigen() -> (values: Tensor, vectors: Tensor) {
        let parts = symmetricEigenvalues.many(2, .tensor(self))
        return (parts[0], parts[1])
    }

    /// The diagonal of a matrix, as a view.
    public func diagonal() -> Tensor { diagonalOf(.tensor(self)) }

    /// The square matrix with a number added to its diagonal.
    public func addingDiagonal(_ value: Double) -> Tensor {
        if failure != nil { return self }
        return self + Tensor.identity(shape[0], dtype: dtype, device: device) * value
    }

    /// The solution x of A x = b for a symmetric positive definite matrix A and a vector b, by Cholesky's
    /// factorization. Fails if the matrix is not positive definite.
    public func solvingPositiveDefinite(_ b: Tensor) -> Tensor {
        b.unsqueezed(1).choleskySolved(factor: cholesky()).flattened()
    }

    /// The lower Cholesky factor of a symmetric positive definite matrix.
    public func cholesky() -> Tensor { choleskyFactor(.tensor(self)) }
    /// The solution X of L L^T X = B for self = B and the lower factor L.
    public func choleskySolved(factor: Tensor) -> Tensor { choleskySolve(.tensor(self), .tensor(factor)) }
    /// The inverse (L L^T)^-1 of a matrix with this lower Cholesky factor L.
    public func choleskyInverted() -> Tensor { choleskyInverse(.tensor(self)) }
}
