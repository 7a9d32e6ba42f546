import Torch

/// A decoder-only transformer: pre-norm blocks, learned positions, a tied or untied head.
public final class GPT: Module {
    /// The sizes of a model.
    public struct Configuration: Hashable, Codable, Sendable {
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
    ///
    /// Sizes that no model can have, such as heads that do not divide the width, give a model without blocks whose outputs
    /// are failed tensors with the reason; binding an optimizer to it and saving it throw that reason.
    public init(_ configuration: Configuration, dtype: DType = .float32, using generator: RandomGenerator) {
        self.configuration = configuration
        if let complaint = configuration.complaint {
            (tokenEmbedding, positionEmbedding) = (
                Embedding(failing: complaint), Embedding(failing: complaint)
            )
            (dropout, blocks) = (Dropout(0, using: generator), [])
            (finalNorm, head) = (LayerNorm(1, dtype: dtype), nil)
            return
        }
        let width = configuration.width
        let normal = Initializer.normal(standardDeviation: 0.02)
        tokenEmbedding = Embedding(
            configuration.vocabulary, width, weight: normal, dtype: dtype, using: generator)
        positionEmbedding = Embedding(
            configuration.context, width, weight: normal, dtype: dtype, using: generator)
        dropout = Dropout(configuration.dropout, using: generator)
        blocks = (0..<configuration.layers).map { _ in
            TransformerBlock(configuration, dtype: dtype, using: generator)
        }
        finalNorm = LayerNorm(width, dtype: dtype)
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
