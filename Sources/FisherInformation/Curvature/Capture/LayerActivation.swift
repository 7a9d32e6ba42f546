import NeuralNet
import Torch

/// One use of a layer in a forward pass, and what came back to it.
public struct LayerActivation {
    /// What the layer was given, [units, ...].
    public let input: Tensor
    /// The gradient of the summed negative log-likelihood with respect to the layer's output, [units, ...].
    public let outputGradient: Tensor

    /// Pairs what a layer was given with what came back to its output.
    public init(input: Tensor, outputGradient: Tensor) {
        self.input = input
        self.outputGradient = outputGradient
    }

    /// The part of the use that belongs to some units.
    package func narrowed(_ units: Range<Int>) -> LayerActivation {
        LayerActivation(
            input: input.narrowed(0, from: units.lowerBound, length: units.count),
            outputGradient: outputGradient.narrowed(0, from: units.lowerBound, length: units.count))
    }
}

/// Keeps every use of every layer during a forward pass.
final class ActivationRecorder: CaptureRecorder {
    /// The uses in the order in which they happened.
    private(set) var uses: [(path: ParameterPath, input: Tensor, output: Tensor)] = []

    package func record(layer path: ParameterPath, input: Tensor, output: Tensor) {
        uses.append((path, input.detached(), output))
    }
}
