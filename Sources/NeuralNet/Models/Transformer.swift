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

    /// Draws the block of a number, counted from 1.
    init(
        _ configuration: GPT.Configuration, number: Int, dtype: DType, using generator: RandomGenerator
    ) {
        let (width, epsilon) = (configuration.width, configuration.epsilon)
        let normal = Initializer.normal(standardDeviation: 0.02)
        let residual = Initializer.normal(
            standardDeviation: 0.02 / (2 * Double(configuration.layers)).squareRoot())
        attentionNorm = LayerNorm(width, epsilon: epsilon, dtype: dtype)
        let headWidth = Double(width / max(configuration.heads, 1))
        attention = CausalSelfAttention(
            width, heads: configuration.heads, weight: normal, outputWeight: residual, dtype: dtype,
            scale: (configuration.scalesAttention ? 1 : headWidth.squareRoot())
                / (configuration.scalesAttentionByLayer ? Double(number) : 1),
            dropout: configuration.attentionDropout, using: generator)
        feedForwardNorm = LayerNorm(width, epsilon: epsilon, dtype: dtype)
        feedForward = FeedForward(
            width, configuration, weight: normal, outputWeight: residual, dtype: dtype, using: generator)
        dropout = Dropout(configuration.dropout, using: generator)
    }

    /// The block's output, of the input's shape [batch, positions, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        fed(input + dropout(attention(attentionNorm(input))))
    }

    /// The same for positions that follow others, as in evaluation: nothing is dropped.
    func callAsFunction(_ input: Tensor, after past: AttentionPast) throws(TorchError) -> Tensor {
        fed(input + (try attention(attentionNorm(input), after: past)))
    }

    /// The second half of the block.
    private func fed(_ attended: Tensor) -> Tensor {
        attended + dropout(feedForward(feedForwardNorm(attended)))
    }
}

/// Two linear maps with a function between; the configuration names it and the inner width.
public final class FeedForward: Module {
    /// The map to the inner width.
    public let expand: Linear
    /// The map back.
    public let contract: Linear
    let activation: GPT.Configuration.Activation

    init(
        _ width: Int, _ configuration: GPT.Configuration, weight: Initializer, outputWeight: Initializer,
        dtype: DType, using generator: RandomGenerator
    ) {
        let inner = configuration.feedForwardWidth
        expand = Linear(width, inner, weight: weight, dtype: dtype, using: generator)
        contract = Linear(inner, width, weight: outputWeight, dtype: dtype, using: generator)
        activation = configuration.activation
    }

    /// The output, of the input's shape [..., width].
    public func callAsFunction(_ input: Tensor) -> Tensor { contract(activation(expand(input))) }
}

/// Multi-head self-attention in which a position attends to itself and earlier ones (Vaswani et al. 2017).
public final class CausalSelfAttention: UnaryLayer {
    /// The map to queries, keys and values, stacked in this order along its outputs; heads lie next to each
    /// other within each.
    public let queryKeyValue: Linear
    /// The map of the joined heads back to the width.
    public let output: Linear
    let heads: Int
    let scale: Double
    let dropout: Dropout?

    /// Creates the layer; `heads` must divide `width`, or the output is a failed tensor that says so.
    public convenience init(
        _ width: Int, heads: Int, weight: Initializer, outputWeight: Initializer, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        self.init(
            width, heads: heads, weight: weight, outputWeight: outputWeight, dtype: dtype, scale: 1,
            dropout: 0, using: generator)
    }

    /// Creates the layer with a factor of the scores besides 1 / sqrt(width / heads), and the probability with which
    /// one position leaves out another in training.
    init(
        _ width: Int, heads: Int, weight: Initializer, outputWeight: Initializer, dtype: DType,
        scale: Double, dropout: Double, using generator: RandomGenerator
    ) {
        self.heads = heads
        self.scale = scale
        self.dropout = dropout > 0 ? Dropout(dropout, using: generator) : nil
        queryKeyValue =
            heads > 0 && width % heads == 0
            ? Linear(width, 3 * width, weight: weight, dtype: dtype, using: generator)
            : Linear(failing: "\(heads) heads do not divide a width of \(width)")
        output = Linear(width, width, weight: outputWeight, dtype: dtype, using: generator)
    }

    /// The attended input [batch, positions, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        let stacked = queryKeyValue(input)
        return output(
            stacked.attendedToItself(heads: heads, isCausal: true, scale: scale, dropout: dropout))
    }

    /// The same for positions [batch, positions, width] that follow those of `past`, to which they are added: several if
    /// it is empty, otherwise one.
    func callAsFunction(_ input: Tensor, after past: AttentionPast) throws(TorchError) -> Tensor {
        let isFirst = past.count == 0
        let parts = queryKeyValue(input).headParts(heads: heads, scale: scale)
        let (keys, values) = try past.append(keys: parts.keys, values: parts.values)
        return output(parts.queries.attending(keys: keys, values: values, isCausal: isFirst).joinedHeads)
    }
}

extension Tensor {
    /// The joined heads [batch, positions, width] of stacked queries, keys and values [batch, positions, 3 width].
    ///
    /// - Parameters:
    ///   - heads: the number of heads.
    ///   - isCausal: whether a position attends to no later one.
    ///   - scale: a factor of the scores besides 1 / sqrt(width / heads).
    ///   - dropout: what drops attention weights in training, if anything does.
    func attendedToItself(
        heads: Int, isCausal: Bool, scale: Double = 1, dropout: Dropout? = nil
    ) -> Tensor {
        let (queries, keys, values) = headParts(heads: heads, scale: scale)
        let isDropping = dropout?.isTraining == true
        let attended = queries.attending(
            keys: keys, values: values, isCausal: isCausal,
            dropping: isDropping ? dropout?.callAsFunction : nil)
        return attended.joinedHeads
    }

    /// Queries times a factor, keys and values [batch, heads, positions, width / heads] of them stacked
    /// [batch, positions, 3 width].
    func headParts(heads: Int, scale: Double = 1) -> (queries: Tensor, keys: Tensor, values: Tensor) {
        let parts = split(into: 3, along: -1).map { $0.unflattened(-1, into: [heads, -1]).transposed(1, 2) }
        return (scale == 1 ? parts[0] : parts[0] * scale, parts[1], parts[2])
    }

    /// The heads [batch, heads, positions, width / heads] one after another [batch, positions, width].
    var joinedHeads: Tensor { transposed(1, 2).flattened(from: 2) }
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
