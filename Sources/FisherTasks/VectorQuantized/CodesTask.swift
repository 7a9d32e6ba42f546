import Fisher
import FisherOptions
import FisherTraining

/// The options of the task on the codes of images.
package struct CodesOptions: ConfigurableOptions {
    /// A finished run of the task `vq`.
    @Configurable("data.from", "folder of a finished run of the task vq, whose codes are modeled")
    package var from = ""
    /// Images in a step.
    @Configurable("data.batch", .between(1, 1 << 20), "images in a step")
    package var batch = 64
    /// The width of the model.
    @Configurable("model.width", .between(1, 1 << 16), "width")
    package var width = 64
    /// The number of blocks.
    @Configurable("model.layers", .between(1, 1000), "blocks")
    package var layers = 2
    /// The number of heads.
    @Configurable("model.heads", .between(1, 1 << 16), "heads")
    package var heads = 4
    /// The probability of dropping an element of the residual branches.
    @Configurable("model.dropout", .decay, "probability of dropping an element")
    package var dropout = 0.1
    /// The images that are drawn for the Frechet distance.
    @Configurable(
        "sampling.images", .between(2, 1 << 20), "images that are drawn at the end for the Frechet distance")
    package var images = 512
    /// What logits are divided by when images are drawn.
    @Configurable("sampling.temperature", .positive, "logits are divided by it when images are drawn")
    package var temperature = 1.0

    /// The defaults.
    package init() {}
}

