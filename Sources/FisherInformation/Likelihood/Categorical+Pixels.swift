import NeuralNet
import Torch

extension Categorical {
    /// The likelihood of images whose every channel of every pixel takes one of some levels.
    ///
    /// A position is a channel of a pixel, so the loss is in nats per subpixel (divide by log 2 for bits per
    /// dimension). The targets are the levels themselves, of any integer type, shape [images, channels,
    /// height, width]. `logits` of the likelihood, and all that is in the outputs' shape, is [images,
    /// channels, height, width, levels].
    ///
    /// - Parameters:
    ///   - logits: what a convolution computes, shape [images, channels * levels, height, width], the levels of
    ///     the first channel first.
    ///   - levels: the number of levels, 256 for bytes.
    public init(pixelLogits logits: Tensor, levels: Int = 256) {
        if logits.failure != nil {
            self.init(logits: logits)
        } else if levels > 0, logits.rank == 4, logits.shape[1] % levels == 0 {
            let split = logits.unflattened(1, into: [logits.shape[1] / levels, levels])
            self.init(logits: split.transposed(2, 3).transposed(3, 4))
        } else {
            self.init(
                logits: Tensor(
                    failed: TorchError(
                        message: "pixel logits of shape \(logits.shape) are not "
                            + "[images, channels * \(levels), height, width]")))
        }
    }
}

extension Categorical {
    /// The description of a likelihood of images in JSON: `"categorical_pixels"` for 256 levels, or
    /// `{"categorical_pixels": {"levels": 4}}`. The outputs are those of a convolution, [images, channels * levels, height,
    /// width].
    public struct PixelDescription: LikelihoodDescription {
        public static let kind = "categorical_pixels"
        public static let shortForm = ["levels"]
        public static var options: [LayerOption<Self>] { [.optional("levels", \.levels, .size(from: 2))] }
        var levels = 256

        public init() {}

        public func likelihood(of outputs: Tensor) -> Categorical {
            Categorical(pixelLogits: outputs, levels: levels)
        }

        public func targetDType(forOutputs dtype: DType, given: DType) -> DType { .int64 }
    }
}
