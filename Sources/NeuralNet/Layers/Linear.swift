import Torch

/// A linear map of the last dimension, y = x W^T + b.
public final class Linear: UnaryLayer {
    /// The weight W, shape [outputs, inputs].
    @Parameter public var weight: Tensor
    /// The bias b, shape [outputs], if there is one.
    public let bias: Parameter?
    /// A change of low rank beside the weight; nil unless ``Module/addLowRankUpdates(rank:alpha:using:where:)`` gave the layer
    /// one.
    public internal(set) var update: LowRankUpdate?
    let site = CaptureSite()

    /// Draws the weight W; the bias b starts at zero.
    ///
    /// - Parameters:
    ///   - inputs: the size of the input's last dimension.
    ///   - outputs: the size of the output's last dimension.
    ///   - bias: whether there is a bias.
    ///   - weight: how W is drawn; by default U(-a, a) with a = 1 / sqrt(inputs).
    ///   - dtype: the type of both parameters.
    ///   - generator: the generator of the numbers.
    public init(
        _ inputs: Int, _ outputs: Int, bias: Bool = true, weight: Initializer? = nil, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        let initializer = weight ?? .uniform(bound: 1 / Double(max(inputs, 1)).squareRoot())
        _weight = Parameter(wrappedValue: initializer([outputs, inputs], dtype: dtype, using: generator))
        self.bias = bias ? Parameter(wrappedValue: .zeros([outputs], dtype: dtype)) : nil
    }

    /// A layer that cannot be, for the reason given, which its output holds.
    init(failing complaint: String) {
        _weight = Parameter(wrappedValue: Tensor(failed: TorchError(message: complaint)))
        bias = nil
    }

    /// The layer's output [..., outputs] for an input [..., inputs].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        let output = site.record(
            input: input, output: input.linear(weight: weight, bias: bias?.wrappedValue))
        return update.map { output + $0(input) } ?? output
    }
}

/// Unit n has the gradient sum over t of s_nt a_nt^T, for inputs a and output gradients s at its positions t.
extension Linear: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight] + (bias.map { [$0] } ?? []) }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        let (a, s) = (positions(use.input), positions(use.outputGradient))
        let weight = s.transposed(1, 2).matmul(a)
        return bias == nil ? [weight] : [weight, s.sum(along: 1)]
    }

    public func sums(of use: LayerActivation) -> [(gradient: Tensor, squares: Tensor)?]? {
        guard let (weight, positions) = weightSums(use.outputGradient, use.input) else { return nil }
        guard bias != nil else { return [weight] }
        let s = use.outputGradient.reshaped([-1, use.outputGradient.shape.last ?? 1])
        return UnitSums.columns(s, depth: positions).map { [weight, $0] }
    }

    public func unitProducts(of use: LayerActivation, with directions: [Tensor]) -> Tensor {
        let output = use.input.linear(weight: directions[0], bias: bias == nil ? nil : directions[1])
        return (output * use.outputGradient).flattened(from: 1).sum(along: 1)
    }

    public func weightedSums(of use: LayerActivation, weights: Tensor) -> [Tensor?] {
        let s = positions(use.outputGradient) * weights.reshaped([-1, 1, 1])
        let rows = s.flattened(to: 1)
        let weight = rows.transposed(0, 1).matmul(positions(use.input).flattened(to: 1))
        return bias == nil ? [weight] : [weight, rows.sum(along: 0)]
    }

    /// The elements as [units, positions, width].
    fileprivate func positions(_ x: Tensor) -> Tensor {
        x.rank == 2 ? x.unsqueezed(1) : x.flattened(from: 1, to: -2)
    }
}

extension Linear: KroneckerLayer {
    public func kroneckerRows(of use: LayerActivation) -> KroneckerRows {
        KroneckerRows(
            inputs: positions(use.input), outputGradients: positions(use.outputGradient), hasBias: bias != nil
        )
    }
}

extension Linear {
    /// The description of a layer in JSON: `{"linear": [in, out]}`.
    public struct Description: LayerDescription {
        public static let kind = "linear"
        public static let shortForm = ["in", "out"]
        public static var options: [LayerOption<Self>] {
            [
                .required("in", \.inputs, .size), .required("out", \.outputs, .size),
                .optional("bias", \.bias, .flag),
            ]
        }
        var inputs: Int
        var outputs: Int
        var bias: Bool

        public init() { self.init(inputs: 0, outputs: 0) }

        /// Describes a layer by its options.
        public init(inputs: Int, outputs: Int, bias: Bool = true) {
            (self.inputs, self.outputs, self.bias) = (inputs, outputs, bias)
        }

        public func check() throws(LayerDescriptionError) { try requireElements([outputs, inputs]) }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try input.requiringWidth(inputs).replacingLast(with: outputs)
        }

        public var parameterShapes: [(name: String, shape: [Int])]? {
            [("weight", [outputs, inputs])] + (bias ? [("bias", [outputs])] : [])
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            Linear(inputs, outputs, bias: bias, dtype: dtype, using: generator)
        }
    }
}
