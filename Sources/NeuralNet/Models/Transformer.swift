import Torch

/// A pre-norm block: x + attention(norm(x)), then x + feedForward(norm(x)).
public final class TransformerBlock: Module {
    /// The normalization before the attention.
    public let attentionNorm: LayerNorm
    /// The self-attention.
    public let attention: CausalSelfAttention
    /// The normalization before the feed-forward layers.
    public let feedForwardNorm: LayerNorm
    /// The feed-forward layers.
    public let feedForward: FeedForward
    let dropout: Dropout

    init(_ configuration: GPT.Configuration, dtype: DType, using generator: RandomGenerator) {
        let width = configuration.width
        let normal = Initializer.normal(standardDeviation: 0.02)
        let residual = Initializer.normal(
            standardDeviation: 0.02 / (2 * Double(configuration.layers)).squareRoot())
        attentionNorm = LayerNorm(width, dtype: dtype)
        attention = CausalSelfAttention(
            width, heads: configuration.heads, weight: normal, outputWeight: residual, dtype: dtype,
            using: generator)
        feedForwardNorm = LayerNorm(width, dtype: dtype)
        feedForward = FeedForward(
            width, weight: normal, outputWeight: residual, dtype: dtype, using: generator)
        dropout = Dropout(configuration.dropout, using: generator)
    }

    /// The block's output, of the input's shape [batch, positions, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        let attended = input + dropout(attention(attentionNorm(input)))
        return attended + dropout(feedForward(feedForwardNorm(attended)))
    }
}

/// Two linear maps with a GELU between, whose inner width is four times the outer one.
public final class FeedForward: Module {
    /// The map to the inner width.
    public let expand: Linear
    /// The map back.
    public let contract: Linear

    init(
        _ width: Int, weight: Initializer, outputWeight: Initializer, dtype: DType,
        using generator: RandomGenerator
    ) {
        expand = Linear(width, 4 * width, weight: weight, dtype: dtype, using: generator)
        contract = Linear(4 * width, width, weight: outputWeight, dtype: dtype, using: generator)
    }

    /// The output, of the input's shape [..., width].
    public func callAsFunction(_ input: Tensor) -> Tensor { contract(expand(input).geluTanh()) }
}

/// Multi-head self-attention in which a position attends to itself and earlier ones (Vaswani et al. 2017).
public final class CausalSelfAttention: UnaryLayer {
    /// The map to queries, keys and values, stacked in this order along its outputs; heads lie next to each
    /// other within each.
    public let queryKeyValue: Linear
    /// The map of the joined heads back to the width.
    public let output: Linear
    let heads: Int

    /// Creates the layer; `heads` must divide `width`, or the output is a failed tensor that says so.
    public init(
        _ width: Int, heads: Int, weight: Initializer, outputWeight: Initializer, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        self.heads = heads
        queryKeyValue =
            heads > 0 && width % heads == 0
            ? Linear(width, 3 * width, weight: weight, dtype: dtype, using: generator)
            : Linear(failing: "\(heads) heads do not divide a width of \(width)")
        output = Linear(width, width, weight: outputWeight, dtype: dtype, using: generator)
    }

    /// The attended input [batch, positions, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        output(queryKeyValue(input).attendedToItself(heads: heads, isCausal: true))
    }
}

extension Tensor {
    /// The joined heads [batch, positions, width] of stacked queries, keys and values [batch, positions, 3 width].
    func attendedToItself(heads: Int, isCausal: Bool) -> Tensor {
        let parts = split(into: 3, along: -1).map { part in
            part.unflattened(-1, into: [heads, -1]).transposed(1, 2)
        }
        let attended = parts[0].attending(keys: parts[1], values: parts[2], isCausal: isCausal)
        return attended.transposed(1, 2).flattened(from: 2)
    }
}

/// A self-attention as a description names it: how wide it is, and how it is created.
public protocol DescribedAttention: UnaryLayer {
    /// The name in JSON.
    static var kind: String { get }

    /// Creates the layer; `heads` must divide `width`.
    init(
        _ width: Int, heads: Int, weight: Initializer, outputWeight: Initializer, dtype: DType,
        using generator: RandomGenerator)
}

extension CausalSelfAttention: DescribedAttention {
    public static var kind: String { "causal_self_attention" }
    /// The description of a layer in JSON: `{"causal_self_attention": [width, heads]}`.
    public typealias Description = AttentionDescription<CausalSelfAttention>
}

/// The description of a self-attention in JSON: its name and `[width, heads]`.
public struct AttentionDescription<Layer: DescribedAttention>: LayerDescription {
    public static var kind: String { Layer.kind }
    public static var shortForm: [String] { ["width", "heads"] }
    public static var options: [LayerOption<Self>] {
        [.required("width", \.width, .size), .required("heads", \.heads, .size)]
    }
    var width: Int
    var heads: Int

    public init() { self.init(width: 0, heads: 0) }

    /// Describes a layer by its options.
    public init(width: Int, heads: Int) { (self.width, self.heads) = (width, heads) }

    public func check() throws(LayerDescriptionError) {
        if width % heads != 0 {
            throw LayerDescriptionError("has \(heads) heads, which do not divide a width of \(width)")
        }
        try requireElements([3 * width, width])
    }

    public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
        try TracedShape.ranked(input.requiringRank(3)).requiringWidth(width)
    }

    public var parameterShapes: [(name: String, shape: [Int])]? {
        [
            ("queryKeyValue.weight", [3 * width, width]), ("queryKeyValue.bias", [3 * width]),
            ("output.weight", [width, width]), ("output.bias", [width]),
        ]
    }

    public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
        let normal = Initializer.normal(standardDeviation: 0.02)
        return Layer(
            width, heads: heads, weight: normal, outputWeight: normal, dtype: dtype, using: generator)
    }
}
