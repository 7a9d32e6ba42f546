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

    /// Adds the sums of independent data; throws where the shapes differ.
    public mutating func add(_ other: KroneckerFactors) throws(CurvatureError) {
        guard inputs.shape == other.inputs.shape, outputs.shape == other.outputs.shape else {
            throw .mismatched(reason: "the factors have other shapes")
        }
        inputs = inputs + other.inputs
        outputs = outputs + other.outputs
        inputCount += other.inputCount
        observationCount += other.observationCount
    }
}

/// The Kronecker factors of a model's layers, and the parameters that have none.
public struct KroneckerInformation {
    /// Where it came from.
    public let source: CurvatureSource
    /// How shared weights entered.
    public let sharing: WeightSharing
    /// The factors by the path of the layer.
    public private(set) var layers: [ParameterPath: KroneckerFactors]
    /// Trainable parameters that no layer with factors has: embeddings, norms, grouped convolutions.
    public let uncovered: [ParameterPath]

    /// Gathers factors.
    public init(
        source: CurvatureSource, sharing: WeightSharing, layers: [ParameterPath: KroneckerFactors],
        uncovered: [ParameterPath]
    ) {
        self.source = source
        self.sharing = sharing
        self.layers = layers
        self.uncovered = uncovered
    }

    /// Adds the sums of independent data; throws where sources, conventions or layers differ.
    public mutating func add(_ other: KroneckerInformation) throws(CurvatureError) {
        guard source == other.source, sharing == other.sharing, layers.keys == other.layers.keys else {
            throw .mismatched(reason: "they are of other sources, conventions or layers")
        }
        for (path, factors) in other.layers {
            guard var own = layers[path] else { continue }
            try own.add(factors)
            layers[path] = own
        }
    }
}
