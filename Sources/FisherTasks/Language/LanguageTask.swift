import Fisher
import FisherOptions
import FisherTraining
import Foundation

/// Language modeling: a GPT predicts the next byte of held-out text, or the next token of a tokenizer where a fine-tuning
/// starts from a model that has one.
public struct LanguageTask: TrainingTask {
    /// A named size of model.
    public enum Size: String, CaseIterable, OptionValue {
        /// About 0.9 million parameters, context 128.
        case tiny
        /// About 11 million parameters, context 256.
        case small
        /// About 86 million parameters, context 512.
        case base

        /// The sizes of the model.
        public var configuration: GPT.Configuration {
            switch self {
            case .tiny: GPT.Configuration(context: 128, width: 128, layers: 4, heads: 4)
            case .small: GPT.Configuration(context: 256, width: 384, layers: 6, heads: 6)
            case .base: GPT.Configuration(context: 512, width: 768, layers: 12, heads: 12)
            }
        }
    }

    /// The model's sizes.
    public let configuration: GPT.Configuration
    /// The text.
    public let corpus: Corpus
    /// Windows in a step.
    public let batch: Int
    /// Tokens in a window: the model's context, or fewer in fine-tuning.
    public let context: Int
    let validationBytes: Int
    /// The weights to start from, and how they are changed; nil where the first weights are drawn.
    let fineTuning: FineTuning?
    private let training: TokenStream
    private let validation: TokenStream
    let windows: [Int]

    /// Joins a model and a text; throws a text that is too short for the model's context.
    ///
    /// - Parameters:
    ///   - configuration: the sizes of the model.
    ///   - corpus: the text.
    ///   - batch: windows in a step.
    ///   - validationBytes: about how many held-out bytes an evaluation predicts.
    public init(
        _ configuration: GPT.Configuration, corpus: Corpus, batch: Int, validationBytes: Int = 32_768
    ) throws(CorpusError) {
        try corpus.requireContext(configuration.context)
        self.configuration = configuration
        self.corpus = corpus
        self.batch = batch
        self.validationBytes = validationBytes
        context = configuration.context
        fineTuning = nil
        dataFingerprint = corpus.fingerprint
        training = .bytes(corpus.training)
        validation = .bytes(corpus.validation)
        windows = validation.spreadWindows(
            context: context, limit: max(1, validationBytes / configuration.context))
    }

    /// Joins weights to start from and a text.
    init(
        _ fineTuning: FineTuning, corpus: Corpus, context: Int, batch: Int, validationBytes: Int
    ) throws {
        self.fineTuning = fineTuning
        self.corpus = corpus
        self.batch = batch
        self.validationBytes = validationBytes
        self.context = context
        configuration = fineTuning.configuration
        let tokenizer = fineTuning.start.tokenizer
        training = try TokenStream(corpus.training, by: tokenizer)
        validation = try TokenStream(corpus.validation, by: tokenizer)
        try corpus.requireContext(context, training: training, validation: validation)
        windows = validation.spreadWindows(
            context: context,
            limit: corpus.windowLimit(validation, context: context, bytes: validationBytes))
        dataFingerprint = fineTuning.fingerprint(on: corpus)
    }

    /// The text that the starting weights were trained on; nil if none is named.
    var old: OldText? { fineTuning?.old }

    private var tokenizer: BytePairTokenizer? { fineTuning?.start.tokenizer }

    public var examplesPerStep: Int { batch * context }

    public let dataFingerprint: String

    public var modelMetadata: [String: String] {
        guard let fineTuning else { return GPTFile.metadata(of: configuration) }
        return GPTFile.metadata(
            of: configuration, tokenizer: fineTuning.namedTokenizer, updates: fineTuning.lowRank)
    }

    public var summary: TaskSummary {
        let count = parameterCount
        let millions = String(format: "%.2f M", Double(count) / 1e6)
        let bytes = String(format: "%.1f MB", Double(corpus.training.count) / 1e6)
        let unit = tokenizer == nil ? "byte" : "token"
        let model =
            fineTuning.map { "\($0.title), \(millions) trained parameters" }
            ?? "byte-level GPT, \(millions) parameters"
        return TaskSummary(
            name: "language",
            description: "\(model), on \(bytes) of \(corpus.name)",
            parameterCount: count, lossUnit: unit,
            settings: [
                Setting(
                    "model",
                    "width \(configuration.width), \(configuration.layers) layers, "
                        + "\(configuration.heads) heads, context \(context)"),
                Setting(
                    "text",
                    "\(corpus.fileCount) files, \(corpus.training.count) bytes to train on, "
                        + "\(corpus.validation.count) held out, fingerprint \(dataFingerprint)"),
                Setting("validation", "\(windows.count * context) \(unit)s, the same each time"),
                Setting("batch", "\(batch) windows, \(examplesPerStep) \(unit)s a step"),
            ] + (fineTuning?.settings ?? []), data: corpus.name)
    }

