import Fisher
import FisherMedia
import FisherTraining
import Foundation

/// Classes of images: a residual network, a vision transformer or a small convolutional one.
///
/// The likelihood is the categorical one of the labels. Label smoothing is no likelihood of the data: with a share e the
/// objective has an auxiliary term e (U - L), where L is the mean negative log-likelihood of the labels and U that of labels
/// drawn uniformly from all classes, so that the sum is the smoothed loss (1 - e) L + e U exactly, while the Fisher
/// information stays that of the likelihood.
public struct ImagesTask: ConfigurableTask {
    public static let name = "images"
    public static func name(with options: Options) -> String { "images, \(options.network.rawValue)" }
    public static let subject = "a classifier of images"
    public static let remark =
        "Without --images it is handwritten digits, which are part of the program; PNG and JPEG need libvips (Scripts/prepare-media)."
    public static let presets = [
        ConfigurationPreset(
            "digits",
            [
                "model.width": "8", "data.batch": "64", "data.crop": "1", "training.steps": "300",
            ]),
        ConfigurationPreset(
            "cifar",
            [
                "model.width": "64", "data.batch": "128", "data.crop": "4", "data.flip": "true",
                "training.steps": "20000", "optimizer.learning_rate": "0.001",
                "optimizer.warm_up": "200",
            ]),
        ConfigurationPreset(
            "imagenet",
            [
                "model.network": "resnet50", "data.size": "224", "data.batch": "256", "data.crop": "16",
                "data.flip": "true", "data.label_smoothing": "0.1", "training.steps": "450000",
                "optimizer.warm_up": "2000",
            ]),
        ConfigurationPreset(
            "vit",
            [
                "model.network": "vit", "model.width": "32", "model.patch": "2", "data.batch": "64",
                "training.steps": "600", "optimizer.learning_rate": "0.002",
            ]),
        ConfigurationPreset(
            "cnn",
            [
                "model.network": "cnn", "model.width": "8", "data.batch": "128", "training.steps": "400",
                "optimizer.learning_rate": "0.003",
            ]),
    ]
    public static var smallestPreset: String? { "cnn" }

    /// The images to train on.
    public let training: LabeledImages
    /// The images that are held out.
    public let heldOut: LabeledImages
    /// The network.
    public let specification: NetworkSpecification
    /// Images in a step.
    public var batch: Int { options.batch }
    let options: ImagesOptions
    let normalization: ImageNormalization
    private let parameterCount: Int

    public let dataFingerprint: String

    /// Reads the images and makes the task.
    ///
    /// - Throws: `StorageError` and `MediaError` for images that cannot be used, `ConfigurationError` for a batch of more
    ///   images than there are and for a network that does not exist, `Interrupted` if a signal requests to stop.
    public init(_ options: ImagesOptions) throws {
        let found = try Self.images(options)
        guard let heldOut = found.heldOut else {
            let (training, heldOut) = try Self.split(
                found.training, options.testShare, seed: UInt64(options.splitSeed))
            try self.init(options, training: training, heldOut: heldOut)
            return
        }
        try self.init(options, training: found.training, heldOut: heldOut)
    }

    /// Joins a network and images.
    ///
    /// - Throws: what `init(_:)` throws for the network and the batch.
    public init(_ options: ImagesOptions, training: LabeledImages, heldOut: LabeledImages) throws {
        guard options.batch <= training.count else {
            throw ConfigurationError(
                "data.batch = \(options.batch) is more than the \(training.count) images to train on")
        }
        let specification = try options.specification(for: training)
        try specification.requireMemory()
        (self.options, self.training, self.heldOut) = (options, training, heldOut)
        self.specification = specification
        normalization = try ImageNormalization(of: training)
        parameterCount = try Self.network(specification, options, seed: 0).parameterCount
        dataFingerprint = training.fingerprint + heldOut.fingerprint
    }

    private static func images(_ options: ImagesOptions) throws -> ImageCollection {
        if options.images == "digits" {
            return ImageCollection(training: try Digits.all.labeledImages, heldOut: nil)
        }
        let size = options.size > 0 ? ImageSize(height: options.size, width: options.size) : nil
        return try ImageCollection(
            at: options.images, size: size, channels: options.color.channels
        ) { _, _ in try Interruption.poll() }
    }

    private static func split(
        _ images: LabeledImages, _ share: Double, seed: UInt64
    ) throws -> (training: LabeledImages, heldOut: LabeledImages) {
        guard share > 0, share < 1 else {
            throw ConfigurationError("data.test_share = \(share) leaves one side without images")
        }
        return try images.split(heldOut: share, seed: seed)
    }

