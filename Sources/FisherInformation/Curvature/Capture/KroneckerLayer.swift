import NeuralNet
import Torch

/// A layer that is linear in its parameters at each position, so that its information has Kronecker factors.
public protocol KroneckerLayer: InformativeLayer {
    /// Whether it has factors as it is configured; a grouped convolution has none.
    var hasKroneckerFactors: Bool { get }

    /// What the factors are sums of.
    func kroneckerRows(of use: LayerActivation) -> KroneckerRows
}

extension KroneckerLayer {
    public var hasKroneckerFactors: Bool { true }
}

/// The rows of which Kronecker factors are sums.
public struct KroneckerRows {
    /// a without the 1 of a bias, [units, positions, inputs].
    public let inputs: Tensor
    /// s, [units, positions, outputs].
    public let outputGradients: Tensor
    /// Whether a has a trailing 1.
    public let hasBias: Bool

    /// Gathers rows.
    public init(inputs: Tensor, outputGradients: Tensor, hasBias: Bool) {
        self.inputs = inputs
        self.outputGradients = outputGradients
        self.hasBias = hasBias
    }

    /// [rows, inputs] and [rows, outputs] by a convention for shared weights: the mean of a and the sum of s
    /// over positions, or every position for itself.
    package func shared(by sharing: WeightSharing) -> (inputs: Tensor, outputGradients: Tensor) {
        if let failure = inputs.failure ?? outputGradients.failure {
            return (Tensor(failed: failure), Tensor(failed: failure))
        }
        return switch sharing {
        case .expand: (inputs.flattened(to: 1), outputGradients.flattened(to: 1))
        case .reduce: (inputs.mean(along: 1), outputGradients.sum(along: 1))
        }
    }

    /// Every position as a row, the inputs with their trailing 1 where there is a bias.
    package var everyPosition: (inputs: Tensor, outputGradients: Tensor) {
        var (a, s) = shared(by: .expand)
        if hasBias, a.failure == nil {
            a = .concatenated([a, .ones([a.shape[0], 1], dtype: a.dtype, device: a.device)], along: 1)
        }
        return (a, s)
    }

    /// Q_A^T a and Q_S^T s.
    package func rotated(by basis: KroneckerEigenbasis) -> (inputs: Tensor, outputGradients: Tensor) {
        if let failure = inputs.failure ?? outputGradients.failure {
            return (Tensor(failed: failure), Tensor(failed: failure))
        }
        let width = inputs.shape[2]
        let kernel = basis.inputs.narrowed(0, from: 0, length: width)
        let a = inputs.matmul(kernel)
        // The trailing 1 meets the last row.
        let shift = hasBias ? basis.inputs.narrowed(0, from: width, length: 1) : nil
        return (shift.map { a + $0 } ?? a, outputGradients.matmul(basis.outputs))
    }
}

/// sum over rows of x x^T, with a trailing 1 in x if so wanted.
package func gram(_ rows: Tensor, withOnes: Bool = false) -> Tensor {
    if rows.failure != nil { return rows }
    if let quick = UnitSums.gram(rows, withOnes: withOnes) { return quick }
    var x = rows
    if withOnes {
        x = .concatenated([x, .ones([x.shape[0], 1], dtype: x.dtype, device: x.device)], along: 1)
    }
    return x.transposed(0, 1).matmul(x)
}
