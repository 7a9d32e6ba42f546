import Fisher
import FisherTraining

/// The text that a model was trained on before, and what is to be kept of it.
struct OldText {
    /// The text.
    let corpus: Corpus
    /// The strength of the penalty; 0 to watch the loss only.
    let strength: Double
    /// The labels of the information.
    let source: ConsolidationSource
    /// Batches from which the information is estimated.
    let batches: Int
    let training: TokenStream
    let validation: TokenStream
    /// The starts of the windows whose loss is reported.
    let windows: [Int]

    /// Reads the text that options name; nil if they name none.
    ///
    /// - Parameters:
    ///   - options: the options of fine-tuning.
    ///   - tokenizer: the tokenizer; nil for bytes.
    ///   - context: the length of windows.
    ///   - limit: the most held-out bytes of which the loss is reported.
    init?(_ options: FineTuningOptions, by tokenizer: BytePairTokenizer?, context: Int, limit: Int) throws {
        guard !options.ewcText.isEmpty else { return nil }
        corpus = try Corpus(paths: options.ewcText)
        strength = options.ewcStrength
        source = options.ewcSource
        batches = options.ewcBatches
        training = try TokenStream(corpus.training, by: tokenizer)
        validation = try TokenStream(corpus.validation, by: tokenizer)
        try corpus.requireContext(context, training: training, validation: validation)
        windows = validation.spreadWindows(
            context: context, limit: corpus.windowLimit(validation, context: context, bytes: limit))
    }
}

extension Corpus {
    /// How many windows hold about so many of the held-out bytes; at least one.
    func windowLimit(_ validation: TokenStream, context: Int, bytes: Int) -> Int {
        guard case .tokens(let tokens) = validation else { return max(1, bytes / context) }
        let perToken = Double(self.validation.count) / Double(max(tokens.count, 1))
        return max(1, Int(Double(bytes) / perToken / Double(context)))
    }

    /// Throws unless both sides hold a context of tokens and the one after it.
    func requireContext(
        _ context: Int, training: TokenStream, validation: TokenStream
    ) throws(CorpusError) {
        guard case .tokens = training else { return try requireContext(context) }
        for (side, stream) in [("training", training), ("validation", validation)]
        where stream.count <= context {
            throw CorpusError(
                kind: .tooShort,
                description: "\(name.printable): the \(side) part has \(stream.count) tokens; "
                    + "a context of \(context) needs \(context + 1)")
        }
    }
}
