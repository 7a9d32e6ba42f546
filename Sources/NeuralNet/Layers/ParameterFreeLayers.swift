import Torch

/// The hyperbolic tangent.
public final class Tanh: UnaryLayer {
    /// Creates the layer.
    public init() {}
    /// The hyperbolic tangent of each element.
    public func callAsFunction(_ input: Tensor) -> Tensor { input.tanh() }

    /// The description of a layer in JSON: `"tanh"`.
    public struct Description: LayerDescription {
        public static let kind = "tanh"
        public init() {}
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer { Tanh() }
    }
}

/// The rectifier, max(0, x).
public final class ReLU: UnaryLayer {
    /// Creates the layer.
    public init() {}
    /// The larger of each element and 0.
    public func callAsFunction(_ input: Tensor) -> Tensor { input.relu() }

    /// The description of a layer in JSON: `"relu"`.
    public struct Description: LayerDescription {
        public static let kind = "relu"
        public init() {}
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer { ReLU() }
    }
}

/// The logistic function, 1 / (1 + exp(-x)).
public final class Sigmoid: UnaryLayer {
    /// Creates the layer.
    public init() {}
    /// The logistic function of each element.
    public func callAsFunction(_ input: Tensor) -> Tensor { input.sigmoid() }

    /// The description of a layer in JSON: `"sigmoid"`.
    public struct Description: LayerDescription {
        public static let kind = "sigmoid"
        public init() {}
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer { Sigmoid() }
    }
}

/// The Gaussian error linear unit x Phi(x), with Phi the standard normal distribution function (Hendrycks and
/// Gimpel 2016).
public final class GELU: UnaryLayer {
    /// Whether Phi is approximated by tanh.
    public let isApproximate: Bool

    /// Creates the layer; exact unless `isApproximate`.
    public init(isApproximate: Bool = false) { self.isApproximate = isApproximate }
    /// The value x Phi(x) of each element.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        isApproximate ? input.geluTanh() : input.gelu()
    }

    /// The description of a layer in JSON: `"gelu"`.
    public struct Description: LayerDescription {
        public static let kind = "gelu"
        public init() {}
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer { GELU() }
    }

    /// The description of a layer in JSON: `"gelu_tanh"`.
    public struct TanhDescription: LayerDescription {
        public static let kind = "gelu_tanh"
        public init() {}
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            GELU(isApproximate: true)
        }
    }
}

/// The sigmoid linear unit x sigmoid(x) (Elfwing et al. 2018), also called Swish.
public final class SiLU: UnaryLayer {
    /// Creates the layer.
    public init() {}
    /// The value x sigmoid(x) of each element.
    public func callAsFunction(_ input: Tensor) -> Tensor { input.silu() }

    /// The description of a layer in JSON: `"silu"`.
    public struct Description: LayerDescription {
        public static let kind = "silu"
        public init() {}
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer { SiLU() }
    }
}

/// The gated linear unit a sigmoid(b) for the two halves a and b of the last dimension (Dauphin et al. 2017).
public final class GLU: UnaryLayer {
    /// Creates the layer.
    public init() {}
    /// The output [..., width] for an input [..., 2 width].
    public func callAsFunction(_ input: Tensor) -> Tensor { input.gatedLinearUnit() }

    /// The description of a layer in JSON: `"glu"`.
    public struct Description: LayerDescription {
        public static let kind = "glu"
        public init() {}
        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            let last: Int? =
                switch input {
                case .unknown: nil
                case .last(let size): size
                case .ranked(let sizes): sizes.last ?? nil
                }
            guard let width = last else { return input }
            guard width % 2 == 0 else {
                throw LayerDescriptionError("halves the last dimension, which has an odd size, \(width)")
            }
            return input.replacingLast(with: width / 2)
        }
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer { GLU() }
    }
}

/// Joins all dimensions but the first into one.
public final class Flatten: UnaryLayer {
    /// Creates the layer.
    public init() {}

    /// The input [batch, ...] as [batch, elements].
    public func callAsFunction(_ input: Tensor) -> Tensor { input.flattened(from: 1) }

    /// The description of a layer in JSON: `"flatten"`.
    public struct Description: LayerDescription {
        public static let kind = "flatten"
        public init() {}
        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try input.flattened()
        }
        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer { Flatten() }
    }
}

/// Sets elements to zero at random while training, and scales the others so that the mean stays.
public final class Dropout: UnaryLayer, ModeDependent {
    /// The probability with which an element is dropped, in [0, 1).
    public let probability: Double
    public var isTraining = true
    let generator: RandomGenerator

    /// Creates the layer; its draws come from `generator`. Outside of [0, 1) its output is a failed tensor that says so.
    public init(_ probability: Double, using generator: RandomGenerator) {
        self.probability = probability
        self.generator = generator
    }

    /// The input with elements dropped; the input itself in evaluation.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        guard (0..<1).contains(probability) else {
            return Tensor(
                failed: TorchError(message: "a dropout probability must lie in [0, 1), not \(probability)"))
        }
        guard isTraining, probability > 0 else { return input }
        let kept = Tensor.bernoulli(like: input, probability: 1 - probability, using: generator)
        return input * kept / (1 - probability)
    }

    /// The description of a layer in JSON: `{"dropout": probability}`.
    public struct Description: LayerDescription {
        public static let kind = "dropout"
        public static let shortForm = ["probability"]
        public static var options: [LayerOption<Self>] {
            [.required("probability", \.probability, .number(in: 0...0.999))]
        }
        var probability: Double

        public init() { self.init(probability: -1) }

        /// Describes a layer by the probability with which an element is dropped.
        public init(probability: Double) { self.probability = probability }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            Dropout(probability, using: generator)
        }
    }
}