    public func tuningTask() throws -> ImagesTask {
        let share = options.testShare > 0 && options.testShare < 1 ? options.testShare : 0.25
        let (training, heldOut) = try Self.split(training, share, seed: UInt64(options.splitSeed) &+ 1)
        return try ImagesTask(options, training: training, heldOut: heldOut)
    }

    public var examplesPerStep: Int { batch }

    /// The network as JSON, as `fisher information` reads it.
    public var modelMetadata: [String: String] {
        let json = StoredJSON.encode(specification, indented: false)
        return [PlainNetwork.metadataKey: String(decoding: json, as: UTF8.self)]
    }

    public var summary: TaskSummary {
        let network = options.network.rawValue
        let shape = "\(training.size.width) by \(training.size.height) pixels"
        let name = options.images == "digits" ? "handwritten digits" : options.images
        let changes =
            [
                options.crop > 0 ? "crops by \(options.crop)" : nil, options.flip ? "mirrored" : nil,
                options.labelSmoothing > 0 ? "labels smoothed by \(options.labelSmoothing)" : nil,
            ]
            .compactMap(\.self)
        return TaskSummary(
            name: Self.name(with: options),
            description:
                "\(network), \(parameterCount) parameters, on \(training.count) images of \(shape) in "
                + "\(training.classNames.count) classes",
            parameterCount: parameterCount, lossUnit: "image",
            settings: [
                Setting(
                    "model",
                    "\(network), width \(options.width > 0 ? options.width : options.network.ownWidth)"),
                Setting(
                    "images",
                    "\(training.count) to train on, \(heldOut.count) held out, "
                        + (training.channels == 1 ? "gray" : "color")),
                Setting("changes", changes.isEmpty ? "none" : changes.joined(separator: ", ")),
                Setting("batch", "\(batch) images"),
            ], data: name)
    }

    public func makeModel(seed: UInt64) throws -> Sequential {
        try Self.network(specification, options, seed: seed)
    }

    /// The network with weights from a file, or drawn.
    private static func network(
        _ specification: NetworkSpecification, _ options: ImagesOptions, seed: UInt64
    ) throws -> Sequential {
        guard !options.weights.isEmpty else {
            return specification.makeNetwork(using: try RandomGenerator(seed: seed))
        }
        let path = try PlainNetwork.weightsPath(options.weights)
        do {
            return try specification.makeNetwork(weights: try SafetensorsFile(path: path).allTensors())
        } catch let error as WeightError {
            throw WeightError(
                description:
                    "model.weights = \(options.weights) are not of the network that the other options "
                    + "describe: \(error.description)")
        }
    }

    public func makeBatches(seed: UInt64) throws -> ImageBatches {
        ImageBatches(
            training, normalization, .init(crop: options.crop, flip: options.flip), batch: batch, seed: seed)
    }

    public func objective(of model: Sequential, on batch: SupervisedBatch) throws -> Objective {
        let logits = model(batch.inputs)
        let plain = try Objective(Categorical(logits: logits), observing: batch.targets)
        let share = options.labelSmoothing
        if share == 0 { return plain }
        let uniform = -logits.logSoftmax(along: -1).mean()
        return try Objective(
            Categorical(logits: logits), observing: batch.targets,
            auxiliaries: [.init("label smoothing", (uniform - plain.loss) * share)])
    }

    /// The held-out images as a network takes them, unchanged.
    func heldOutBatch(_ range: Range<Int>) throws -> SupervisedBatch {
        let chosen = Array(range)
        return SupervisedBatch(
            inputs: normalization.inputs(try heldOut.planes(at: chosen), of: heldOut),
            targets: heldOut.targets(at: chosen))
    }

    /// Mean nats per image over the images held out, without label smoothing.
    public func validationLoss(of model: Sequential) throws -> Double {
        try validationLoss(of: model, on: 0..<heldOut.count)
    }

    public func validationParts(of model: Sequential) throws -> [Double] {
        try Self.validationLosses(of: heldOut.count) { try validationLoss(of: model, on: $0) }
    }

    private func validationLoss(of model: Sequential, on range: Range<Int>) throws -> Double {
        try meanLoss(of: model, on: range, by: 256) { try heldOutBatch($0) }
    }
}

extension Digits {
    /// The digits as images of 8 by 8 pixels, with shades stretched to 0 to 255.
    var labeledImages: LabeledImages {
        get throws {
            try LabeledImages(
                "handwritten digits", planes: shades.map { UInt8((Int($0) * 255 + 8) / 16) }, labels: labels,
                classNames: (0..<Digits.classCount).map(String.init),
                size: ImageSize(height: Digits.side, width: Digits.side), channels: 1)
        }
    }
}
