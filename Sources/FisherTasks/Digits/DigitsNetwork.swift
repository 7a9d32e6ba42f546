import Fisher
import FisherOptions
import Foundation

/// The networks that learn the digits.
public enum DigitsNetwork: String, CaseIterable, OptionValue {
    /// 64-128-64-32-8-32-64-128-64 with Bernoulli pixels: the deep autoencoder of the literature on second-order
    /// methods (Hinton and Salakhutdinov 2006; Martens and Grosse 2015), scaled to 8 by 8 pixels.
    case autoencoder
    /// Two convolutions of 3 by 3 with 16 and 32 channels, each followed by a pooling of 2 by 2, and a linear
    /// layer: a classifier.
    case cnn
    /// 64-32-10, a classifier of 2,410 parameters: small enough for the whole Fisher information.
    case perceptron
    /// An LSTM of width 24 that reads an image row by row, the mean of its hidden states over the eight rows, and a linear
    /// layer: a classifier of 3,514 parameters.
    case lstm

    /// The activation between its layers.
    public enum Activation: String, CaseIterable, OptionValue {
        /// The network's own: tanh for the autoencoder and the perceptron, relu for the convolutions. The LSTM has no
        /// layers that it would stand between.
        case own
        /// The hyperbolic tangent.
        case tanh
        /// The rectifier.
        case relu
    }

    /// The network's default activation.
    public var activation: Activation { self == .cnn ? .relu : .tanh }

    /// The widths of the autoencoder.
    static let widths = [64, 128, 64, 32, 8, 32, 64, 128, 64]

    /// The layers, and what their outputs are.
    public func specification(_ activation: Activation) -> NetworkSpecification {
        let chosen = activation == .own ? self.activation : activation
        let between: any LayerDescription =
            chosen == .tanh ? Tanh.Description() : ReLU.Description()
        var layers: [any LayerDescription] = []
        switch self {
        case .autoencoder:
            for (inputs, outputs) in zip(DigitsNetwork.widths, DigitsNetwork.widths.dropFirst()) {
                layers += layers.isEmpty ? [] : [between]
                layers.append(Linear.Description(inputs: inputs, outputs: outputs))
            }
        case .cnn:
            for (inputs, outputs) in [(1, 16), (16, 32)] {
                layers += [
                    Conv2d.Description(inputs: inputs, outputs: outputs, kernel: [3, 3], padding: [1, 1]),
                    between, MaxPool2d.Description(kernel: 2),
                ]
            }
            layers += [
                Flatten.Description(),
                Linear.Description(inputs: 32 * 2 * 2, outputs: Digits.classCount),
            ]
        case .perceptron:
            layers = [
                Linear.Description(inputs: Digits.side * Digits.side, outputs: 32), between,
                Linear.Description(inputs: 32, outputs: Digits.classCount),
            ]
        case .lstm:
            layers = [
                LSTM.Description(inputs: Digits.side, width: 24), MeanOverPositions.Description(),
                Linear.Description(inputs: 24, outputs: Digits.classCount),
            ]
        }
        do throws(NetworkSpecificationError) {
            return try NetworkSpecification(
                layers: layers, likelihood: self == .autoencoder ? Bernoulli.name : Categorical.name)
        } catch {
            preconditionFailure("the layers of \(rawValue): \(error)")
        }
    }

    /// A network with first weights from a generator. The autoencoder's are Glorot's: the layers' own are so
    /// small that signals vanish over eight of them.
    func makeNetwork(_ activation: Activation, using generator: RandomGenerator) throws -> Sequential {
        let network = specification(activation).makeNetwork(using: generator)
        guard self == .autoencoder else { return network }
        for layer in network.layers {
            guard let linear = layer as? Linear else { continue }
            let values = Initializer.glorotUniform(linear.weight.shape, using: generator)
            try linear.$weight.assign(values)
        }
        return network
    }

    /// All images as the network's inputs, with the values to predict.
    func examples(of digits: Digits) -> SupervisedBatch {
        let images = digits.images
        return SupervisedBatch(
            inputs: inputs(of: images), targets: self == .autoencoder ? images : digits.targets)
    }

    /// Images of 64 pixels, [images, ...], in the shape that the network takes.
    func inputs(of images: Tensor) -> Tensor {
        switch self {
        case .autoencoder, .perceptron: images.reshaped([-1, Digits.pixelCount])
        case .cnn: images.reshaped([-1, 1, Digits.side, Digits.side])
        case .lstm: images.reshaped([-1, Digits.side, Digits.side])
        }
    }
}
