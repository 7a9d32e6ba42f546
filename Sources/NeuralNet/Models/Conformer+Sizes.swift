import Torch

extension Conformer {
    /// What computes probabilities of labels from the encodings.
    public enum Head: String, Codable, CaseIterable, Sendable {
        /// Connectionist temporal classification: a class for each position, independently.
        case ctc
        /// A transducer: labels depend on those before them.
        case transducer
    }

    /// The normalization behind the depthwise convolution of a block.
    public enum Norm: String, Codable, CaseIterable, Sendable {
        /// By position, so that utterances are independent of each other.
        case layer
        /// By batch, as in the paper; in training, utterances of a batch depend on each other.
        case batch
    }

    /// The sizes of a model.
    public struct Configuration: Hashable, Codable, Sendable {
        /// The number of features of a frame.
        public var mels: Int
        /// The number of classes, the blank among them.
        public var classes: Int
        /// The channels of the subsampling convolutions.
        public var channels: Int
        /// The width of the residual stream.
        public var width: Int
        /// The number of blocks.
        public var layers: Int
        /// The number of attention heads, which must divide the width into even parts.
        public var heads: Int
        /// The positions that the depthwise convolution reads; an odd number.
        public var kernel: Int
        /// The probability with which elements of the residual branches are dropped in training.
        public var dropout: Double
        /// The normalization behind the depthwise convolution.
        public var norm: Norm
        /// What computes probabilities of labels.
        public var head: Head
        /// The width of a transducer's prediction network.
        public var predictionWidth: Int
        /// The number of last labels that a prediction depends on; 0 for all, by an LSTM.
        public var predictionContext: Int
        /// The width of a transducer's joint.
        public var jointWidth: Int

        /// Describes a model.
        public init(
            mels: Int = 80, classes: Int, channels: Int, width: Int, layers: Int, heads: Int, kernel: Int,
            dropout: Double = 0, norm: Norm = .layer, head: Head = .ctc, predictionWidth: Int = 64,
            predictionContext: Int = 0, jointWidth: Int = 64
        ) {
            self.mels = mels
            self.classes = classes
            self.channels = channels
            self.width = width
            self.layers = layers
            self.heads = heads
            self.kernel = kernel
            self.dropout = dropout
            self.norm = norm
            self.head = head
            self.predictionWidth = predictionWidth
            self.predictionContext = predictionContext
            self.jointWidth = jointWidth
        }
    }
}

extension Conformer.Configuration {
    /// About 0.3 million parameters, for small corpora and two cores.
    public static func tiny(classes: Int) -> Self {
        Self(classes: classes, channels: 16, width: 64, layers: 3, heads: 4, kernel: 15)
    }

    /// About 10 million parameters: Conformer S of Gulati et al. (2020), with its LSTM of 320 as the prediction network.
    public static func small(classes: Int) -> Self {
        Self(
            classes: classes, channels: 144, width: 144, layers: 16, heads: 4, kernel: 31, dropout: 0.1,
            predictionWidth: 320, jointWidth: 320)
    }

    /// About 600 million parameters: the encoder of Conformer XL of Zhang et al. (2020) and w2v-BERT, with rotary positions.
    public static func paper(classes: Int) -> Self {
        Self(
            classes: classes, channels: 128, width: 1024, layers: 24, heads: 8, kernel: 5, dropout: 0.1,
            predictionWidth: 640, jointWidth: 640)
    }

    /// A few thousand parameters, for studies of the whole Fisher information; of frames of 20 features.
    public static func nano(classes: Int) -> Self {
        Self(
            mels: 20, classes: classes, channels: 2, width: 8, layers: 1, heads: 2, kernel: 3,
            predictionWidth: 8, predictionContext: 1, jointWidth: 8)
    }

    /// Why no model can have these sizes, as a sentence without a capital; nil if one can.
    public var complaint: String? {
        let sizes = [
            ("mels", mels), ("classes", classes), ("channels", channels), ("width", width),
            ("layers", layers), ("heads", heads), ("kernel", kernel), ("prediction_width", predictionWidth),
            ("joint_width", jointWidth),
        ]
        for (name, value) in sizes where !(1...1 << 20).contains(value) {
            return "\(name) \(value) must lie between 1 and \(1 << 20)"
        }
        if classes < 2 { return "classes \(classes) leave no label beside the blank" }
        if width % heads != 0 || width / heads % 2 != 0 {
            return "\(heads) heads do not divide the width \(width) into even parts"
        }
        if kernel % 2 == 0 { return "kernel \(kernel) must be odd" }
        if !(0..<1).contains(dropout) { return "dropout \(dropout) must lie in [0, 1)" }
        if !(0...64).contains(predictionContext) {
            return "prediction_context \(predictionContext) must lie between 0 and 64"
        }
        return nil
    }

    /// The number of elements of all trainable parameters, computed without a model; it may be beyond any integer.
    public var parameterCount: Double {
        func linear(_ inputs: Double, _ outputs: Double, bias: Bool = true) -> Double {
            inputs * outputs + (bias ? outputs : 0)
        }
        let (d, c, k) = (Double(width), Double(channels), Double(classes))
        let frequencies = Double(ConvolutionalSubsampling.positionCount(mels))
        let subsampling = 10 * c + 9 * c * c + c + linear(c * frequencies, d)
        let feedForward = 2 * d + linear(d, 4 * d) + linear(4 * d, d)
        let attention = 2 * d + linear(d, 3 * d) + linear(d, d)
        let convolution = 2 * d + linear(d, 2 * d) + d * Double(kernel) + d + 2 * d + linear(d, d)
        let block = 2 * feedForward + attention + convolution + 2 * d
        let encoder = subsampling + Double(layers) * block
        guard head == .transducer else { return encoder + linear(d, k) }
        let (p, j) = (Double(predictionWidth), Double(jointWidth))
        let prediction =
            predictionContext == 0 ? 2 * linear(p, 4 * p) : linear(Double(predictionContext) * p, p)
        return encoder + k * p + prediction + linear(d, j) + linear(p, j, bias: false) + linear(j, k)
    }

    /// Throws `TorchError` of kind `outOfMemory` if the weights with their gradients, or the largest values of a batch
    /// with their gradients, do not fit into the memory there is.
    ///
    /// - Parameters:
    ///   - batch: utterances in a batch.
    ///   - frames: the frames of the longest one.
    ///   - labels: its labels.
    package func requireMemory(batch: Int, frames: Int, labels: Int) throws(TorchError) {
        try Torch.requireMemory(
            8 * parameterCount,
            for: "a Conformer of width \(width) and \(layers) layers with its gradients")
        let positions = Double(batch) * Double(ConvolutionalSubsampling.positionCount(frames))
        let subsampled = Double(batch) * Double(frames) * Double(mels) / 4 * Double(channels)
        let lattice =
            head == .transducer ? positions * Double(labels + 1) * Double(classes + 2 * jointWidth) : 0
        // The values that a block keeps for its backward pass: about 30 of the width, and the attention's weights.
        let block =
            positions * (30 * Double(width) + Double(heads * ConvolutionalSubsampling.positionCount(frames)))
        try Torch.requireMemory(
            4 * (2 * subsampled + lattice + Double(layers) * block),
            for: "a batch of \(batch) utterances of \(frames) frames")
    }
}
