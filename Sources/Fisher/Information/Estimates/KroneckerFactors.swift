import NeuralNet
import Torch

/// How positions that share a layer's weights enter its Kronecker factors.
public enum WeightSharing: String, Codable, CaseIterable, Sendable {
    /// Every position is a sample: A = mean over units and positions of a a^T, S = sum over positions of s s^T.
    case expand
    /// A unit is a sample: A of the mean of its inputs, S of the sum of its output gradients.
    case reduce
}

/// The Kronecker factors of one layer's information as sums with counts: F ~ A (x) S.
///
/// A = (sum of a a^T) / `inputCount`, with a trailing 1 in a where the layer has a bias; S = (sum of s s^T) /
/// `observationCount`, so that A (x) S is on the scale of the mean loss: with N samples of R positions and a loss
/// averaged over samples the product is 1 / (N^2 R) times that of the sums (`expand`).
public struct KroneckerFactors {
    /// sum of a a^T, [inputs (+ 1), inputs (+ 1)].
    public private(set) var inputs: Tensor
    /// sum of s s^T, [outputs, outputs].
    public private(set) var outputs: Tensor
    /// The number of terms in `inputs`.
    public private(set) var inputCount: Int
    /// N: the number of observations.
    public private(set) var observationCount: Int

    /// Gathers sums.
    public init(inputs: Tensor, outputs: Tensor, inputCount: Int, observationCount: Int) {
        self.inputs = inputs
        self.outputs = outputs
        self.inputCount = inputCount
        self.observationCount = observationCount
    }

    /// A.
    public var a: Tensor { inputs / Double(max(inputCount, 1)) }
    /// S.
    public var s: Tensor { outputs / Double(max(observationCount, 1)) }

    /// Adds the sums of independent data.
    public mutating func add(_ other: KroneckerFactors) throws(InformationError) {
        guard inputs.shape == other.inputs.shape, outputs.shape == other.outputs.shape else {
            throw .mismatched(reason: "the factors have other shapes")
        }
        inputs = inputs + other.inputs
        outputs = outputs + other.outputs
        inputCount += other.inputCount
        observationCount += other.observationCount
    }
}
