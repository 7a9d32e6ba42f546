import Fisher
import FisherTraining
import Foundation

/// Handwritten digits: an autoencoder that draws them again, or a classifier that names them.
///
/// The autoencoder's loss is the negative log-likelihood of an image's 64 pixels, each a bit that is randomly
/// rounded from its shade: it cannot fall below the entropy of that rounding, about 13.7 nats an image.
public struct DigitsTask: TrainingTask {
    /// The network.
    public let network: DigitsNetwork
    /// What stands between its layers.
    public let activation: DigitsNetwork.Activation
    /// The images to train on.
    public let training: Digits
    /// The images that are held out.
    public let test: Digits
    /// Images in a step.
    public let batch: Int
    /// Further settings for readers, shown after the task's own.
    public var settings: [Setting]

    public let dataFingerprint: String

    /// Joins a network and images; throws a batch that is larger than the training side.
    ///
    /// - Parameters:
    ///   - network: the network.
    ///   - activation: what stands between its layers; the network's own unless given.
    ///   - training: the images to train on.
    ///   - test: the images that are held out.
    ///   - batch: images in a step.
    ///   - settings: further settings for readers, shown after the task's own.
    public init(
        _ network: DigitsNetwork, activation: DigitsNetwork.Activation? = nil, training: Digits,
        test: Digits, batch: Int, settings: [Setting] = []
    ) throws(DigitsError) {
        guard (1...max(training.count, 1)).contains(batch), test.count > 0 else {
            throw .badBatch(size: batch, count: training.count)
        }
        self.network = network
        self.activation = activation ?? network.activation
        self.training = training
        self.test = test
        self.batch = batch
        self.settings = settings
        dataFingerprint = String(training.fingerprint &* 31 &+ test.fingerprint, radix: 16)
    }

    public var examplesPerStep: Int { batch }

    /// The network as JSON, as `fisher information` reads it.
    public var modelMetadata: [String: String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(network.specification(activation)) else {
            preconditionFailure("a specification can be written")
        }
        return ["swift_fisher_network": String(decoding: data, as: UTF8.self)]
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
            }
        return TaskSummary(
            name: "digits, \(network.rawValue)",
            description:
                "\(what), \(count) parameters, on \(training.count) handwritten digits of 8 by 8 pixels",
            parameterCount: count, lossUnit: "image",
            settings: [
                Setting("model", "\(layers), \(activation.rawValue)"),
                Setting(
                    "images", "\(training.count) to train on, \(test.count) held out, UCI optical digits"),
                Setting("batch", "\(batch) images"),
            ] + settings)
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
        case .cnn, .perceptron:
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
        }
    }

    /// Mean nats an image over the images held out.
    public func validationLoss(of model: Sequential) throws -> Double {
        var (sum, count) = (0.0, 0)
        let examples = network.examples(of: test)
        for first in stride(from: 0, to: test.count, by: 512) {
            try Interruption.poll()
            let part = examples.slice(first..<min(first + 512, test.count))
            let objective = try objective(of: model, on: part)
            sum += try objective.negativeLogLikelihood.item()
            count += objective.observationCount
        }
        return sum / Double(count)
    }

    /// The share of held-out images whose figure a classifier names; nothing for the autoencoder.
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
