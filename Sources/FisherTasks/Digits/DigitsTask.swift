import Fisher
import FisherOptions
import FisherTraining
import Foundation

/// The options of the task on digits.
public struct DigitsOptions: ConfigurableOptions {
    /// Images in a step.
    @Configurable("data.batch", .between(1, 1797), "images in a step")
    public var batch = 128
    /// The share of the images that is held out.
    @Configurable("data.test_share", .fraction, "share of the images that is held out")
    public var testShare = 0.25
    /// The seed by which they are chosen.
    @Configurable("data.split_seed", .nonNegative, "seed by which they are chosen, the same for all runs")
    public var splitSeed = 0
    /// The network.
    @Configurable(
        "model.network",
        "autoencoder (deep, Bernoulli pixels), or of classes: cnn, perceptron (small), lstm (row by row)")
    public var network = DigitsNetwork.autoencoder
    /// The activation between its layers.
    @Configurable(
        "model.activation",
        "between its layers: tanh, relu, or own: tanh, for the cnn relu; the lstm has none")
    public var activation = DigitsNetwork.Activation.own

    /// The defaults.
    public init() {}
}

/// Handwritten digits: an autoencoder that reconstructs them, or a classifier.
///
/// The autoencoder's loss is the negative log-likelihood of an image's 64 pixels, each a bit that is randomly
/// rounded from its shade: it cannot fall below the entropy of that rounding, about 13.7 nats per image.
public struct DigitsTask: ConfigurableTask {
    public static let name = "digits"
    public static func name(with options: Options) -> String { "digits, \(options.network.rawValue)" }
    public static let subject = "an autoencoder or a classifier of handwritten digits"
    public static let remark = "The 1,797 images are part of the program."
    public static let presets = [
        ConfigurationPreset(
            "autoencoder",
            [
                "model.network": "autoencoder", "training.steps": "1000", "optimizer.learning_rate": "0.003",
            ]),
        ConfigurationPreset(
            "cnn",
            ["model.network": "cnn", "training.steps": "400", "optimizer.learning_rate": "0.003"]),
        ConfigurationPreset(
            "perceptron",
            ["model.network": "perceptron", "training.steps": "400", "optimizer.learning_rate": "0.003"]),
        ConfigurationPreset(
            "lstm", ["model.network": "lstm", "training.steps": "400", "optimizer.learning_rate": "0.05"]),
    ]
    public static var smallestPreset: String? { "perceptron" }

    /// The network.
    public let network: DigitsNetwork
    /// The activation between its layers.
    public let activation: DigitsNetwork.Activation
    /// The images to train on.
    public let training: Digits
    /// The images that are held out.
    public let test: Digits
    /// Images in a step.
    public let batch: Int
    private let tuningShare: Double
    private let tuningSeed: UInt64

    public let dataFingerprint: String

    /// Divides the images and makes the network that the options name; throws a batch that is larger than the training
    /// side, and a share that leaves one side without images.
    public init(_ options: DigitsOptions) throws(DigitsError) {
        let (training, test) = try Digits.all.split(test: options.testShare, seed: UInt64(options.splitSeed))
        try self.init(
            options.network, activation: options.activation, training: training, test: test,
            batch: options.batch, tuningShare: options.testShare, tuningSeed: UInt64(options.splitSeed) &+ 1)
    }

    /// Joins a network and images; throws a batch that is larger than the training side.
    ///
    /// - Parameters:
    ///   - network: the network.
    ///   - activation: the activation between its layers.
    ///   - training: the images to train on.
    ///   - test: the images that are held out.
    ///   - batch: images in a step.
    ///   - tuningShare: the share of the training images that ``tuningTask()`` holds out.
    ///   - tuningSeed: the seed by which it chooses them.
    public init(
        _ network: DigitsNetwork, activation: DigitsNetwork.Activation = .own, training: Digits,
        test: Digits, batch: Int, tuningShare: Double = 0.25, tuningSeed: UInt64 = 1
    ) throws(DigitsError) {
        guard (1...max(training.count, 1)).contains(batch), test.count > 0 else {
            throw .badBatch(size: batch, count: training.count)
        }
        self.network = network
        self.activation = activation == .own ? network.activation : activation
        self.training = training
        self.test = test
        self.batch = batch
        self.tuningShare = tuningShare
        self.tuningSeed = tuningSeed
        dataFingerprint = String(training.fingerprint &* 31 &+ test.fingerprint, radix: 16)
    }

    public func tuningTask() throws -> DigitsTask {
        let (training, test) = try training.split(test: tuningShare, seed: tuningSeed)
        return try DigitsTask(network, activation: activation, training: training, test: test, batch: batch)
    }

    public var examplesPerStep: Int { batch }

    /// The network as JSON, as `fisher information` reads it.
    public var modelMetadata: [String: String] {
        let json = StoredJSON.encode(network.specification(activation), indented: false)
        return [PlainNetwork.metadataKey: String(decoding: json, as: UTF8.self)]
    }

