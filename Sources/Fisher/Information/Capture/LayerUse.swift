import NeuralNet
import Torch

/// One use of a layer in a forward pass, and what came back to it.
public struct LayerUse {
    /// What the layer was given, [units, ...].
    public let input: Tensor
    /// The gradient of the summed negative log-likelihood with respect to the layer's output, [units, ...].
    public let outputGradient: Tensor

    /// The part of the use that belongs to some units.
    func narrowed(_ units: Range<Int>) -> LayerUse {
        LayerUse(
            input: input.narrowed(0, from: units.lowerBound, length: units.count),
            outputGradient: outputGradient.narrowed(0, from: units.lowerBound, length: units.count))
    }
}

/// Keeps every use of every layer during a forward pass.
final class UseRecorder: CaptureRecorder {
    /// The uses in the order in which they happened.
    private(set) var uses: [(path: ParameterPath, input: Tensor, output: Tensor)] = []

    func record(layer path: ParameterPath, input: Tensor, output: Tensor) {
        uses.append((path, input.detached(), output))
    }
}
