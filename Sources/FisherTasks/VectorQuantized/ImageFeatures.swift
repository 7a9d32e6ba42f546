internal import CDigits
import Fisher
import FisherTraining

/// A trained classifier as a map from images to features: what its last linear layer reads.
struct ImageFeatures {
    /// What the classifier is, for readers.
    let name: String
    private let model: any Module
    private let forward: (Tensor) -> Tensor

    /// Wraps a classifier of intensities [images, channels, height, width].
    init(name: String, model: any Module, forward: @escaping (Tensor) -> Tensor) {
        self.name = name
        self.model = model
        self.forward = forward
        model.setTraining(false)
    }

    /// The features [images, features] of intensities; throws what the classifier could not compute.
    func callAsFunction(_ intensities: Tensor) throws -> Tensor {
        let recorder = ActivationRecorder()
        try withoutGradients { try model.capturing(by: recorder) { try forward(intensities).check() } }
        guard let last = recorder.uses.last else {
            throw ConfigurationError("\(name) has no layer whose inputs are features")
        }
        return last.input.flattened(from: 1)
    }
}

// Where classifiers come from.
extension ImageFeatures {
    /// The classifier of the digits that is part of the program.
    ///
    /// - Parameter watch: receives its logits, [images, 10].
    static func bundled(_ watch: @escaping (Tensor) -> Void = { _ in }) throws -> ImageFeatures {
        let count = fisher_digits_features_size() / MemoryLayout<Float>.stride
        let bytes = UnsafeRawBufferPointer(
            start: fisher_digits_features(), count: fisher_digits_features_size())
        var values = (0..<count).map { place in
            Float(
                bitPattern: UInt32(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * place, as: UInt32.self)))
        }[...]
        let model = try DigitsNetwork.cnn.makeNetwork(.own, using: try RandomGenerator(seed: 0))
        for named in model.parameters {
            let shape = named.parameter.wrappedValue.shape
            let size = shape.reduce(1, *)
            try named.parameter.assign(Tensor(Array(values.prefix(size)), shape: shape))
            values = values.dropFirst(size)
        }
        precondition(values.isEmpty, "the bundled features are those of another network")
        return ImageFeatures(name: "the bundled classifier of digits", model: model) { images in
            let logits = model(images)
            watch(logits)
            return logits
        }
    }

    /// The classifier of a finished run of the task `digits` or `images`.
    ///
    /// - Throws: `ConfigurationError` for a run of another task or network, or of images of another size, and what reading
    ///   the run throws.
    static func run(at path: String, for images: PixelImages) throws -> ImageFeatures {
        let place = try SavedModel(at: path)
        switch try place.task {
        case DigitsTask.name?:
            let task = try place.makeTask(DigitsTask.self)
            guard task.network != .autoencoder else {
                throw ConfigurationError(
                    "data.features: \(path) is a run of an autoencoder, not of a classifier")
            }
            guard images.height == Digits.side, images.width == Digits.side, images.channels == 1 else {
                throw ConfigurationError(
                    "data.features: \(path) classifies images of 8 by 8 gray pixels, not of "
                        + "\(images.width) by \(images.height) with \(images.channels) channels")
            }
            let model = try task.makeModel(seed: 0)
            try model.load(from: place.weights)
            return ImageFeatures(name: "the classifier \(path)", model: model) {
                model(task.network.inputs(of: $0))
            }
        case ImagesTask.name?:
            let task = try place.makeTask(ImagesTask.self)
            let (own, channels) = (task.training.size, task.training.channels)
            guard images.height == own.height, images.width == own.width, images.channels == channels else {
                throw ConfigurationError(
                    "data.features: \(path) classifies images of \(own.width) by \(own.height) with \(channels) channels, "
                        + "not of \(images.width) by \(images.height) with \(images.channels)")
            }
            let model = try task.makeModel(seed: 0)
            try model.load(from: place.weights)
            let normalization = task.normalization
            return ImageFeatures(name: "the classifier \(path)", model: model) {
                model(normalization.inputs($0))
            }
        case let other:
            throw ConfigurationError(
                "data.features: \(path) is \(other.map { "a run of the task \($0)" } ?? "no run"), not of a classifier of "
                    + "images: name a run of the task digits or images")
        }
    }
}

extension SavedModel {
    /// The task of the run, made again from its configuration.
    func makeTask<Task: ConfigurableTask>(_: Task.Type) throws -> Task {
        let layers =
            try configuration.map { [try ConfigurationLayer(tomlFile: $0, followingLinks: false)] } ?? []
        return try Task(try ResolvedConfiguration<Task.Options>(layers).value.task)
    }
}
