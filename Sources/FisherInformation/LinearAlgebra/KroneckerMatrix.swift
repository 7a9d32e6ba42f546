import Torch

/// A (x) S by its factors: the matrix of V -> S^T V A for V [outputs, inputs], row-major.
public struct KroneckerMatrix {
    /// A, [inputs, inputs].
    public let inputs: Tensor
    /// S, [outputs, outputs].
    public let outputs: Tensor

    /// Creates the matrix from its factors.
    public init(inputs: Tensor, outputs: Tensor) {
        self.inputs = inputs
        self.outputs = outputs
    }

    /// The product S^T V A.
    package func product(_ v: Tensor) -> Tensor { outputs.transposed(0, 1).matmul(v).matmul(inputs) }
}

/// An orthonormal basis Q_A (x) Q_S, such as the eigenvectors of two Kronecker factors.
public struct KroneckerEigenbasis {
    /// Q_A, a vector of the basis a column, [inputs, inputs].
    public let inputs: Tensor
    /// Q_S, a vector of the basis a column, [outputs, outputs].
    public let outputs: Tensor

    /// Creates a basis from two matrices with orthonormal columns.
    public init(inputs: Tensor, outputs: Tensor) {
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Q_S [(Q_S^T V Q_A) / (values + damping)] Q_A^T: the inverse of the matrix with these eigenvalues and a multiple of
    /// the identity, times V [outputs, inputs]. Where an eigenvalue is zero the pseudo-inverse is taken.
    ///
    /// - Parameters:
    ///   - v: V.
    ///   - values: the eigenvalues, [outputs, inputs].
    ///   - damping: what is added to them.
    package func solving(_ v: Tensor, eigenvalues values: Tensor, damping: Double) -> Tensor {
        let turned = KroneckerMatrix(inputs: inputs, outputs: outputs).product(v)
        return solving(turned: turned, eigenvalues: values, damping: damping)
    }

    /// The same from Q_S^T V Q_A, where V is in the basis already: half of the products.
    package func solving(turned: Tensor, eigenvalues values: Tensor, damping: Double) -> Tensor {
        outputs.matmul(guardedQuotient(turned, over: values, damping: damping))
            .matmul(inputs.transposed(0, 1))
    }

    /// Whether both bases are the same, element by element.
    func isEqual(to other: KroneckerEigenbasis) -> Bool {
        func isSame(_ x: Tensor, _ y: Tensor) -> Bool {
            guard x.failure == nil, y.failure == nil, x.shape == y.shape else { return false }
            return (try? (x - y).magnitude().largest().item()) == 0
        }
        return isSame(inputs, other.inputs) && isSame(outputs, other.outputs)
    }
}
