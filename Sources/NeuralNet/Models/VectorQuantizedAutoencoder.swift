import Torch

/// An autoencoder whose code is a grid of entries of a codebook (van den Oord et al. 2017): an encoder makes the image
/// smaller, each of its vectors is replaced by the nearest code, and a decoder computes the parameters of a distribution of
/// every channel of every pixel.
///
/// The convolutional encoder is a convolution of 3 by 3, then for each halving a convolution of 4 by 4 with stride 2
/// followed by residual blocks x + conv1x1(relu(conv3x3(relu(norm x)))), and a convolution of 1 by 1 to the width of a code;
/// the decoder is its mirror image, with a convolution and ``PixelShuffle`` for each doubling. The norm is ``GroupNorm`` of
/// one group, so that images stay independent of each other.
public final class VectorQuantizedAutoencoder: Module {
    /// The sizes of this model.
    public let configuration: Configuration
    /// From images [batch, channels, height, width] to vectors [batch, code width, rows, columns].
    public let encoder: Sequential
    /// The codebook.
    public let quantizer: VectorQuantizer
    /// From codes' vectors to [batch, channels * outputs, height, width].
    public let decoder: Sequential

    /// Draws a model. Sizes that no model can have give one whose outputs are failed tensors with the reason.
    public init(_ configuration: Configuration, dtype: DType = .float32, using generator: RandomGenerator) {
        self.configuration = configuration
        if let complaint = configuration.complaint {
            encoder = Sequential([Linear(failing: complaint)])
            quantizer = VectorQuantizer(codes: 1, width: 1, dtype: dtype, using: generator)
            decoder = Sequential([])
            return
        }
        encoder = LayerList(configuration.encoderLayers).makeLayers(dtype: dtype, using: generator)
        quantizer = VectorQuantizer(
            codes: configuration.codes, width: configuration.codeWidth, learning: configuration.learning,
            decay: configuration.decay, restartAfter: configuration.restartAfter, dtype: dtype,
            using: generator)
        decoder = LayerList(configuration.decoderLayers).makeLayers(dtype: dtype, using: generator)
    }

    /// The outputs for images with the codes that stand for them.
    public struct Reconstruction {
        /// The parameters of the distribution of each channel of each pixel, [batch, channels, height, width, outputs].
        public let outputs: Tensor
        /// The codes, [batch, rows, columns], and the terms by which encoder and codebook learn.
        public let quantized: VectorQuantizer.Quantized
    }

    /// Encodes and decodes images [batch, channels, height, width].
    public func callAsFunction(_ images: Tensor) -> Reconstruction {
        let quantized = quantizer(vectors(of: images))
        return Reconstruction(outputs: decoded(quantized.output), quantized: quantized)
    }

    /// The codes of images, int64 [batch, rows, columns].
    public func codes(of images: Tensor) -> Tensor { quantizer(vectors(of: images)).codes }

    /// The outputs for codes [batch, rows, columns], as those of an image.
    public func outputs(ofCodes codes: Tensor) -> Tensor { decoded(quantizer.vectors(of: codes)) }

    /// The encoder's vectors [batch, rows, columns, code width].
    private func vectors(of images: Tensor) -> Tensor {
        encoder(images).transposed(1, 2).transposed(2, 3)
    }

    /// The decoder's outputs for vectors [batch, rows, columns, code width].
    private func decoded(_ vectors: Tensor) -> Tensor {
        decoder(vectors.transposed(2, 3).transposed(1, 2))
            .unflattened(1, into: [configuration.channels, configuration.outputs])
            .transposed(2, 3).transposed(3, 4)
    }
}

extension VectorQuantizedAutoencoder {
    /// The sizes of a model.
    public struct Configuration: Hashable, Codable, Sendable {
        /// The height of an image in pixels.
        public var height: Int
        /// The width of an image in pixels.
        public var width: Int
        /// The channels of a pixel: 1 or 3.
        public var channels: Int
        /// The parameters of the distribution of a channel of a pixel.
        public var outputs: Int
        /// The number of codes.
        public var codes: Int
        /// The length of a code's vector.
        public var codeWidth: Int
        /// The channels between the layers.
        public var hidden: Int
        /// The residual blocks at each resolution.
        public var blocks: Int
        /// How often both sides are halved.
        public var halvings: Int
        /// How the codebook learns.
        public var learning: VectorQuantizer.Learning
        /// The decay of a codebook's moving averages.
        public var decay: Double
        /// The steps after which an unused code is restarted; 0 for never.
        public var restartAfter: Int