    public var summary: TaskSummary {
        let count = parameterCount
        let (what, layers) =
            switch network {
            case .autoencoder:
                (
                    "deep autoencoder",
                    DigitsNetwork.widths.map(String.init).joined(separator: "-") + ", Bernoulli pixels"
                )
            case .cnn:
                (
                    "convolutional classifier",
                    "convolutions of 16 and 32 channels with pooling, linear, 10 classes"
                )
            case .perceptron: ("perceptron", "64-32-10, 10 classes")
            case .lstm: ("recurrent classifier", "LSTM of width 24 over 8 rows, mean, linear, 10 classes")
            }
        return TaskSummary(
            name: "digits, \(network.rawValue)",
            description:
                "\(what), \(count) parameters, on \(training.count) handwritten digits of 8 by 8 pixels",
            parameterCount: count, lossUnit: "image",
            settings: [
                Setting("model", network == .lstm ? layers : "\(layers), \(activation.rawValue)"),
                Setting(
                    "images", "\(training.count) to train on, \(test.count) held out, UCI optical digits"),
                Setting("batch", "\(batch) images"),
            ], data: "the bundled digits")
    }

    /// The number of the network's parameters.
    var parameterCount: Int {
        guard let generator = try? RandomGenerator(seed: 0) else { return 0 }
        return network.specification(activation).makeNetwork(using: generator).parameterCount
    }

    public func makeModel(seed: UInt64) throws -> Sequential {
        try network.makeNetwork(activation, using: try RandomGenerator(seed: seed))
    }

    public func makeBatches(seed: UInt64) throws -> ShuffledBatches {
        let examples = network.examples(of: training)
        return try ShuffledBatches(
            inputs: examples.inputs, targets: examples.targets, batchSize: batch, seed: seed)
    }

    public func objective(of model: Sequential, on batch: SupervisedBatch) throws -> Objective {
        switch network {
        case .autoencoder:
            try Objective(Bernoulli(logits: model(batch.inputs)), observing: batch.targets)
        case .cnn, .perceptron, .lstm:
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
    }

    /// Mean nats per image over the images held out.
    public func validationLoss(of model: Sequential) throws -> Double {
        try validationLoss(of: model, on: 0..<test.count)
    }

    public func validationParts(of model: Sequential) throws -> [Double] {
        try Self.validationLosses(of: test.count) { try validationLoss(of: model, on: $0) }
    }

    private func validationLoss(of model: Sequential, on range: Range<Int>) throws -> Double {
        let examples = network.examples(of: test)
        return try meanLoss(of: model, on: range, by: 512) { examples.slice($0) }
    }

    /// The accuracy of a classifier on the held-out images with its interval (Wilson 1927).
    public func measures(of model: Sequential) throws -> [TaskMeasure] {
        guard let accuracy = try accuracy(of: model) else { return [] }
        return [.accuracy(Int((accuracy * Double(test.count)).rounded()), of: test.count)]
    }

    /// The accuracy and the calibration of a classifier on the held-out images.
    public func measures(of model: Sequential, posterior: GaussianPosterior?) throws -> [TaskMeasure] {
        guard network != .autoencoder else { return [] }
        let examples = network.examples(of: test)
        let calibration = try ClassifierCalibration(of: examples.targets, posterior: posterior) {
            model(examples.inputs).softmax(along: -1)
        }
        return try measures(of: model) + calibration.measures
    }

    /// Held-out images beside what the autoencoder makes of them.
    public func exhibits(of model: Sequential) throws -> [TaskExhibit] {
        guard network == .autoencoder else { return [] }
        let inputs = network.examples(of: test).slice(0..<min(10, test.count)).inputs
        func row(_ shades: Tensor) throws -> [RasterImage] {
            let values = try shades.scalars(as: Double.self)
            return stride(from: 0, to: values.count, by: Digits.pixelCount).map { start in
                RasterImage(
                    width: Digits.side, height: Digits.side, channels: 1,
                    bytes: values[start..<start + Digits.pixelCount].map { UInt8((255 * $0).rounded()) })
            }
        }
        return [
            .pictures(
                PictureGrid(
                    title: "Reconstructions",
                    caption: "Held-out digits, and the probability of each pixel to be set.",
                    rows: [try row(inputs), try row(model(inputs).sigmoid())],
                    rowTitles: ["original", "reconstruction"]))
        ]
    }

    /// The accuracy of a classifier on the held-out images; nil for the autoencoder.
    public func accuracy(of model: Sequential) throws -> Double? {
        guard network != .autoencoder else { return nil }
        let examples = network.examples(of: test)
        return try withoutGradients { try Digits.accuracy(model(examples.inputs), examples.targets) }
    }
}

extension Digits {
    /// The share of rows of logits [n, classes] whose largest element is the target's.
    static func accuracy(_ logits: Tensor, _ targets: Tensor) throws -> Double {
        let scores = try logits.scalars(as: Float.self)
        let labels = try targets.scalars(as: Int64.self)
        let classes = scores.count / max(labels.count, 1)
        let right = labels.enumerated().filter { row, label in
            let own = scores[row * classes..<(row + 1) * classes]
            return own.indices.max { own[$0] < own[$1] } == row * classes + Int(label)
        }
        return Double(right.count) / Double(max(labels.count, 1))
    }
}
