import Fisher
import FisherOptions
import FisherTraining
import Foundation

/// Byte-level language modeling: a GPT predicts the next byte of held-out text.
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
    let validationBytes: Int
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
        dataFingerprint = corpus.fingerprint
        windows = corpus.validationWindows(
            context: configuration.context, limit: max(1, validationBytes / configuration.context))
    }

    public var examplesPerStep: Int { batch * configuration.context }

    public let dataFingerprint: String

    public var modelMetadata: [String: String] { GPTFile.metadata(of: configuration) }

    public var summary: TaskSummary {
        let count = parameterCount
        let millions = String(format: "%.2f M", Double(count) / 1e6)
        let bytes = String(format: "%.1f MB", Double(corpus.training.count) / 1e6)
        return TaskSummary(
            name: "language",
            description: "byte-level GPT, \(millions) parameters, on \(bytes) of \(corpus.name)",
            parameterCount: count, lossUnit: "byte",
            settings: [
                Setting(
                    "model",
                    "width \(configuration.width), \(configuration.layers) layers, "
                        + "\(configuration.heads) heads, context \(configuration.context)"),
                Setting(
                    "text",
                    "\(corpus.fileCount) files, \(corpus.training.count) bytes to train on, "
                        + "\(corpus.validation.count) held out, fingerprint \(dataFingerprint)"),
                Setting("validation", "\(windows.count * configuration.context) bytes, the same each time"),
                Setting("batch", "\(batch) windows, \(examplesPerStep) bytes a step"),
            ], data: corpus.name)
    }

    /// The number of the model's parameters, from its sizes.
    var parameterCount: Int {
        Int(exactly: configuration.parameterCount) ?? .max
    }

    public func makeModel(seed: UInt64) throws -> GPT {
        try configuration.requireMemory(batch: batch)
        return GPT(configuration, using: try RandomGenerator(seed: seed))
    }

    public func makeBatches(seed: UInt64) throws -> LanguageBatches {
        LanguageBatches(
            stream: corpus.training, context: configuration.context,
            sampler: ByteSampler(
                seed: seed, streamLength: corpus.training.count, batch: batch, context: configuration.context)
        )
    }

    public func objective(of model: GPT, on batch: SupervisedBatch) throws -> Objective {
        try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
    }

    /// Mean nats per byte over fixed windows of the held-out text.
    public func validationLoss(of model: GPT) throws -> Double {
        try validationLoss(of: model, on: 0..<windows.count)
    }

    public func validationParts(of model: GPT) throws -> [Double] {
        try Self.validationRanges(of: windows.count).map { try validationLoss(of: model, on: $0) }
    }

    private func validationLoss(of model: GPT, on range: Range<Int>) throws -> Double {
        try meanLoss(of: model, on: range, by: 32) {
            LanguageBatches.batch(
                of: corpus.validation, at: Array(windows[$0]), context: configuration.context)
        }
    }
}

/// Random windows of a text.
public struct LanguageBatches: BatchStream {
    let stream: [UInt8]
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

    init(stream: [UInt8], context: Int, sampler: ByteSampler) {
        self.stream = stream
        self.context = context
        self.sampler = sampler
    }

    public mutating func next() -> SupervisedBatch {
        LanguageBatches.batch(of: stream, at: sampler.next(), context: context)
    }

    static func batch(of stream: [UInt8], at starts: [Int], context: Int) -> SupervisedBatch {
        let (inputs, targets) = Corpus.windows(of: stream, at: starts, context: context)
        let shape = [starts.count, context]
        return SupervisedBatch(inputs: Tensor(inputs, shape: shape), targets: Tensor(targets, shape: shape))
    }
}
