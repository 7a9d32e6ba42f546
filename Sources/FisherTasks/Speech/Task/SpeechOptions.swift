import Fisher
import FisherOptions
import FisherTraining

extension Conformer.Head: OptionValue {}
extension Conformer.Norm: OptionValue {}

/// The options of speech recognition.
public struct SpeechOptions: ConfigurableOptions {
    /// The speech.
    public var data = SpeechDataOptions()
    /// Utterances in a step.
    @Configurable("data.batch", .between(1, 1 << 20), "utterances in a step")
    public var batch = 16
    /// The size from which the others start.
    @Configurable("model.size", "the size from which the others start: nano, tiny, small or paper")
    public var size = SpeechTask.Size.tiny
    /// What computes probabilities of labels.
    @Configurable("model.head", "ctc, or transducer, whose labels depend on those before")
    public var head = Conformer.Head.ctc
    /// The width; 0 is the size's own.
    @Configurable("model.width", .between(0, 1 << 20), "width; 0: the size's own")
    public var width = 0
    /// The number of blocks; 0 is the size's own.
    @Configurable("model.layers", .between(0, 1 << 20), "blocks; 0: the size's own")
    public var layers = 0
    /// The number of heads; 0 is the size's own.
    @Configurable("model.heads", .between(0, 1 << 20), "heads of the attention; 0: the size's own")
    public var heads = 0
    /// The positions of the depthwise convolution; 0 is the size's own.
    @Configurable(
        "model.kernel", .between(0, 1 << 20), "positions of the depthwise convolution, odd; 0: the size's own"
    )
    public var kernel = 0
    /// The channels of the subsampling; 0 is the size's own.
    @Configurable("model.channels", .between(0, 1 << 20), "channels of the subsampling; 0: the size's own")
    public var channels = 0
    /// The probability of dropping an element; negative is the size's own.
    @Configurable("model.dropout", .between(-1, 1), "probability of dropping an element; -1: the size's own")
    public var dropout = -1.0
    /// The normalization behind the depthwise convolution.
    @Configurable("model.norm", "norm of the convolution module: layer (utterances are independent) or batch")
    public var norm = Conformer.Norm.layer
    /// The width of a transducer's prediction network; 0 is the size's own.
    @Configurable(
        "model.prediction_width", .between(0, 1 << 20), "width of the prediction network; 0: the size's own")
    public var predictionWidth = 0
    /// The number of last labels that a prediction depends on; 0 for all.
    @Configurable(
        "model.prediction_context", .between(-1, 64),
        "last labels that a prediction depends on; 0: all, by an LSTM; -1: the size's own")
    public var predictionContext = -1
    /// The width of a transducer's joint; 0 is the size's own.
    @Configurable("model.joint_width", .between(0, 1 << 20), "width of the joint; 0: the size's own")
    public var jointWidth = 0
    /// The hypotheses that decoding keeps.
    @Configurable(
        "model.beam", .between(1, 1024),
        "hypotheses that decoding keeps; 1: the likeliest label of each frame")
    public var beam = 1

    /// The defaults.
    public init() {}

    /// The model's sizes; throws for sizes that no model can have.
    public func model() throws(ConfigurationError) -> Conformer.Configuration {
        var model = size.configuration(classes: data.alphabet.classCount)
        model.mels = data.bands
        let own: [(WritableKeyPath<Conformer.Configuration, Int>, Int)] = [
            (\.width, width), (\.layers, layers), (\.heads, heads), (\.kernel, kernel),
            (\.channels, channels),
            (\.predictionWidth, predictionWidth), (\.jointWidth, jointWidth),
        ]
        for (property, value) in own where value > 0 { model[keyPath: property] = value }
        if dropout >= 0 { model.dropout = dropout }
        if predictionContext >= 0 { model.predictionContext = predictionContext }
        model.norm = norm
        model.head = head
        if let complaint = model.complaint { throw ConfigurationError("[model] \(complaint)") }
        return model
    }
}

extension SpeechTask {
    /// A named size of model.
    public enum Size: String, CaseIterable, OptionValue {
        /// A few thousand parameters, for studies of the whole Fisher information.
        case nano
        /// About 0.3 million parameters.
        case tiny
        /// About 10 million parameters: Conformer S.
        case small
        /// About 600 million parameters: Conformer XL.
        case paper

        /// The sizes of the model.
        public func configuration(classes: Int) -> Conformer.Configuration {
            switch self {
            case .nano: .nano(classes: classes)
            case .tiny: .tiny(classes: classes)
            case .small: .small(classes: classes)
            case .paper: .paper(classes: classes)
            }
        }
    }
}

extension SpeechTask: ConfigurableTask {
    public static let name = "speech"
    public static func name(with options: Options) -> String { "speech, \(options.head.rawValue)" }
    public static let subject = "a Conformer that transcribes speech"
    public static let remark =
        "Without --speech the recordings are the prompts of Asterisk where they are installed, else what espeak-ng speaks."
    public static let presets = [
        ConfigurationPreset(
            "tiny",
            [
                "model.size": "tiny", "data.corpus": "digits", "training.steps": "500", "data.batch": "16",
                "data.frequency_masks": "1", "data.time_masks": "1", "optimizer.learning_rate": "0.006",
                "optimizer.warm_up": "50",
            ]),
        ConfigurationPreset(
            "phrases",
            [
                "model.size": "tiny", "data.corpus": "espeak", "training.steps": "1500", "data.batch": "16",
                "optimizer.learning_rate": "0.003", "optimizer.warm_up": "100",
            ]),
        ConfigurationPreset(
            "small",
            [
                "model.size": "small", "training.steps": "20000", "data.batch": "16",
                "optimizer.learning_rate": "0.001", "optimizer.warm_up": "1000",
            ]),
        ConfigurationPreset(
            "paper",
            [
                "model.size": "paper", "model.head": "transducer", "data.alphabet": "bytes",
                "training.steps": "400000", "data.batch": "16", "optimizer.learning_rate": "0.0005",
                "optimizer.warm_up": "10000",
            ]),
        ConfigurationPreset(
            "nano",
            [
                "model.size": "nano", "data.bands": "20", "data.corpus": "digits", "data.utterances": "240",
                "data.batch": "8", "training.steps": "300", "optimizer.learning_rate": "0.01",
                "optimizer.warm_up": "20",
            ]),
    ]
    public static var smallestPreset: String? { "nano" }

    /// Reads the speech and makes the model that the options describe.
    ///
    /// - Throws: `ConfigurationError` for sizes that no model can have, `SpeechError`, `MediaError` or `CorpusError` for
    ///   speech that cannot be used, `Interrupted` if a signal requests to stop.
    public init(_ options: SpeechOptions) throws {
        let model = try options.model()
        // Before the speech is read, which may take long.
        try model.requireMemory(batch: options.batch, frames: 100, labels: 1)
        try self.init(
            model, corpus: try options.data.load(), data: options.data, batch: options.batch,
            beam: options.beam)
    }

    public func tuningTask() throws -> SpeechTask {
        try SpeechTask(configuration, corpus: try corpus.tuningSplit(), data: data, batch: batch, beam: beam)
    }

    public static func afterwards(_ folder: String) -> String? {
        "transcribe a recording: fisher transcribe \(folder) FILE.wav"
    }
}