/// The second stage of vector-quantized images: a GPT predicts the codes of an image one after another, and images are
/// drawn from it and decoded by the first stage.
///
/// A sequence begins with a mark of its own, the last token of the vocabulary, which is never drawn.
package struct CodesTask: ConfigurableTask {
    package static let name = "codes"
    package static let subject = "a GPT over the codes of a run of the task vq"
    package static let remark = "Its page shows images that are drawn from it and decoded by the first stage."
    package static let presets = [
        ConfigurationPreset("digits", ["training.steps": "1500", "optimizer.learning_rate": "0.001"]),
        ConfigurationPreset(
            "nano",
            [
                "model.width": "16", "model.layers": "1", "model.heads": "2", "model.dropout": "0",
                "training.steps": "300", "optimizer.learning_rate": "0.002",
            ]),
    ]
    package static var smallestPreset: String? { "nano" }

    /// The sizes of the model.
    package let configuration: GPT.Configuration
    package let batch: Int
    package let dataFingerprint: String
    private let options: CodesOptions
    private let stage: VectorQuantizedTask
    private let decoder: VectorQuantizedAutoencoder
    /// The codes of the images, [images, codes].
    private let training: Tensor
    private let heldOut: Tensor
    /// Whether the held-out images, with which drawn ones are compared, may be looked at.
    private let isFinal: Bool

    /// Reads the first stage and encodes its images.
    ///
    /// - Throws: `ConfigurationError` where no run of the task `vq` is named and for sizes that no model can have, and what
    ///   reading the run and its images throws.
    package init(_ options: CodesOptions) throws {
        guard !options.from.isEmpty else {
            throw ConfigurationError(
                "data.from: name the folder of a finished run of the task vq with --from")
        }
        let place = try SavedModel(at: options.from)
        let task = try place.task
        guard task == VectorQuantizedTask.name else {
            throw ConfigurationError(
                "data.from: \(options.from) is \(task.map { "a run of the task \($0)" } ?? "no run"), not of the task vq"
            )
        }
        let stage = try place.makeTask(VectorQuantizedTask.self)
        let decoder = try stage.makeModel(seed: 0)
        try decoder.load(from: place.weights)
        try self.init(options, stage, decoder)
    }

    /// Encodes the images of a first stage.
    init(
        _ options: CodesOptions, _ stage: VectorQuantizedTask, _ decoder: VectorQuantizedAutoencoder
    ) throws {
        decoder.setTraining(false)
        func codes(_ images: PixelImages, at places: [Int]) throws -> Tensor {
            var parts: [Tensor] = []
            for first in Swift.stride(from: 0, to: places.count, by: 256) {
                try Interruption.poll()
                let own = Array(places[first..<min(first + 256, places.count)])
                parts.append(
                    try withoutGradients {
                        decoder.codes(of: try images.batch(at: own).inputs).flattened(from: 1)
                    })
            }
            return .concatenated(parts)
        }
        try self.init(
            options, stage, decoder,
            training: try codes(stage.training, at: Array(0..<stage.training.count)),
            heldOut: try codes(stage.heldOut, at: stage.evaluated), isFinal: true)
    }

    private init(
        _ options: CodesOptions, _ stage: VectorQuantizedTask, _ decoder: VectorQuantizedAutoencoder,
        training: Tensor, heldOut: Tensor, isFinal: Bool
    ) throws {
        let count = training.shape[0]
        guard options.batch <= count else {
            throw ConfigurationError("data.batch = \(options.batch) cannot be taken from \(count) images")
        }
        let sizes = GPT.Configuration(
            vocabulary: stage.configuration.codes + 1, context: training.shape[1], width: options.width,
            layers: options.layers, heads: options.heads, dropout: options.dropout)
        if let complaint = sizes.complaint { throw ConfigurationError("[model] \(complaint)") }
        try sizes.requireMemory(batch: options.batch)
        var hash = FNV1a()
        for codes in [training, heldOut] {
            for code in try codes.flattened().scalars(as: Int64.self) {
                hash.add((0..<4).map { UInt8(truncatingIfNeeded: code >> (8 * $0)) })
            }
        }
        dataFingerprint = String(hash.value, radix: 16)
        (configuration, batch) = (sizes, options.batch)
        (self.options, self.stage, self.decoder) = (options, stage, decoder)
        (self.training, self.heldOut, self.isFinal) = (training, heldOut, isFinal)
    }

    package func tuningTask() throws -> CodesTask {
        var order = Array(0..<training.shape[0])
        var generator = SplitMix64(seed: 1)
        generator.shuffle(&order)
        let count = max(1, order.count / 4)
        func part(_ places: some Sequence<Int>) -> Tensor {
            let list = places.sorted().map(Int64.init)
            return training.gathering(Tensor(list, shape: [list.count]), along: 0)
        }
        return try CodesTask(
            options, stage, decoder, training: part(order[count...]), heldOut: part(order[..<count]),
            isFinal: false)
    }

    package var examplesPerStep: Int { batch }

    package var modelMetadata: [String: String] {
        [
            GPTFile.codesKey: String(
                decoding: StoredJSON.encode(configuration, indented: false), as: UTF8.self)
        ]
    }

    package var summary: TaskSummary {
        let count = Int(exactly: configuration.parameterCount) ?? .max
        return TaskSummary(
            name: "codes",
            description: "GPT over images' codes, \(count) parameters, on \(training.shape[0]) images of "
                + stage.training.name,
            parameterCount: count, lossUnit: "code", exampleUnit: "image",
            settings: [
                Setting(
                    "model",
                    "width \(configuration.width), \(configuration.layers) layers, \(configuration.heads) heads"
                ),
                Setting(
                    "codes",
                    "\(stage.configuration.rows) by \(stage.configuration.columns) of \(stage.configuration.codes) an "
                        + "image, of the run \(options.from)"),
                Setting("images", "\(training.shape[0]) to train on, \(heldOut.shape[0]) held out"),
                Setting(
                    "Frechet distance",
                    stage.features.map { "of \(options.images) drawn images, in the features of \($0.name)" }
                        ?? "left out: the first stage names no classifier of such images"),
                Setting("batch", "\(batch) images"),
            ], data: stage.training.name)
    }

    package func makeModel(seed: UInt64) throws -> GPT {
        GPT(configuration, using: try RandomGenerator(seed: seed))
    }

    /// Sequences [images, codes] as inputs that begin with the mark, and their codes as targets.
    private func examples(_ codes: Tensor) -> SupervisedBatch {
        let marks = Tensor(
            [Int64](repeating: Int64(configuration.vocabulary - 1), count: codes.shape[0]),
            shape: [codes.shape[0], 1])
        let shifted = codes.narrowed(1, from: 0, length: codes.shape[1] - 1)
        return SupervisedBatch(inputs: .concatenated([marks, shifted], along: 1), targets: codes)
    }

    package func makeBatches(seed: UInt64) throws -> ShuffledBatches {
        let all = examples(training)
        return try ShuffledBatches(inputs: all.inputs, targets: all.targets, batchSize: batch, seed: seed)
    }

    package func objective(of model: GPT, on batch: SupervisedBatch) throws -> Objective {
        try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
    }

    /// Mean nats per code over the held-out images.
    package func validationLoss(of model: GPT) throws -> Double {
        try validationLoss(of: model, on: 0..<heldOut.shape[0])
    }

    package func validationParts(of model: GPT) throws -> [Double] {
        try Self.validationLosses(of: heldOut.shape[0]) { try validationLoss(of: model, on: $0) }
    }

    private func validationLoss(of model: GPT, on range: Range<Int>) throws -> Double {
        try meanLoss(of: model, on: range, by: 256) {
            examples(heldOut.narrowed(0, from: $0.lowerBound, length: $0.count))
        }
    }

    /// The Frechet distance of drawn images from the held-out ones.
    package func measures(of model: GPT) throws -> [TaskMeasure] {
        guard isFinal, let features = stage.features else { return [] }
        var (own, reference): ([Tensor], [Tensor]) = ([], [])
        try stage.forEachBatch(of: 0..<stage.evaluated.count) { reference.append(try features($0.inputs)) }
        let drawn = try draw(options.images, from: model)
        for first in Swift.stride(from: 0, to: options.images, by: 256) {
            let length = min(256, options.images - first)
            own.append(try features(drawn.narrowed(0, from: first, length: length)))
        }
        let estimate = try FrechetEstimate(
            of: .concatenated(own), from: .concatenated(reference), isPaired: false)
        return [
            TaskMeasure(
                "Frechet distance of samples", estimate.distance, interval: estimate.interval, better: .lower)
        ]
    }

    package func exhibits(of model: GPT) throws -> [TaskExhibit] {
        let drawn = try draw(36, from: model).rasterImages()
        return [
            .pictures(
                PictureGrid(
                    title: "Samples",
                    caption:
                        "Codes drawn by the GPT at temperature \(options.temperature), decoded by the first stage.",
                    rows: (0..<3).map { Array(drawn[12 * $0..<12 * $0 + 12]) }))
        ]
    }

    /// Images drawn from the model, as intensities [images, channels, height, width]; always the same for the same weights.
    func draw(_ count: Int, from model: GPT) throws -> Tensor {
        let generator = try RandomGenerator(seed: 0)
        let sizes = stage.configuration
        var images: [Tensor] = []
        for first in Swift.stride(from: 0, to: count, by: 256) {
            let rows = min(256, count - first)
            var tokens = Tensor(
                [Int64](repeating: Int64(sizes.codes), count: rows), shape: [rows, 1])
            for place in 0..<configuration.context {
                try Interruption.poll()
                let logits = model(tokens).selecting(1, place).narrowed(1, from: 0, length: sizes.codes)
                let next = (logits / options.temperature).softmax(along: -1).sampledCategories(
                    using: generator)
                tokens = .concatenated([tokens, next.unsqueezed(1)], along: 1)
            }
            let codes = tokens.narrowed(1, from: 1, length: configuration.context)
                .reshaped([rows, sizes.rows, sizes.columns])
            let outputs = decoder.outputs(ofCodes: codes)
            images.append(
                try stage.pixels.distribution(of: outputs).intensities(among: stage.pixels.levels))
        }
        return .concatenated(images)
    }
}
