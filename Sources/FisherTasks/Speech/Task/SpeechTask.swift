import Fisher
import FisherInformation
import FisherTraining
import Foundation

/// Speech recognition: a Conformer transcribes held-out utterances.
///
/// An observation is an utterance: the loss is -log p of its labels in nats, summed over all alignments to frames, by
/// connectionist temporal classification or by a transducer.
public struct SpeechTask: TrainingTask {
    /// The model's sizes.
    public let configuration: Conformer.Configuration
    /// The utterances.
    public let corpus: SpeechCorpus
    /// Utterances in a step.
    public let batch: Int
    /// The hypotheses that decoding keeps; 1 takes the likeliest label of each frame.
    public let beam: Int
    let data: SpeechDataOptions

    public let dataFingerprint: String

    /// Utterances of an evaluation's batches.
    private static let evaluationBatch = 16

    /// Joins a model and utterances.
    ///
    /// - Parameters:
    ///   - configuration: the model's sizes, of the corpus's features and classes.
    ///   - corpus: the utterances.
    ///   - data: how batches are drawn and masked, and what the features are.
    ///   - batch: utterances in a step.
    ///   - beam: the hypotheses that decoding keeps.
    /// - Throws: `SpeechError` for an utterance that is too short for its text under connectionist temporal classification,
    ///   `ConfigurationError` for a batch that is larger than the training side, `TorchError` where the memory does not
    ///   suffice.
    public init(
        _ configuration: Conformer.Configuration, corpus: SpeechCorpus, data: SpeechDataOptions, batch: Int,
        beam: Int = 1
    ) throws {
        precondition(
            configuration.mels == corpus.logMel.bands && configuration.classes == corpus.alphabet.classCount,
            "a model for other features or another alphabet")
        if configuration.head == .ctc { try corpus.requirePositions(ConvolutionalSubsampling.positionCount) }
        guard batch <= corpus.training.count else {
            throw ConfigurationError(
                "data.batch = \(batch) is more than the \(corpus.training.count) utterances to train on")
        }
        let all = corpus.training + corpus.validation
        try configuration.requireMemory(
            batch: batch, frames: all.lazy.map(\.frames).max() ?? 1,
            labels: all.lazy.map(\.labels.count).max() ?? 1)
        self.configuration = configuration
        self.corpus = corpus
        self.data = data
        self.batch = batch
        self.beam = beam
        dataFingerprint = corpus.fingerprint
    }

    public var examplesPerStep: Int { batch }

    public var modelMetadata: [String: String] {
        SpeechModelFile(
            configuration: configuration, alphabet: corpus.alphabet, rate: corpus.logMel.rate,
            normalization: data.normalization, beam: beam
        ).metadata
    }

    public var summary: TaskSummary {
        let (training, validation) = (corpus.training, corpus.validation)
        func text(_ utterances: [Utterance]) -> String {
            "\(utterances.count) utterances (\(String(format: "%.1f", SpeechCorpus.minutes(of: utterances))) minutes)"
        }
        let count = Int(exactly: configuration.parameterCount) ?? .max
        let size = count < 100_000 ? "\(count)" : String(format: "%.2f M", Double(count) / 1e6)
        let head = configuration.head == .ctc ? "CTC" : "transducer"
        let masks = data.augment
        return TaskSummary(
            name: "speech, \(configuration.head.rawValue)",
            description:
                "Conformer with a \(head) head, \(size) parameters, on "
                + "\(text(training)) of \(corpus.name)",
            parameterCount: count, lossUnit: "utterance", exampleUnit: "utterance",
            settings: [
                Setting(
                    "model",
                    "width \(configuration.width), \(configuration.layers) blocks, \(configuration.heads) heads, kernel "
                        + "\(configuration.kernel), \(configuration.norm.rawValue) norm, \(head)"),
                Setting(
                    "speech",
                    "\(corpus.name.printable): \(text(training)) to train on, \(text(validation)) held out by "
                        + "\(corpus.division), fingerprint \(dataFingerprint)"),
                Setting(
                    "features",
                    "\(corpus.logMel.bands) log-mel bands at \(corpus.logMel.rate) Hz, normalized by "
                        + "\(data.normalization.rawValue)"),
                Setting(
                    "masks",
                    "\(masks.frequencyMasks) of at most \(masks.frequencyWidth) bands, \(masks.timeMasks) of at most "
                        + "\(masks.timeShare * 100) % of the frames"),
                Setting("alphabet", "\(corpus.alphabet.rawValue), \(corpus.alphabet.classCount) classes"),
                Setting("batch", "\(batch) utterances of like length"),
                Setting("decoding", beam == 1 ? "greedy" : "\(beam) hypotheses"),
            ], data: corpus.name.printable)
    }

