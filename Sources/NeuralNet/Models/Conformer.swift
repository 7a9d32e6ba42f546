import Torch

/// A Conformer (Gulati et al. 2020): an encoder of speech from convolutions and attention, with a head of connectionist
/// temporal classification or of a transducer.
///
/// Features are subsampled by 4 along time, and go through blocks of feed-forward, rotary self-attention and convolution.
/// Utterances of different lengths share a batch: padding never reaches a value or a gradient of what is there.
public final class Conformer: Module {
    /// The sizes of this model.
    public let configuration: Configuration
    /// The convolutions that reduce the frames to a quarter.
    public let subsampling: ConvolutionalSubsampling
    /// The blocks, the one next to the input first.
    public let blocks: [ConformerBlock]
    /// The map to logits of connectionist temporal classification; nil for a transducer.
    public let classifier: Linear?
    /// The prediction network and the joint of a transducer; nil for connectionist temporal classification.
    public let transducer: TransducerHead?

    /// Draws a model: linear maps and convolutions from U(-a, a) with a = 1 / sqrt(inputs), biases zero, norms one.
    ///
    /// Sizes that no model can have give a model without blocks whose outputs are failed tensors with the reason, which
    /// `Configuration.complaint` names.
    public init(_ configuration: Configuration, dtype: DType = .float32, using generator: RandomGenerator) {
        self.configuration = configuration
        if let complaint = configuration.complaint {
            subsampling = ConvolutionalSubsampling(failing: complaint, using: generator)
            (blocks, classifier, transducer) = ([], Linear(failing: complaint), nil)
            return
        }
        let width = configuration.width
        subsampling = ConvolutionalSubsampling(configuration, dtype: dtype, using: generator)
        blocks = (0..<configuration.layers).map { _ in
            ConformerBlock(configuration, dtype: dtype, using: generator)
        }
        classifier =
            configuration.head == .ctc
            ? Linear(width, configuration.classes, dtype: dtype, using: generator) : nil
        transducer =
            configuration.head == .transducer
            ? TransducerHead(configuration, dtype: dtype, using: generator) : nil
    }

    /// The encodings [batch, positions, width] of features [batch, frames, mels], and the number of positions of each
    /// utterance, a quarter of its frames rounded up.
    ///
    /// Costs are linear in the frames but for the attention, which is quadratic. Counts that do not fit the features give
    /// a failed tensor.
    ///
    /// - Parameters:
    ///   - features: the features; what lies behind the end of an utterance has no effect.
    ///   - frameCounts: the frames of each utterance, from 1 to all.
    public func encode(features: Tensor, frameCounts: [Int]) -> (encodings: Tensor, frameCounts: [Int]) {
        let counts = frameCounts.map(ConvolutionalSubsampling.positionCount)
        if features.failure != nil { return (features, counts) }
        guard features.rank == 3, features.shape[0] == frameCounts.count,
            features.shape[2] == configuration.mels
        else {
            let message =
                "conformer: features of shape \(features.shape) are not [\(frameCounts.count), frames, "
                + "\(configuration.mels)]"
            return (Tensor(failed: TorchError(message: message)), counts)
        }
        guard frameCounts.allSatisfy({ (1...max(features.shape[1], 1)).contains($0) }) else {
            let message =
                "conformer: utterances of \(frameCounts) frames do not lie in features of \(features.shape[1])"
            return (Tensor(failed: TorchError(message: message)), counts)
        }
        // The residual stream, to which every block adds.
        var hidden = subsampling(features, frameCounts: frameCounts).widenedInAutocast
        if hidden.failure != nil { return (hidden, counts) }
        let padding = SequencePadding(
            counts, length: hidden.shape[1], dtype: hidden.dtype, device: hidden.device)
        let turned = RotaryPositions(
            count: hidden.shape[1], width: configuration.width / configuration.heads, dtype: hidden.dtype,
            device: hidden.device)
        for block in blocks { hidden = block(hidden, padding: padding, turned: turned) }
        return (hidden, counts)
    }

    /// The logits [batch, positions, classes] of connectionist temporal classification, and the number of positions of
    /// each utterance; a failed tensor for a model with a transducer.
    public func logits(features: Tensor, frameCounts: [Int]) -> (logits: Tensor, frameCounts: [Int]) {
        let (encodings, counts) = encode(features: features, frameCounts: frameCounts)
        guard let classifier else {
            return (
                Tensor(failed: TorchError(message: "conformer: a transducer has no logits without labels")),
                counts
            )
        }
        return (classifier(encodings), counts)
    }
}

/// Two convolutions that halve time and frequency, each followed by a rectifier, and a linear map to the width.
public final class ConvolutionalSubsampling: Module {
    /// The first convolution.
    public let first: Conv2d
    /// The second convolution.
    public let second: Conv2d
    /// The map of a position's channels and frequencies to the width.
    public let projection: Linear
    let dropout: Dropout

    init(_ configuration: Conformer.Configuration, dtype: DType, using generator: RandomGenerator) {
        let channels = configuration.channels
        first = Conv2d(1, channels, kernel: 3, stride: 2, padding: 1, dtype: dtype, using: generator)
        second = Conv2d(channels, channels, kernel: 3, stride: 2, padding: 1, dtype: dtype, using: generator)
        projection = Linear(
            channels * Self.positionCount(configuration.mels), configuration.width, dtype: dtype,
            using: generator)
        dropout = Dropout(configuration.dropout, using: generator)
    }

    /// Convolutions that cannot be, for the reason given, which their output holds.
    init(failing complaint: String, using generator: RandomGenerator) {
        (first, second) = (Conv2d(failing: complaint), Conv2d(failing: complaint))
        projection = Linear(failing: complaint)
        dropout = Dropout(0, using: generator)
    }

    /// A quarter of a number of frames, rounded up.
    package static func positionCount(_ frames: Int) -> Int { halved(halved(frames)) }

    private static func halved(_ count: Int) -> Int { (count + 1) / 2 }

    /// The reduced input [batch, positions, width] of features [batch, frames, mels].
    func callAsFunction(_ features: Tensor, frameCounts: [Int]) -> Tensor {
        var (counts, length) = (frameCounts, features.shape[1])
        // [batch, 1 or channels, time, frequency], zero behind an utterance's end as before the first frame.
        func clearing(_ image: Tensor) -> Tensor {
            let padding = SequencePadding(
                counts, length: length, dtype: features.dtype, device: features.device)
            return padding.present.map { image * $0.unsqueezed(1) } ?? image
        }
        var image = clearing(features.unsqueezed(1))
        for convolution in [first, second] {
            (counts, length) = (counts.map(Self.halved), Self.halved(length))
            image = clearing(convolution(image, heights: counts).relu())
            if image.failure != nil { return image }
        }
        return dropout(projection(image.transposed(1, 2).flattened(from: 2)))
    }
}