        /// Describes a model.
        public init(
            height: Int, width: Int, channels: Int, outputs: Int, codes: Int, codeWidth: Int, hidden: Int,
            blocks: Int, halvings: Int, learning: VectorQuantizer.Learning = .average, decay: Double = 0.99,
            restartAfter: Int = 20
        ) {
            (self.height, self.width, self.channels) = (height, width, channels)
            (self.outputs, self.codes, self.codeWidth) = (outputs, codes, codeWidth)
            (self.hidden, self.blocks, self.halvings) = (hidden, blocks, halvings)
            (self.learning, self.decay, self.restartAfter) = (learning, decay, restartAfter)
        }

        /// The pixels of an image on a side of one code.
        public var patch: Int { 1 << halvings }
        /// The rows of codes of an image.
        public var rows: Int { height / patch }
        /// The columns of codes of an image.
        public var columns: Int { width / patch }

        /// Why no model can have these sizes; nil if one can.
        package var complaint: String? {
            let sizes = [
                ("height", height), ("width", width), ("channels", channels), ("outputs", outputs),
                ("codes", codes), ("code width", codeWidth), ("hidden width", hidden),
            ]
            for (name, value) in sizes where !(1...1 << 20).contains(value) {
                return "a \(name) of \(value) must lie between 1 and \(1 << 20)"
            }
            guard (0...10).contains(halvings), (0...1000).contains(blocks) else {
                return "\(halvings) halvings and \(blocks) blocks are not from 0 to 10 and from 0 to 1000"
            }
            if height % patch != 0 || width % patch != 0 {
                return "images of \(width) by \(height) pixels cannot be halved \(halvings) times"
            }
            if !(0..<1).contains(decay) || restartAfter < 0 {
                return "a codebook's decay lies in [0, 1), and a restart after 0 steps or more"
            }
            return nil
        }

        /// The number of elements of all trained parameters; it may be beyond any integer.
        package var parameterCount: Double {
            let book = learning == .gradient ? Double(codes) * Double(codeWidth) : 0
            let shapes = [encoderLayers, decoderLayers].flatMap { LayerList($0).parameterShapes ?? [] }
            return shapes.reduce(book) { sum, parameter in
                sum + parameter.shape.reduce(1.0) { $0 * Double($1) }
            }
        }
    }
}

extension VectorQuantizedAutoencoder.Configuration {
    private func convolution(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1)
        -> any LayerDescription
    {
        let padding = (kernel - 1) / 2
        return Conv2d.Description(
            inputs: inputs, outputs: outputs, kernel: [kernel, kernel], stride: [stride, stride],
            padding: [padding, padding])
    }

    private var residualBlocks: [any LayerDescription] {
        (0..<blocks).map { _ in
            Residual.Description([
                GroupNorm.Description(groups: 1, channels: hidden), ReLU.Description(),
                convolution(hidden, hidden, kernel: 3), ReLU.Description(),
                convolution(hidden, hidden, kernel: 1),
            ])
        }
    }

    /// The encoder's layers.
    var encoderLayers: [any LayerDescription] {
        var layers = [convolution(channels, hidden, kernel: 3)]
        for _ in 0..<halvings {
            layers += [ReLU.Description(), convolution(hidden, hidden, kernel: 4, stride: 2)]
            layers += residualBlocks
        }
        return layers + [convolution(hidden, codeWidth, kernel: 1)]
    }

    /// The decoder's layers.
    var decoderLayers: [any LayerDescription] {
        var layers = [convolution(codeWidth, hidden, kernel: 1)]
        for _ in 0..<halvings {
            layers += residualBlocks
            layers += [
                ReLU.Description(), convolution(hidden, 4 * hidden, kernel: 1),
                PixelShuffle.Description(factor: 2),
            ]
        }
        return layers + [ReLU.Description(), convolution(hidden, channels * outputs, kernel: 3)]
    }
}