    /// The number of trained parameters, from the sizes.
    var parameterCount: Int {
        Int(exactly: fineTuning?.trainedCount ?? configuration.parameterCount) ?? .max
    }

    public func makeModel(seed: UInt64) throws -> GPT {
        var sizes = configuration
        sizes.context = context
        try sizes.requireMemory(batch: batch)
        let generator = try RandomGenerator(seed: seed)
        let model = GPT(configuration, using: generator)
        try fineTuning?.begin(model, using: generator)
        return model
    }

    public func makeBatches(seed: UInt64) throws -> LanguageBatches { batches(of: training, seed: seed) }

    /// The batches of a seed from some text.
    func batches(of stream: TokenStream, seed: UInt64) -> LanguageBatches {
        LanguageBatches(
            stream: stream, context: context,
            sampler: ByteSampler(
                seed: seed, streamLength: stream.count, batch: batch, context: context))
    }

    public func makeMemory(of model: GPT, seed: UInt64) -> LanguageMemory { LanguageMemory(self, seed: seed) }

    public func objective(
        of model: GPT, on batch: SupervisedBatch, with memory: LanguageMemory
    ) throws -> Objective {
        try Objective(
            Categorical(logits: model(batch.inputs)), observing: batch.targets,
            auxiliaries: memory.auxiliaries(for: model))
    }

    public func objective(of model: GPT, on batch: SupervisedBatch) throws -> Objective {
        try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
    }

    /// Mean nats per byte, or per token of a tokenizer, over fixed windows of the held-out text.
    public func validationLoss(of model: GPT) throws -> Double {
        try loss(of: model, on: validation, at: windows[...])
    }

    public func validationParts(of model: GPT) throws -> [Double] {
        try Self.validationLosses(of: windows.count) {
            try loss(of: model, on: validation, at: windows[$0])
        }
    }

    /// The loss per byte of a model over other tokens, which models with another tokenizer or none can be compared by, and the
    /// loss on the old text before and after a fine-tuning.
    public func measures(of model: GPT) throws -> [TaskMeasure] {
        guard let fineTuning else { return [] }
        var measures: [TaskMeasure] = []
        if let tokenizer {
            let perByte =
                Double(windows.count * context)
                / Double(validation.predictedByteCount(at: windows, context: context, by: tokenizer))
            measures.append(
                TaskMeasure(
                    "loss per byte", try validationLoss(of: model) * perByte, unit: "nats", better: .lower))
        }
        if let old {
            let start = fineTuning.start.model
            start.setTraining(false)
            let unit = "nats/" + (tokenizer == nil ? "byte" : "token")
            measures += [
                TaskMeasure(
                    "loss on the old text before", try loss(of: start, on: old), unit: unit, better: .lower),
                TaskMeasure(
                    "loss on the old text", try loss(of: model, on: old), unit: unit, better: .lower),
            ]
        }
        return measures
    }

    /// The loss on the held-out part of the old text.
    func loss(of model: GPT, on old: OldText) throws -> Double {
        try loss(of: model, on: old.validation, at: old.windows[...])
    }

    private func loss(of model: GPT, on stream: TokenStream, at windows: ArraySlice<Int>) throws -> Double {
        // The logits of a large vocabulary take more memory than all else.
        let most = (1 << 25) / (context * configuration.vocabulary)
        let size = configuration.vocabulary > 256 ? max(1, min(32, most)) : 32
        return try meanLoss(of: model, on: windows.startIndex..<windows.endIndex, by: size) {
            LanguageBatches.batch(of: stream, at: Array(windows[$0]), context: context)
        }
    }
}

/// Random windows of a text.
public struct LanguageBatches: BatchStream {
    let stream: TokenStream
    let context: Int
    private var sampler: ByteSampler

    /// The position in the stream of windows.
    public var position: ByteSampler {
        get { sampler }
        set { sampler = newValue }
    }

    /// Continues from a position that was saved; throws `CorpusError` for one in another text or of another batch.
    public mutating func restore(_ position: ByteSampler) throws(CorpusError) {
        guard position.draws(asManyAs: sampler) else {
            throw CorpusError(
                kind: .tooShort, description: "the position is that of windows of another text or batch")
        }
        sampler = position
    }

    init(stream: TokenStream, context: Int, sampler: ByteSampler) {
        self.stream = stream
        self.context = context
        self.sampler = sampler
    }

    public mutating func next() -> SupervisedBatch {
        LanguageBatches.batch(of: stream, at: sampler.next(), context: context)
    }

    static func batch(of stream: TokenStream, at starts: [Int], context: Int) -> SupervisedBatch {
        let (inputs, targets) = stream.windows(at: starts, context: context)
        let shape = [starts.count, context]
        return SupervisedBatch(inputs: Tensor(inputs, shape: shape), targets: Tensor(targets, shape: shape))
    }
}