    public func makeModel(seed: UInt64) throws -> Conformer {
        Conformer(configuration, using: try RandomGenerator(seed: seed))
    }

    public func makeBatches(seed: UInt64) throws -> SpeechBatches {
        try SpeechBatches(
            corpus.training, bands: corpus.logMel.bands, batch: batch, buckets: data.buckets,
            augment: data.augment, seed: seed)
    }

    public func objective(of model: Conformer, on batch: SpeechBatch) throws -> Objective {
        try SpeechLikelihood(model, features: batch.features, frameCounts: batch.frameCounts)
            .objective(observing: batch.labels)
    }

    /// Mean nats an utterance over the held-out utterances.
    public func validationLoss(of model: Conformer) throws -> Double {
        try totalLoss(of: model, on: corpus.validation.indices) / Double(corpus.validation.count)
    }

    public func validationParts(of model: Conformer) throws -> [Double] {
        try Self.validationLosses(of: corpus.validation.count) {
            try totalLoss(of: model, on: $0) / Double($0.count)
        }
    }

    /// The sum of -log p over held-out utterances.
    private func totalLoss(of model: Conformer, on range: Range<Int>) throws -> Double {
        let ranges = Self.batchRanges(of: range)
        let parts = try HeldOutParts.numbers(of: ranges.count, each: 1) { number in
            try Interruption.poll()
            return try withoutGradients {
                [try objective(of: model, on: batch(of: ranges[number])).negativeLogLikelihood.item()]
            }
        }
        return parts.reduce(0) { $0 + $1[0] }
    }

    /// The ranges of the batches in which the held-out utterances of a range are evaluated.
    private static func batchRanges(of range: Range<Int>) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: evaluationBatch).map { first in
            first..<Swift.min(first + evaluationBatch, range.upperBound)
        }
    }

    /// Held-out utterances.
    private func batch(of range: Range<Int>) -> SpeechBatch {
        SpeechBatch(Array(corpus.validation[range]), bands: corpus.logMel.bands)
    }

    /// Error rates of words and characters over the held-out utterances, with intervals over utterances, and the loss a
    /// character.
    public func measures(of model: Conformer) throws -> [TaskMeasure] {
        let texts = try transcripts(of: model, range: corpus.validation.indices)
        let pairs = zip(corpus.validation, texts).map { (reference: $0.text, transcript: $1) }
        let characters = corpus.validation.reduce(0) { $0 + $1.labels.count }
        let nats = try totalLoss(of: model, on: corpus.validation.indices) / Double(characters)
        let rates = [ErrorRate.Unit.word, .character].compactMap { unit -> TaskMeasure? in
            let rate = ErrorRate(of: unit, pairs)
            return rate.percent.map {
                TaskMeasure(
                    "\(unit.rawValue) error rate", $0, interval: rate.interval(), unit: "%", better: .lower)
            }
        }
        return rates + [TaskMeasure("loss a character", nats, unit: "nats", better: .lower)]
    }

    /// Texts of held-out utterances beside what the model writes.
    public func exhibits(of model: Conformer) throws -> [TaskExhibit] {
        let shown = Swift.min(24, corpus.validation.count)
        let texts = try transcripts(of: model, range: 0..<shown)
        let rows = zip(corpus.validation, texts).map { utterance, text in
            let rate = ErrorRate(of: .word, [(reference: utterance.text, transcript: text)]).ratio
            return [utterance.text, text, "\(Int(rate.numerators[0])) of \(Int(rate.denominators[0]))"]
        }
        return [
            .table(
                ExhibitTable(
                    title: "Transcripts",
                    caption: "The first \(shown) held-out utterances, decoded "
                        + (beam == 1 ? "greedily." : "with \(beam) hypotheses."),
                    columns: ["spoken", "transcript", "wrong words"], rows: rows))
        ]
    }

    private func transcripts(of model: Conformer, range: Range<Int>) throws -> [String] {
        try Self.batchRanges(of: range).flatMap { try transcripts(of: model, batch(of: $0)) }
    }

    /// What a model in evaluation writes for the utterances of a batch.
    func transcripts(of model: Conformer, _ batch: SpeechBatch) throws -> [String] {
        try Interruption.poll()
        return try withoutGradients {
            try SpeechLikelihood(model, features: batch.features, frameCounts: batch.frameCounts)
                .labels(beam: beam).map(corpus.alphabet.text)
        }
    }
}
