import NeuralNet
import Torch

/// The diagonals of one layer's Kronecker factors as sums with counts: neither factor is ever formed.
public struct DiagonalKroneckerFactors {
    /// sum of a^2, [inputs (+ 1)], the bias last.
    public private(set) var inputs: Tensor
    /// sum of s^2, [outputs].
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

    /// diag A, on the scale of `KroneckerFactors.a`.
    public var a: Tensor { inputs / Double(max(inputCount, 1)) }
    /// diag S, on the scale of `KroneckerFactors.s`.
    public var s: Tensor { outputs / Double(max(observationCount, 1)) }
    /// diag S (diag A)^T: the approximate diagonal of the layer's information, [outputs, inputs (+ 1)].
    public var diagonal: Tensor { s.unsqueezed(1) * a.unsqueezed(0) }

    /// Adds the sums of independent data; throws where the shapes differ.
    public mutating func add(_ other: DiagonalKroneckerFactors) throws(CurvatureError) {
        guard inputs.shape == other.inputs.shape, outputs.shape == other.outputs.shape else {
            throw .mismatched(reason: "the factors have other shapes")
        }
        inputs = inputs + other.inputs
        outputs = outputs + other.outputs
        inputCount += other.inputCount
        observationCount += other.observationCount
    }
}

/// The diagonals of the Kronecker factors of a model's layers (AdaFisher's approximation), and the diagonal itself
/// for parameters without factors: norms by channel, embeddings by entry, grouped convolutions.
public struct DiagonalKroneckerInformation {
    /// Where it came from.
    public let source: CurvatureSource
    /// How shared weights entered.
    public let sharing: WeightSharing
    /// The diagonals by the path of the layer.
    public private(set) var layers: [ParameterPath: DiagonalKroneckerFactors]
    /// The diagonal of the other parameters.
    public private(set) var others: DiagonalInformation

    /// Gathers diagonals.
    public init(
        source: CurvatureSource, sharing: WeightSharing,
        layers: [ParameterPath: DiagonalKroneckerFactors], others: DiagonalInformation
    ) {
        self.source = source
        self.sharing = sharing
        self.layers = layers
        self.others = others
    }

    /// Adds the sums of independent data; throws where sources, conventions or layers differ.
    public mutating func add(_ other: DiagonalKroneckerInformation) throws(CurvatureError) {
        guard source == other.source, sharing == other.sharing, layers.keys == other.layers.keys else {
            throw .mismatched(reason: "they are of other sources, conventions or layers")
        }
        try others.add(other.others)
        for (path, factors) in other.layers {
            guard var own = layers[path] else { continue }
            try own.add(factors)
            layers[path] = own
        }
    }
}
