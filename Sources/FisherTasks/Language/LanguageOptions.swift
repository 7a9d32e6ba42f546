import Fisher
import FisherOptions
import FisherTraining

/// The options of the language task.
public struct LanguageOptions: ConfigurableOptions {
    /// Files or folders; the built-in text if there are none.
    @Configurable("data.text", "files or folders; none: a built-in text")
    public var text: [String] = []
    /// The built-in text, if no other is named.
    @Configurable(
        "data.corpus", "built-in text: headers, docstrings, both (compare); automatic: headers, compare both")
    public var corpus = BuiltInText.automatic
    /// Windows in a step.
    @Configurable("data.batch", .between(1, 1 << 20), "windows in a step")
    public var batch = 16
    /// About how many held-out bytes an evaluation predicts.
    @Configurable("data.validation_bytes", .atLeast(1), "held-out bytes that an evaluation predicts")
    public var validationBytes = 65_536
    /// The size from which the others start.
    @Configurable("model.size", "the size from which the others start: tiny, small or base")
    public var size = LanguageTask.Size.tiny
    /// Bytes in a window; 0 is the size's own.
    @Configurable("model.context", .between(0, 1 << 20), "bytes in a window; 0: the size's own")
    public var context = 0
    /// The width; 0 is the size's own.
    @Configurable("model.width", .between(0, 1 << 20), "width; 0: the size's own")
    public var width = 0
    /// The number of blocks; 0 is the size's own.
    @Configurable("model.layers", .between(0, 1 << 20), "blocks; 0: the size's own")
    public var layers = 0
    /// The number of heads; 0 is the size's own.
    @Configurable("model.heads", .between(0, 1 << 20), "heads; 0: the size's own")
    public var heads = 0
    /// The probability of dropping an element of the residual branches.
    @Configurable("model.dropout", .decay, "probability of dropping an element")
    public var dropout = 0.0
    /// Whether the head is the token embedding.
    @Configurable("model.ties_head", "the head is the token embedding")
    public var tiesHead = false
    /// The weights to start from, and how they are changed.
    public var fineTuning = FineTuningOptions()

    /// The defaults.
    public init() {}

    public var inconsistency: OptionError? { fineTuning.inconsistency }

    /// The window of a fine-tuning; throws for sizes that the model to start from does not have.
    func context(of start: SavedLanguageModel) throws(ConfigurationError) -> Int {
        let own = start.model.configuration
        for (key, value, known) in [
            ("width", width, own.width), ("layers", layers, own.layers), ("heads", heads, own.heads),
        ] where value > 0 && value != known {
            throw ConfigurationError(
                "model.\(key) = \(value), but \(start.path.printable) has \(known): leave it out")
        }
        if size != LanguageOptions().size {
            throw ConfigurationError(
                "model.size = \(size.rawValue) has no effect with finetune.from: leave it out")
        }
        if tiesHead && !own.tiesHead {
            throw ConfigurationError(
                "model.ties_head = true, but \(start.path.printable) has a head of its own: leave it out")
        }
        guard context <= own.context else {
            throw ConfigurationError(
                "model.context = \(context) is more than the \(own.context) positions of \(start.path.printable)"
            )
        }
        return context > 0 ? context : own.context
    }

    /// The model's sizes; throws for sizes that no model can have.
    public func model() throws(ConfigurationError) -> GPT.Configuration {
        var model = size.configuration
        if context > 0 { model.context = context }
        if width > 0 { model.width = width }
        if layers > 0 { model.layers = layers }
        if heads > 0 { model.heads = heads }
        model.dropout = dropout
        model.tiesHead = tiesHead
        if let complaint = model.complaint { throw ConfigurationError("[model] \(complaint)") }
        return model
    }
}

extension LanguageTask: ConfigurableTask {
    public static let name = "language"
    public static let subject = "a byte-level GPT"
    public static let remark =
        "Without --text the text is the C++ headers of the libtorch that this program runs on, or the docstrings of its Python "
        + "sources; compare shows both, each in a folder of its own. With --from a run, a checkpoint or a folder of "
        + "transformers (GPT-2) is fine-tuned: all weights, or low-rank updates with --lora-rank."
    public static let presets = [
        ConfigurationPreset(
            "quick",
            [
                "training.steps": "400", "data.batch": "8", "data.validation_bytes": "32768",
                "optimizer.learning_rate": "0.002",
            ]),
        ConfigurationPreset(
            "tiny",
            [
                "model.size": "tiny", "training.steps": "2000", "data.batch": "16",
                "optimizer.learning_rate": "0.002",
            ]),
        ConfigurationPreset(
            "small",
            [
                "model.size": "small", "training.steps": "5000", "data.batch": "16",
                "optimizer.learning_rate": "0.001", "optimizer.warm_up": "100",
            ]),
        ConfigurationPreset(
            "base",
            [
                "model.size": "base", "training.steps": "20000", "data.batch": "16",
                "optimizer.learning_rate": "0.0006", "optimizer.warm_up": "500",
                "optimizer.clip_gradient_norm": "1.0",
            ]),
        ConfigurationPreset(
            "nano",
            [
                "model.context": "32", "model.width": "32", "model.layers": "1", "model.heads": "2",
                "training.steps": "400", "data.batch": "16", "data.validation_bytes": "8192",
                "optimizer.learning_rate": "0.002",
            ]),
    ]
    public static var smallestPreset: String? { "nano" }

    /// Reads the text and makes the model that the options describe.
    ///
    /// - Throws: `ConfigurationError` for sizes that no model can have, `CorpusError` for a text that cannot
    ///   be read or is too short for the model's context, `Interrupted` if a signal requests to stop.
    public init(_ options: LanguageOptions) throws {
        if !options.fineTuning.from.isEmpty {
            let start = try SavedLanguageModel(at: options.fineTuning.from)
            let context = try options.context(of: start)
            let corpus = try Corpus.text(at: options.text, builtIn: options.corpus)
            try self.init(
                try FineTuning(options, start: start, context: context), corpus: corpus, context: context,
                batch: options.batch, validationBytes: options.validationBytes)
            return
        }
        let model = try options.model()
        // Before the text is read, which takes seconds, and a folder is made.
        try model.requireMemory(batch: options.batch)
        try self.init(
            model, corpus: try Corpus.text(at: options.text, builtIn: options.corpus), batch: options.batch,
            validationBytes: options.validationBytes)
    }

    public func tuningTask() throws -> LanguageTask {
        if let fineTuning {
            return try LanguageTask(
                fineTuning, corpus: corpus.tuningSplit, context: context, batch: batch,
                validationBytes: validationBytes)
        }
        return try LanguageTask(
            configuration, corpus: corpus.tuningSplit, batch: batch, validationBytes: validationBytes)
    }

    public static func comparisons(of options: LanguageOptions) -> [(name: String, options: LanguageOptions)]
    {
        guard options.text.isEmpty, [.automatic, .both].contains(options.corpus) else {
            return [("", options)]
        }
        return [BuiltInText.headers, .docstrings].map { corpus in
            var own = options
            own.corpus = corpus
            return (corpus.rawValue, own)
        }
    }

    public static func conclude(runIn folder: String) throws -> [String] {
        try LanguageExport.conclude(RunDirectory(path: folder))
    }

    public static func afterwards(_ folder: String) -> String? { "sample: fisher sample \(folder)" }
}
