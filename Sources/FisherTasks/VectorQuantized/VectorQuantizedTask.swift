import Fisher
import FisherTraining
import Foundation

/// Vector-quantized images: an autoencoder whose code is a grid of entries of a codebook reconstructs held-out images.
///
/// The loss is the mean negative log-likelihood of a channel of a pixel; commitment and codebook losses are auxiliaries of
/// the objective, which the Fisher information does not see.
package struct VectorQuantizedTask: TrainingTask {
    /// The sizes of the model.
    package let configuration: VectorQuantizedAutoencoder.Configuration
    /// Images in a step.
    package let batch: Int
    let options: VectorQuantizedOptions
    let training: PixelImages
    let heldOut: PixelImages
    /// The places of the held-out images that an evaluation looks at.
    let evaluated: [Int]
    /// The classifier for Frechet distances; nil if there is none.
    let features: ImageFeatures?
    let pixels: PixelModel

    package let dataFingerprint: String

    /// Joins options and images.
    ///
    /// - Throws: `ConfigurationError` for a batch that is larger than the training side, and for sizes that no model can
    ///   have; `TorchError` if the model or a batch does not fit into memory.
    init(
        _ options: VectorQuantizedOptions, training: PixelImages, heldOut: PixelImages,
        features: ImageFeatures?
    ) throws {
        guard (1...max(training.count, 1)).contains(options.batch) else {
            throw ConfigurationError(
                "data.batch = \(options.batch) cannot be taken from \(training.count) images")
        }
        self.options = options
        self.training = training
        self.heldOut = heldOut
        self.features = features
        batch = options.batch
        configuration = try options.model(for: training)
        pixels = PixelModel(
            likelihood: options.likelihood, levels: training.levels, variance: options.variance)
        let count = min(options.validationImages, heldOut.count)
        evaluated = (0..<count).map { $0 * heldOut.count / count }
        dataFingerprint = "\(training.fingerprint)-\(heldOut.fingerprint)-\(training.levels)"
        try requireMemory(8 * configuration.parameterCount, for: "the model with its gradients")
        let outputs = Double(configuration.outputs) * Double(training.elementCount)
        try requireMemory(8 * Double(batch) * outputs, for: "the outputs of a batch of \(batch) images")
    }

    package func tuningTask() throws -> VectorQuantizedTask {
        let (training, heldOut) = try training.split(
            heldOut: options.testShare, seed: UInt64(options.splitSeed) &+ 1)
        return try VectorQuantizedTask(options, training: training, heldOut: heldOut, features: features)
    }

    package var examplesPerStep: Int { batch }

    package var modelMetadata: [String: String] {
        [
            "swift_fisher_vq": String(
                decoding: StoredJSON.encode(configuration, indented: false), as: UTF8.self)
        ]
    }

    package var summary: TaskSummary {
        let sizes = configuration
        let count = Int(exactly: sizes.parameterCount) ?? .max
        let book =
            options.codebook == .average
            ? "moving average of decay \(options.codebookDecay)" : "its gradient"
        let restarts =
            options.restartAfter > 0
            ? "restarts after \(options.restartAfter) steps without a choice" : "no restarts"
        return TaskSummary(
            name: Self.name(with: options),
            description: "vector-quantized autoencoder, \(count) parameters, on \(training.count) images of "
                + "\(sizes.width) by \(sizes.height) pixels of \(training.name)",
            parameterCount: count, lossUnit: "dimension", exampleUnit: "image",
            settings: [
                Setting(
                    "model",
                    "width \(sizes.hidden), \(sizes.blocks) blocks at each of \(sizes.halvings) halvings, an image as "
                        + "\(sizes.rows) by \(sizes.columns) codes of \(sizes.codes)"),
                Setting("codebook", "learns by \(book), \(restarts), commitment \(options.commitment)"),
                Setting(
                    "likelihood",
                    options.likelihood.rawValue
                        + (options.likelihood == .gaussian ? " of variance \(options.variance)" : "")
                        + ", \(training.levels) levels"),
                Setting(
                    "images",
                    "\(training.count) to train on, \(heldOut.count) held out, of which \(evaluated.count) are looked at"
                ),
                Setting(
                    "Frechet distance",
                    features.map { "in the features of \($0.name)" }
                        ?? "left out: there is no classifier of such images"),
                Setting("batch", "\(batch) images"),
            ], data: training.name)
    }

    package func makeModel(seed: UInt64) throws -> VectorQuantizedAutoencoder {
        VectorQuantizedAutoencoder(configuration, using: try RandomGenerator(seed: seed))
    }

    package func makeBatches(seed: UInt64) throws -> SampleBatches {
        SampleBatches(count: training.count, batch: batch, seed: seed, reading: training.batch)
    }

    package func makeMemory(of model: VectorQuantizedAutoencoder, seed: UInt64) -> VectorQuantizedMemory {
        VectorQuantizedMemory(batch: batch)
    }

    package func objective(
        of model: VectorQuantizedAutoencoder, on batch: SupervisedBatch
    ) throws -> Objective {
        let made = model(batch.inputs)
        try made.outputs.check()
        var auxiliaries: [Objective.Auxiliary] = []
        if options.commitment > 0 {
            auxiliaries.append(.init("commitment", made.quantized.commitment * options.commitment))
        }
        if let loss = made.quantized.codebookLoss { auxiliaries.append(.init("codebook", loss)) }
        return try pixels.distribution(of: made.outputs).objective(
            of: batch.targets, among: pixels.levels, auxiliaries: auxiliaries)
    }

    /// Mean nats per channel of a pixel over the held-out images, of the likelihood alone.
    package func validationLoss(of model: VectorQuantizedAutoencoder) throws -> Double {
        try validationLoss(of: model, on: 0..<evaluated.count)
    }

    package func validationParts(of model: VectorQuantizedAutoencoder) throws -> [Double] {
        try Self.validationLosses(of: evaluated.count) { try validationLoss(of: model, on: $0) }
    }

    private func validationLoss(
        of model: VectorQuantizedAutoencoder, on range: Range<Int>
    ) throws -> Double {
        try meanLoss(of: model, on: range, by: 256) { try heldOut.batch(at: Array(evaluated[$0])) }
    }

    /// Passes the evaluated held-out images of a range in batches.
    func forEachBatch(of range: Range<Int>, _ take: (SupervisedBatch) throws -> Void) throws {
        for first in stride(from: range.lowerBound, to: range.upperBound, by: 256) {
            try Interruption.poll()
            try take(try heldOut.batch(at: Array(evaluated[first..<min(first + 256, range.upperBound)])))
        }
    }
}
