import Fisher
import FisherTraining
import Foundation

/// How a saved model is trained further.
struct FineTuning {
    /// The model to start from.
    let start: SavedLanguageModel
    /// The sizes, with the dropout of this run.
    let configuration: GPT.Configuration
    /// The low-rank updates that are trained; nil to train all weights.
    let lowRank: LowRankPlan?
    /// The text that is not to be forgotten.
    let old: OldText?
    /// The number of trained parameters.
    let trainedCount: Double
    private let startFingerprint: String

    /// Prepares what options ask for; throws a pattern that means no layer, and what reading the old text throws.
    init(_ options: LanguageOptions, start: SavedLanguageModel, context: Int) throws {
        self.start = start
        var configuration = start.model.configuration
        configuration.dropout = options.dropout
        configuration.embeddingDropout = nil
        configuration.attentionDropout = 0
        self.configuration = configuration
        lowRank = options.fineTuning.lowRank
        if let lowRank {
            // Before anything takes time: whether the pattern means a layer, and of how many numbers the updates are.
            let generator = try RandomGenerator(seed: 0)
            let trial = GPT(configuration, using: generator)
            try lowRank.add(to: trial, using: generator)
            trainedCount = Double(trial.parameterCount)
        } else {
            trainedCount = configuration.parameterCount
        }
        startFingerprint = try start.fingerprint()
        old = try OldText(
            options.fineTuning, by: start.tokenizer, context: context, limit: options.validationBytes)
    }

    /// Gives a model the starting weights, and its updates.
    func begin(_ model: GPT, using generator: RandomGenerator) throws {
        try model.load(start.model.weights)
        try lowRank?.add(to: model, using: generator)
    }

    /// The tokenizer as the metadata of weights name it.
    var namedTokenizer: GPTFile.NamedTokenizer? {
        guard let tokenizer = start.tokenizer, let folder = start.tokenizerFolder else { return nil }
        return .init(tokenizer, in: folder)
    }

    /// A hash of everything besides options that determines a run: the texts, the tokenizer, the starting weights.
    func fingerprint(on corpus: Corpus) -> String {
        let parts = [
            corpus.fingerprint, start.tokenizer?.fingerprint ?? "bytes", startFingerprint,
            old?.corpus.fingerprint ?? "none",
        ]
        return FNV1a(of: Array(parts.joined(separator: "|").utf8)).text
    }

    /// What is trained, in a few words.
    var title: String {
        let name = URL(filePath: start.path).lastPathComponent
        return "GPT of \(name)" + (lowRank.map { " with updates of rank \($0.rank)" } ?? "")
    }

    /// What readers need to know besides.
    var settings: [Setting] {
        var settings = [
            Setting(
                "start",
                "the weights of \(start.path), fingerprint \(startFingerprint), for every seed: "
                    + (lowRank == nil
                        ? "seeds differ in the order of the data only"
                        : "seeds differ in the order of the data and the draw of the updates, whose sum with the weights is at "
                            + "first the same")),
            Setting(
                "tokens",
                start.tokenizer.map {
                    "byte pairs, vocabulary \($0.vocabularySize), fingerprint \($0.fingerprint)"
                }
                    ?? "bytes"),
        ]
        if let lowRank {
            settings.append(
                Setting(
                    "low-rank updates", "rank \(lowRank.rank), alpha \(lowRank.alpha), of \(lowRank.targets)")
            )
        }
        if let old {
            settings.append(
                Setting(
                    "old text",
                    "\(old.corpus.name), \(old.corpus.fileCount) files, fingerprint \(old.corpus.fingerprint)"
                ))
            settings.append(
                Setting(
                    "elastic weight consolidation",
                    old.strength == 0
                        ? "none"
                        : "strength \(old.strength), information of \(old.batches) batches (\(old.source.rawValue) labels)"
                ))
        }
        return settings
    }
}
