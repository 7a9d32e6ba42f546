import Fisher
import FisherMedia
import FisherOptions
import FisherTraining

/// The options of the task on vector-quantized images.
package struct VectorQuantizedOptions: ConfigurableOptions {
    /// A folder of images; the digits if there is none.
    @Configurable(
        "data.images",
        "folder of PNG or JPEG files (one folder a class), CIFAR-10 or IDX files; none: the digits")
    package var images = ""
    /// The side to which image files are scaled; 0 for their own size.
    @Configurable(
        "data.side", .between(0, 4096), "pixels on a side to which image files are scaled; 0: their own size")
    package var side = 0
    /// The levels of a channel; 0 for the data's own.
    @Configurable(
        "data.levels", .between(0, 256), "levels of a channel; 0: the data's own, 17 for the digits, else 256"
    )
    package var levels = 0
    /// Images in a step.
    @Configurable("data.batch", .between(1, 1 << 20), "images in a step")
    package var batch = 64
    /// The share of the images that is held out, where the data come in one part.
    @Configurable(
        "data.test_share", .fraction, "share of the images that is held out, where the data do not say")
    package var testShare = 0.25
    /// The seed by which they are chosen.
    @Configurable("data.split_seed", .nonNegative, "seed by which they are chosen, the same for all runs")
    package var splitSeed = 0
    /// The most held-out images that an evaluation looks at.
    @Configurable("data.validation_images", .atLeast(2), "most held-out images that an evaluation looks at")
    package var validationImages = 2048
    /// The run of a classifier in whose features Frechet distances are taken.
    @Configurable(
        "data.features",
        "run of a classifier in whose features the Frechet distance is taken; none: that of the digits, for the digits"
    )
    package var features = ""
    /// The distribution of a channel of a pixel.
    @Configurable(
        "model.likelihood",
        "of a channel of a pixel: categorical, gaussian, gaussian_learned or logit_laplace")
    package var likelihood = PixelLikelihood.categorical
    /// The variance of the likelihood `gaussian`.
    @Configurable(
        "model.variance", .positive, "variance of the likelihood gaussian, for intensities from 0 to 1")
    package var variance = 0.01
    /// The number of codes.
    @Configurable("model.codes", .between(2, 1 << 20), "codes in the codebook")
    package var codes = 64
    /// The length of a code's vector.
    @Configurable("model.code_width", .between(1, 1 << 16), "numbers of a code")
    package var codeWidth = 16
    /// The channels between the layers.
    @Configurable("model.width", .between(1, 1 << 16), "channels between the layers")
    package var width = 32
    /// The residual blocks at each resolution.
    @Configurable("model.blocks", .between(0, 1000), "residual blocks at each resolution")
    package var blocks = 1
    /// How often both sides are halved.
    @Configurable("model.halvings", .between(0, 10), "how often both sides of an image are halved; 0: never")
    package var halvings = 1
    /// How the codebook learns.
    @Configurable("model.codebook", "learns by average (moving averages) or by gradient")
    package var codebook = VectorQuantizer.Learning.average
    /// The decay of the codebook's averages.
    @Configurable("model.codebook_decay", .decay, "decay of the codebook's moving averages")
    package var codebookDecay = 0.99
    /// The steps after which an unused code is restarted.
    @Configurable(
        "model.restart_after", .atLeast(0), "steps after which a code without a choice is restarted; 0: never"
    )
    package var restartAfter = 20
    /// The weight of the commitment.
    @Configurable(
        "model.commitment", .nonNegative, "weight of the commitment to the chosen codes, an auxiliary term")
    package var commitment = 0.25

    /// The defaults.
    package init() {}
}

extension VectorQuantizer.Learning: OptionValue {}

