import Fisher
import FisherTraining

/// The configuration of a language run: `fisher train language`.
public struct LanguageConfiguration: TaskConfiguration, Hashable {
    /// Files or folders; the built-in text where there are none.
    public var text: [String] = []
    /// Windows in a step.
    public var batch = 16
    /// About how many held-out bytes an evaluation predicts.
    public var validationBytes = 65_536
    /// The size from which the others start.
    public var size = LanguageTask.Size.tiny
    /// Bytes in a window; 0 is the size's own.
    public var context = 0
    /// The width; 0 is the size's own.
    public var width = 0
    /// The blocks; 0 is the size's own.
    public var layers = 0
    /// The heads; 0 is the size's own.
    public var heads = 0
    /// The probability of dropping an element of the residual branches.
    public var dropout = 0.0
    /// Whether the head is the token embedding.
    public var tiesHead = false
    /// The optimizer.
    public var optimizer = OptimizerConfiguration()
    /// Steps, checkpoints, logs.
    public var training = TrainingConfiguration()

    /// The defaults.
    public init() {}

    public static let options: [ConfigurationOption<LanguageConfiguration>] =
        [
            .list("data.text", \.text, "files or folders; none: libtorch's C++ headers"),
            .integer("data.batch", \.batch, in: 1...1 << 20, "windows in a step"),
            .integer("data.validation_bytes", \.validationBytes, in: 1...Int.max, "held-out bytes evaluated"),
            .choice("model.size", \.size, "the size from which the others start"),
            .integer("model.context", \.context, in: 0...1 << 20, "bytes in a window; 0: the size's own"),
            .integer("model.width", \.width, in: 0...1 << 20, "width; 0: the size's own"),
            .integer("model.layers", \.layers, in: 0...1 << 20, "blocks; 0: the size's own"),
            .integer("model.heads", \.heads, in: 0...1 << 20, "heads; 0: the size's own"),
            .number("model.dropout", \.dropout, in: 0..<1, "probability of dropping an element"),
            .flag("model.ties_head", \.tiesHead, "the head is the token embedding"),
        ]
        + OptimizerConfiguration.options.map { $0.lifted(\.optimizer) }
        + TrainingConfiguration.options.map { $0.lifted(\.training) }

    public static let presets: [(name: String, values: [(key: String, pieces: [String])])] = [
        (
            "quick",
            [("training.steps", ["400"]), ("data.batch", ["8"]), ("optimizer.learning_rate", ["0.002"])]
        ),
        (
            "tiny",
            [
                ("model.size", ["tiny"]), ("training.steps", ["2000"]), ("data.batch", ["16"]),
                ("optimizer.learning_rate", ["0.002"]),
            ]
        ),
        (
            "small",
            [
                ("model.size", ["small"]), ("training.steps", ["5000"]), ("data.batch", ["16"]),
                ("optimizer.learning_rate", ["0.001"]), ("optimizer.warm_up", ["100"]),
            ]
        ),
        (
            "base",
            [
                ("model.size", ["base"]), ("training.steps", ["20000"]), ("data.batch", ["16"]),
                ("optimizer.learning_rate", ["0.0006"]), ("optimizer.warm_up", ["500"]),
                ("optimizer.clip_gradient_norm", ["1.0"]),
            ]
        ),
    ]

    public var dependentValues: [(key: String, text: String, isBare: Bool)] {
        get throws { try optimizer.ruleValues() }
    }

    public mutating func setDependent(_ key: String, to text: String) throws -> Bool {
        try optimizer.setRuleOption(key, to: text)
    }

    /// The model's sizes; throws sizes that no model can have.
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

    /// The text of `data.text`, or the built-in one.
    public func corpus() throws -> Corpus { try Corpus.text(at: text) }

    public func task() throws -> LanguageTask { try task(on: try corpus()) }

    /// The task on a text.
    public func task(on corpus: Corpus) throws -> LanguageTask {
        try requireMicroBatches(of: batch)
        return try LanguageTask(
            try model(), corpus: corpus, batch: batch, validationBytes: validationBytes)
    }
}

extension Corpus {
    /// The text at some paths, or where none is given libtorch's C++ headers.
    public static func text(at paths: [String]) throws -> Corpus {
        if !paths.isEmpty { return try Corpus(paths: paths) }
        guard let folder = Engine.folder else {
            throw CorpusError(
                kind: .notFound,
                description: "the built-in text was not found beside libtorch; name files or folders")
        }
        return try engineHeaders(includeDirectory: folder + "/include")
    }
}
