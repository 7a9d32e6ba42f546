import Torch

extension GPT {
    /// What a model keeps of the tokens that it has read: the keys and values of every block.
    public final class Past {
        fileprivate let blocks: [AttentionPast]

        /// The number of tokens.
        public var count: Int { blocks.first?.count ?? 0 }

        fileprivate init(of model: GPT) {
            blocks = model.blocks.map { _ in AttentionPast(limit: model.configuration.context) }
        }
    }

    /// A past without tokens, for at most as many as the context has.
    public func emptyPast() -> Past { Past(of: self) }

    /// The logits [batch, vocabulary] of the token after the last one of `tokens` [batch, positions], which follow those of
    /// `past` and are added to it.
    ///
    /// They are those of a pass over all tokens, to rounding and with nothing dropped, for the cost of the new ones.
    /// Throws the failure of the model.
    ///
    /// - Parameters:
    ///   - tokens: int64; several if the past is empty, otherwise one for each sequence. With those of the past they
    ///     fit the context.
    ///   - past: of the same batch.
    public func nextLogits(_ tokens: Tensor, after past: Past) throws(TorchError) -> Tensor {
        try tokens.check()
        let (seen, length) = (past.count, tokens.shape[1])
        precondition(
            seen == 0 || length == 1, "after the first tokens they are read one by one, not \(length)")
        let places = Tensor.indices(seen + length, device: tokens.device)
            .narrowed(0, from: seen, length: length)
        var hidden = tokenEmbedding(tokens) + positionEmbedding(places)
        for (block, own) in zip(blocks, past.blocks) { hidden = try block(hidden, after: own) }
        hidden = finalNorm(hidden.narrowed(1, from: length - 1, length: 1).flattened(from: 1))
        return head.map { $0(hidden) } ?? tokenEmbedding.scores(hidden)
    }
}
