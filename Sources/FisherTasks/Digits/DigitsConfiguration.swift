import Fisher
import FisherTraining

/// The configuration of a run on the digits: `fisher train digits`.
public struct DigitsConfiguration: TaskConfiguration, Hashable {
    /// Images in a step.
    public var batch = 128
    /// The share of the images that is held out.
    public var testShare = 0.25
    /// The seed by which they are chosen.
    public var splitSeed = 0
    /// The network.
    public var network = DigitsNetwork.autoencoder
    /// What stands between its layers.
    public var activation = Activation.own
    /// The optimizer.
    public var optimizer = OptimizerConfiguration()
    /// Steps, checkpoints, logs.
    public var training = TrainingConfiguration()

    /// An activation, or the network's own.
    public enum Activation: String, CaseIterable, Sendable {
        /// tanh for the autoencoder, relu for the classifier.
        case own
        /// The hyperbolic tangent.
        case tanh
        /// The rectifier.
        case relu
    }

    /// The defaults.
    public init() {}

    public static let options: [ConfigurationOption<DigitsConfiguration>] =
        [
            .integer("data.batch", \.batch, in: 1...Digits.all.count, "images in a step"),
            .number("data.test_share", \.testShare, in: 0.01..<1, "the share of the images held out"),
            .integer("data.split_seed", \.splitSeed, in: 0...Int.max, "seed by which they are chosen"),
            .choice("model.network", \.network, "the network"),
            .choice("model.activation", \.activation, "between its layers; own: the network's own"),
        ]
        + OptimizerConfiguration.options.map { $0.lifted(\.optimizer) }
        + TrainingConfiguration.options.map { $0.lifted(\.training) }

    public static let presets: [(name: String, values: [(key: String, pieces: [String])])] = [
        (
            "autoencoder",
            [
                ("model.network", ["autoencoder"]), ("training.steps", ["1000"]),
                ("optimizer.learning_rate", ["0.003"]),
            ]
        ),
        (
            "cnn",
            [
                ("model.network", ["cnn"]), ("training.steps", ["400"]),
                ("optimizer.learning_rate", ["0.003"]),
            ]
        ),
    ]

    public var dependentValues: [(key: String, text: String, isBare: Bool)] {
        get throws { try optimizer.ruleValues() }
    }

    public mutating func setDependent(_ key: String, to text: String) throws -> Bool {
        try optimizer.setRuleOption(key, to: text)
    }

    /// The task.
    public func task() throws -> DigitsTask {
        try requireMicroBatches(of: batch)
        let (training, test) = try Digits.all.split(test: testShare, seed: UInt64(splitSeed))
        return try DigitsTask(
            network, activation: DigitsNetwork.Activation(rawValue: activation.rawValue), training: training,
            test: test, batch: batch)
    }
}
