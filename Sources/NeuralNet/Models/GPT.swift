import Torch

/// A decoder-only transformer: pre-norm blocks, learned positions, a tied or untied head.
public final class GPT: Module {
    /// The sizes of a model, and what its layers compute. The defaults are those of GPT-2 but for the sizes, the
    /// head, which is not tied, and the dropout.
    public struct Configuration: Hashable, Sendable {
        /// The number of different tokens.
        public var vocabulary: Int
        /// The longest sequence.
        public var context: Int
        /// The width of the residual stream.
        public var width: Int
        /// The number of blocks.
        public var layers: Int
        /// The number of attention heads, which must divide the width.
        public var heads: Int
        /// The probability with which elements of the residual branches are dropped in training.
        public var dropout: Double
        /// Whether the head is the token embedding itself.
        public var tiesHead: Bool
        /// The function between the two maps of the feed-forward layers.
        public var activation = Activation.geluTanh
        /// The number added to the variance in every layer normalization.
        public var epsilon = 1e-5
        /// The width inside the feed-forward layers; nil for four times the width.
        public var innerWidth: Int?
        /// The probability of dropping elements of the embeddings; nil for that of the residual branches.
        public var embeddingDropout: Double?
        /// The probability with which a position leaves out another that it attends to, in training.
        public var attentionDropout = 0.0
        /// Whether attention scores are divided by the square root of a head's width.
        public var scalesAttention = true
        /// Whether attention scores are divided by the block's number, from 1, besides.
        public var scalesAttentionByLayer = false

        /// Describes a model.
        public init(
            vocabulary: Int = 256, context: Int, width: Int, layers: Int, heads: Int, dropout: Double = 0,
            tiesHead: Bool = false
        ) {
            self.vocabulary = vocabulary
            self.context = context
            self.width = width
            self.layers = layers
            self.heads = heads
            self.dropout = dropout
            self.tiesHead = tiesHead
        }

        /// A function between the two maps of the feed-forward layers; the raw values are the names in JSON.
        public enum Activation: String, CaseIterable, Codable, Sendable {
            /// x Phi(x), Phi approximated by tanh: GPT-2's own.
            case geluTanh = "gelu_tanh"
            /// x Phi(x), Phi being the standard normal distribution function.
            case gelu
            /// max(0, x).
            case relu
            /// x sigmoid(x).
            case silu
            /// The hyperbolic tangent.
            case tanh

            func callAsFunction(_ input: Tensor) -> Tensor {
                switch self {
                case .geluTanh: input.geluTanh()
                case .gelu: input.gelu()
                case .relu: input.relu()
                case .silu: input.silu()
                case .tanh: input.tanh()
                }
            }
        }
    }

    /// The sizes of this model.
    public let configuration: Configuration
    /// The embedding of the tokens, one vector for each.
    public let tokenEmbedding: Embedding
    /// The embedding of the positions, one vector for each.
    public let positionEmbedding: Embedding
    let dropout: Dropout
    /// The blocks, the one next to the input first.
    public let blocks: [TransformerBlock]
    /// The normalization before the head.
    public let finalNorm: LayerNorm
    /// The map to logits; nil if the head is tied to the token embedding.
    public let head: Linear?

    /// Draws a model: every matrix from N(0, 0.02^2), those that end a residual branch from
    /// N(0, 0.02^2 / (2 layers)) (GPT-2); biases zero, norms one.
    public init(_ configuration: Configuration, dtype: DType = .float32, using generator: RandomGenerator) {
        self.configuration = configuration
        let width = configuration.width
        let normal = Initializer.normal(standardDeviation: 0.02)
        tokenEmbedding = Embedding(
            configuration.vocabulary, width, weight: normal, dtype: dtype, using: generator)
        positionEmbedding = Embedding(
            configuration.context, width, weight: normal, dtype: dtype, using: generator)
        dropout = Dropout(configuration.embeddingDropout ?? configuration.dropout, using: generator)
        blocks = (0..<configuration.layers).map { index in
            TransformerBlock(configuration, number: index + 1, dtype: dtype, using: generator)
        }
        finalNorm = LayerNorm(width, epsilon: configuration.epsilon, dtype: dtype)
        head =
            configuration.tiesHead
            ? nil
            : Linear(
                width, configuration.vocabulary, bias: false, weight: normal, dtype: dtype, using: generator)
    }

    /// The logits [batch, positions, vocabulary] of the next token, for int64 tokens [batch, positions].
    public func callAsFunction(_ tokens: Tensor) -> Tensor {
        guard tokens.failure == nil, tokens.rank == 2 else { return tokenEmbedding(tokens) }
        let positions = tokens.shape[1]
        var places = Tensor.indices(positions, device: tokens.device)
        // Recorded uses need the sequences along their first axis, so that per-sample gradients can be
        // computed.
        if positionEmbedding.site.isRecording { places = places.unsqueezed(0).expanded(tokens.shape) }
        var hidden = tokenEmbedding(tokens) + positionEmbedding(places)
        hidden = dropout(hidden)
        for block in blocks { hidden = block(hidden) }
        hidden = finalNorm(hidden)
        return head.map { $0(hidden) } ?? tokenEmbedding.scores(hidden)
    }
}
