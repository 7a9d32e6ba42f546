import NeuralNet
import Torch

/// How positions that share a layer's weights enter its Kronecker factors.
///
/// Padding takes no part: positions whose targets are masked and on which the loss does not depend, and with them units
/// without observations.
public enum WeightSharing: String, Codable, CaseIterable, Sendable {
    /// Every position is a sample: A = mean over units and positions of a a^T, S = sum over positions of s s^T.
    case expand
    /// A unit is a sample: A of the mean of its inputs, S of the sum of its output gradients.
    case reduce
}

extension KroneckerRows {
    /// [rows, inputs] and [rows, outputs] by a convention for shared weights: the mean of a and the sum of s
    /// over positions, or every position separately; positions that take no part are left out, and with them units of
    /// which none does.
    package func shared(by sharing: WeightSharing) -> (inputs: Tensor, outputGradients: Tensor) {
        if let failure = inputs.failure ?? outputGradients.failure {
            return (Tensor(failed: failure), Tensor(failed: failure))
        }
        let (a, s) =
            switch sharing {
            case .expand: (inputs.flattened(to: 1), outputGradients.flattened(to: 1))
            case .reduce: (participantMean, outputGradients.sum(along: 1))
            }
        guard let participants else { return (a, s) }
        let counts = participants.to(dtype: .int64)
        let chosen = (sharing == .expand ? counts.flattened() : counts.sum(along: 1)).nonZeroIndices
        return (a.gathering(chosen, along: 0), s.gathering(chosen, along: 0))
    }

    /// The mean of a over the positions of a unit that take part, [units, inputs].
    private var participantMean: Tensor {
        guard let participants else { return inputs.mean(along: 1) }
        let counts = participants.to(dtype: inputs.dtype).sum(along: 1, keepingDimensions: true)
        let sum = inputs.masked(participants.equals(0).unsqueezed(-1), with: 0).sum(along: 1)
        return sum / counts.clamped(min: 1)
    }

    /// Every position as a row, the inputs with their trailing 1 if there is a bias.
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
        // The trailing 1 multiplies the last row.
        let shift = hasBias ? basis.inputs.narrowed(0, from: width, length: 1) : nil
        return (shift.map { a + $0 } ?? a, outputGradients.matmul(basis.outputs))
    }
}
