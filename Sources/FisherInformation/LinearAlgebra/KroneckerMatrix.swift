import Torch

/// A (x) S by its factors: the matrix of V -> S V A for V [outputs, inputs], row-major.
package struct KroneckerMatrix {
    /// A, symmetric, [inputs, inputs].
    package let inputs: Tensor
    /// S, symmetric, [outputs, outputs].
    package let outputs: Tensor

    /// Creates the matrix from its factors.
    package init(inputs: Tensor, outputs: Tensor) {
        self.inputs = inputs
        self.outputs = outputs
    }

    /// The product S V A.
    package func product(_ v: Tensor) -> Tensor { outputs.matmul(v).matmul(inputs) }
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

    /// Q_S [(Q_S^T V Q_A) / values] Q_A^T: the inverse of the matrix with these eigenvalues, times V [outputs, inputs].
    /// Where an eigenvalue is zero the pseudo-inverse is taken.
    ///
    /// - Parameters:
    ///   - v: V.
    ///   - values: the eigenvalues, [outputs, inputs].
    package func solving(_ v: Tensor, eigenvalues values: Tensor) -> Tensor {
        let turned = outputs.transposed(0, 1).matmul(v).matmul(inputs)
        return outputs.matmul(quotient(turned, values)).matmul(inputs.transposed(0, 1))
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