extension VectorQuantizedTask: ConfigurableTask {
    package static let name = "vq"
    package static func name(with options: Options) -> String { "vq, \(options.likelihood.rawValue)" }
    package static let subject = "an autoencoder whose code is a grid of entries of a codebook"
    package static let remark =
        "Without --images the images are the 1,797 digits of 8 by 8 pixels that are part of the program. "
        + "fisher train codes --from RUN trains a model of the codes of a finished run, which draws new images."
    package static let presets = [
        ConfigurationPreset(
            "digits", ["training.steps": "1000", "optimizer.learning_rate": "0.004"]),
        ConfigurationPreset(
            "color",
            [
                "model.width": "64", "model.blocks": "2", "model.halvings": "2", "model.codes": "512",
                "model.code_width": "32", "training.steps": "5000", "optimizer.learning_rate": "0.001",
            ]),
        ConfigurationPreset(
            "paper",
            [
                "data.side": "256", "model.width": "512", "model.blocks": "5", "model.halvings": "3",
                "model.codes": "8192", "model.code_width": "32", "training.steps": "500000",
                "data.batch": "16", "optimizer.learning_rate": "0.0001",
            ]),
        ConfigurationPreset(
            "nano",
            [
                "model.likelihood": "gaussian", "model.width": "8", "model.code_width": "4",
                "model.codes": "16",
                "training.steps": "300", "optimizer.learning_rate": "0.003",
            ]),
    ]
    package static var smallestPreset: String? { "nano" }

    /// Reads the images and the classifier for Frechet distances, and makes the model that the options describe.
    ///
    /// - Throws: `ConfigurationError` for sizes that no model can have, and what reading images or runs throws.
    package init(_ options: VectorQuantizedOptions) throws {
        let (training, heldOut) = try options.divided()
        try self.init(
            options, training: training, heldOut: heldOut, features: try options.featureExtractor(training))
    }

    package static func afterwards(_ folder: String) -> String? {
        "sample: fisher train codes --from \(folder)"
    }
}

extension VectorQuantizedOptions {
    /// The images to train on and those held out.
    fileprivate func divided() throws -> (training: PixelImages, heldOut: PixelImages) {
        guard levels != 1 else { throw ConfigurationError("data.levels = 1 must be at least 2") }
        guard images.isEmpty else { return try files() }
        let (training, test) = try Digits.all.split(test: testShare, seed: UInt64(splitSeed))
        let count = levels == 0 ? Digits.levelCount : levels
        return (PixelImages(training, levels: count), PixelImages(test, levels: count))
    }

    /// The images of the option, divided as they lie there, or by the share.
    private func files() throws -> (training: PixelImages, heldOut: PixelImages) {
        let size = side > 0 ? ImageSize(height: side, width: side) : nil
        let found = try ImageCollection(at: images, size: size) { _, _ in try Interruption.poll() }
        let count = levels == 0 ? 256 : levels
        let training = PixelImages(found.training, levels: count)
        if let heldOut = found.heldOut { return (training, PixelImages(heldOut, levels: count)) }
        return try training.split(heldOut: testShare, seed: UInt64(splitSeed))
    }

    /// The classifier of the option, or the bundled one for the digits; nil if there is none.
    fileprivate func featureExtractor(_ images: PixelImages) throws -> ImageFeatures? {
        if !features.isEmpty { return try ImageFeatures.run(at: features, for: images) }
        return self.images.isEmpty ? try ImageFeatures.bundled() : nil
    }

    /// The sizes of the model for images.
    func model(for images: PixelImages) throws(ConfigurationError) -> VectorQuantizedAutoencoder.Configuration
    {
        let sizes = VectorQuantizedAutoencoder.Configuration(
            height: images.height, width: images.width, channels: images.channels,
            outputs: likelihood.outputCount(levels: images.levels), codes: codes, codeWidth: codeWidth,
            hidden: width, blocks: blocks, halvings: halvings, learning: codebook, decay: codebookDecay,
            restartAfter: restartAfter)
        if let complaint = sizes.complaint { throw ConfigurationError("[model] \(complaint)") }
        return sizes
    }
}
