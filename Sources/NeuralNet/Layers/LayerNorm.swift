import Torch

/// Layer normalization (Ba et al. 2016): (x - mean) / sqrt(variance + epsilon) over the last dimension, scaled and
/// shifted.
public final class LayerNorm: UnaryLayer {
    /// The scale, shape [width], ones at first.
    @Parameter public var weight: Tensor
    /// The shift, shape [width], zeros at first.
    @Parameter public var bias: Tensor
    /// A small number added to the variance, so that the division stays finite.
    public let epsilon: Double
    let site = CaptureSite()

    /// Creates the layer for vectors of a width.
    public init(_ width: Int, epsilon: Double = 1e-5, dtype: DType = .float32) {
        _weight = Parameter(wrappedValue: .ones([width], dtype: dtype))
        _bias = Parameter(wrappedValue: .zeros([width], dtype: dtype))
        self.epsilon = epsilon
    }

    /// The normalized input, of its shape.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.record(input: input, output: input.layerNormalized(weight: weight, bias: bias, epsilon: epsilon))
    }
}

/// For y = w x^ + b, with x^ the normalized input, unit n has the gradients sum over t of s_nt x^_nt, and of s_nt.
extension LayerNorm: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight, $bias] }

    private func normalized(_ input: Tensor) -> Tensor {
        input.layerNormalized(
            weight: .ones(like: weight.detached(), dtype: input.dtype), bias: nil, epsilon: epsilon)
    }

    public func sums(of use: LayerActivation) -> [(gradient: Tensor, squares: Tensor)?]? {
        guard use.input.failure == nil, use.input.rank > 1 else { return nil }
        let (units, width) = (use.input.shape[0], weight.count)
        let (s, x) = (
            use.outputGradient.reshaped([-1, width]), normalized(use.input).reshaped([-1, width])
        )
        let depth = s.shape[0] / max(units, 1)
        guard let scale = UnitSums.columns(s, times: x, depth: depth),
            let shift = UnitSums.columns(s, depth: depth)
        else { return nil }
        return [scale, shift]
    }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        let normalized = normalized(use.input)
        let (units, width) = (use.input.shape[0], weight.count)
        func summed(_ x: Tensor) -> Tensor { x.reshaped([units, -1, width]).sum(along: 1) }
        return [summed(use.outputGradient * normalized), summed(use.outputGradient)]
    }
}

extension LayerNorm {
    /// The description of a layer in JSON: `{"layer_norm": width}`.
    public struct Description: LayerDescription {
        public static let kind = "layer_norm"
        public static let shortForm = ["width"]
        public static var options: [LayerOption<Self>] {
            [.required("width", \.width, .size), .optional("epsilon", \.epsilon, .number)]
        }
        var width: Int
        var epsilon: Double

        public init() { self.init(width: 0) }

        /// Describes a layer by its options.
        public init(width: Int, epsilon: Double = 1e-5) { (self.width, self.epsilon) = (width, epsilon) }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try input.requiringWidth(width)
        }

        public var parameterShapes: [(name: String, shape: [Int])]? {
            [("weight", [width]), ("bias", [width])]
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            LayerNorm(width, epsilon: epsilon, dtype: dtype)
        }
    }
}
