import FisherOptions
import FisherTraining

/// Speech that needs no recordings of the user's.
public enum BuiltInSpeech: String, CaseIterable, OptionValue {
    /// The prompts of Asterisk where they are installed, else what `espeak-ng` speaks.
    case automatic
    /// The prompts of Asterisk: one human speaker, 24 minutes of phrases, digits and letters.
    case asterisk
    /// Strings of digits and phrases that `espeak-ng` speaks in many voices.
    case espeak
    /// Strings of digits alone that `espeak-ng` speaks in many voices.
    case digits
}

/// The options of speech as data, a group of the options of a task.
public struct SpeechDataOptions: ConfigurableOptions {
    /// Recordings of the user's; a built-in corpus if there are none.
    @Configurable(
        "data.speech",
        "folders in LibriSpeech's layout, or .tsv files of path and text; none: a built-in corpus")
    public var speech: [String] = []
    /// Recordings that are held out; a tenth of the others if there are none.
    @Configurable(
        "data.held_out", "folders or .tsv files that are held out; none: a tenth of the others, by speakers")
    public var heldOut: [String] = []
    /// The built-in corpus, if no recordings are named.
    @Configurable(
        "data.corpus",
        "built-in speech: asterisk (Debian's prompts), espeak or digits (synthetic); automatic: asterisk if installed"
    )
    public var corpus = BuiltInSpeech.automatic
    /// Utterances of synthetic speech.
    @Configurable(
        "data.utterances", .between(12, 1_000_000),
        "utterances that espeak-ng speaks, a sixth of them held out")
    public var utterances = 1200
    /// The classes of the texts.
    @Configurable("data.alphabet", "characters (a to z, apostrophe, space) or bytes")
    public var alphabet = Alphabet.characters
    /// Samples in a second to which sounds are brought.
    @Configurable("data.rate", .between(1000, 192_000), "samples in a second to which sounds are brought")
    public var rate = 16_000
    /// Mel bands of the features.
    @Configurable("data.bands", .between(1, 1024), "mel bands of the features")
    public var bands = 80
    /// By what features are centered and scaled.
    @Configurable("data.normalization", "by what features are centered and scaled: utterance, global or none")
    public var normalization = FeatureNormalization.utterance
    /// Whether several channels are averaged.
    @Configurable("data.mix_down", "average several channels, which are an error otherwise")
    public var mixDown = false
    /// The longest recording that is used.
    @Configurable(
        "data.longest", .positive, "longest recording that is used, in seconds; longer ones are left out")
    public var longest = 20.0
    /// Groups of about equal length from which batches are drawn.
    @Configurable("data.buckets", .between(1, 100_000), "groups of like length from which batches are drawn")
    public var buckets = 8
    /// The masks of features.
    public var augment = SpecAugment()

    /// The defaults.
    public init() {}

    /// How features are computed.
    public var logMel: LogMel { LogMel(rate: rate, bands: bands) }

    /// Reads the speech.
    ///
    /// - Throws: `SpeechError`, `CorpusError` or `MediaError`, whose sentence names the file, for data that cannot be used, and
    ///   `Interrupted` if a signal requests to stop.
    public func load() throws -> SpeechCorpus { try read(progress: LoadingProgress()) }

    func read(progress: LoadingProgress) throws -> SpeechCorpus {
        var loader = SpeechLoader()
        loader.alphabet = alphabet
        loader.logMel = logMel
        loader.normalization = normalization
        loader.mixesDown = mixDown
        loader.longest = longest
        loader.progress = progress
        if !speech.isEmpty {
            let name = speech.count == 1 ? speech[0] : "\(speech.count) paths"
            return try loader.corpus(
                named: name, of: try Self.recordings(at: speech),
                heldOut: heldOut.isEmpty ? nil : try Self.recordings(at: heldOut))
        }
        guard heldOut.isEmpty else {
            throw ConfigurationError(
                "data.held_out is given without data.speech, of which it is the other side")
        }
        let isSynthetic = corpus != .asterisk && (corpus != .automatic || AsteriskPrompts.folder == nil)
        guard isSynthetic else {
            return try loader.corpus(
                named: "the prompts of Asterisk", of: try AsteriskPrompts.recordings(), heldOut: nil)
        }
        var recipe = SyntheticSpeech()
        recipe.count = utterances
        recipe.hasPhrases = corpus != .digits
        recipe.rate = rate
        let tables = try recipe.tables(progress: progress)
        return try loader.corpus(
            named: corpus == .digits ? "digits spoken by espeak-ng" : "phrases spoken by espeak-ng",
            of: try RecordingTable.recordings(at: tables.training),
            heldOut: try RecordingTable.recordings(at: tables.heldOut))
    }

    /// The recordings of folders and of `.tsv` files.
    static func recordings(at paths: [String]) throws -> [Recording] {
        try paths.flatMap { path in
            let kind: DurableStorage.EntryKind?
            do throws(StorageError) { kind = try DurableStorage.kind(of: path, followingLinks: true) } catch {
                throw SpeechError.storage(error)
            }
            switch kind {
            case nil:
                throw SpeechError.notFound(
                    "\(path) is not there; a folder or a .tsv file of recordings is expected")
            case .folder: return try TranscriptFolder.recordings(at: path)
            default: return try RecordingTable.recordings(at: path)
            }
        }
    }
}
