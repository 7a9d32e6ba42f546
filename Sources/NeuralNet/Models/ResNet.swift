import Torch

/// A residual network for images (He et al. 2016), as layers of a description.
///
///     let network = ResNet(depth: .eighteen, stem: .cifar, width: 16, classes: 10)
///     let specification = try NetworkSpecification(layers: network.layers, likelihood: "categorical")
///
/// Four stages, each of twice the channels and half the side of the one before; the stride of a block is in its 3 x 3
/// convolution. With the stem `imageNet`, width 64 and 1,000 classes it has the published numbers of parameters,
/// 11,689,512, 21,797,672 and 25,557,032.
public struct ResNet: Hashable, Sendable {
    /// The number of layers with weights.
    public enum Depth: Int, CaseIterable, Sendable {
        /// Stages of 2, 2, 2 and 2 blocks of two 3 x 3 convolutions.
        case eighteen = 18
        /// Stages of 3, 4, 6 and 3 blocks of two 3 x 3 convolutions.
        case thirtyFour = 34
        /// Stages of 3, 4, 6 and 3 blocks of 1 x 1, 3 x 3 and 1 x 1 convolutions, the last with four times the channels.
        case fifty = 50

        var blocks: [Int] { self == .eighteen ? [2, 2, 2, 2] : [3, 4, 6, 3] }
        /// Whether a block has three convolutions, not two.
        var isDeep: Bool { self == .fifty }
        var expansion: Int { isDeep ? 4 : 1 }
    }

    /// What comes before the stages.
    public enum Stem: String, CaseIterable, Sendable {
        /// A convolution of 3 x 3: for images of a few tens of pixels.
        case cifar
        /// A convolution of 7 x 7 with stride 2 and a maximum pool of 3 x 3 with stride 2: for images of 224 pixels.
        case imageNet = "imagenet"
    }

    /// What normalizes the channels.
    public enum Norm: String, CaseIterable, Sendable {
        /// Batch normalization, in whose training mode the samples of a batch depend on each other.
        case batch
        /// Group normalization, in which each sample is on its own: 32 groups, or half the channels if they are fewer.
        case group
    }

    /// The number of layers with weights.
    public var depth: Depth
    /// What comes before the stages.
    public var stem: Stem
    /// The channels of the first stage; 64 in the paper.
    public var width: Int
    /// What normalizes the channels.
    public var norm: Norm
    /// The channels of an image.
    public var channels: Int
    /// The number of classes.
    public var classes: Int

    /// Describes a network.
    public init(
        depth: Depth, stem: Stem, width: Int = 64, norm: Norm = .batch, channels: Int = 3, classes: Int
    ) {
        (self.depth, self.stem, self.width) = (depth, stem, width)
        (self.norm, self.channels, self.classes) = (norm, channels, classes)
    }

    /// The layers, from an image [batch, channels, height, width] to logits [batch, classes].
    public var layers: [any LayerDescription] {
        var layers: [any LayerDescription] = []
        switch stem {
        case .cifar: layers += [convolution(channels, width, 3), normalization(width), ReLU.Description()]
        case .imageNet:
            layers += [
                convolution(channels, width, 7, stride: 2), normalization(width), ReLU.Description(),
                MaxPool2d.Description(kernel: 3, stride: 2, padding: 1),
            ]
        }
        var inputs = width
        for (stage, count) in depth.blocks.enumerated() {
            for block in 0..<count {
                let stride = stage > 0 && block == 0 ? 2 : 1
                layers += [self.block(inputs, width << stage, stride: stride), ReLU.Description()]
                inputs = (width << stage) * depth.expansion
            }
        }
        return layers + [
            AdaptiveAveragePool2d.Description(size: 1), Flatten.Description(),
            Linear.Description(inputs: inputs, outputs: classes),
        ]
    }

    private func block(_ inputs: Int, _ width: Int, stride: Int) -> Residual.Description {
        let outputs = width * depth.expansion
        let inner: [any LayerDescription] =
            switch depth {
            case .eighteen, .thirtyFour:
                [
                    convolution(inputs, width, 3, stride: stride), normalization(width), ReLU.Description(),
                    convolution(width, width, 3), normalization(width),
                ]
            case .fifty:
                [
                    convolution(inputs, width, 1), normalization(width), ReLU.Description(),
                    convolution(width, width, 3, stride: stride), normalization(width), ReLU.Description(),
                    convolution(width, outputs, 1), normalization(outputs),
                ]
            }
        guard stride > 1 || inputs != outputs else { return Residual.Description(inner) }
        return Residual.Description(
            inner, shortcut: [convolution(inputs, outputs, 1, stride: stride), normalization(outputs)])
    }

    private func convolution(_ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1)
        -> Conv2d.Description
    {
        Conv2d.Description(
            inputs: inputs, outputs: outputs, kernel: [kernel, kernel], stride: [stride, stride],
            padding: [kernel / 2, kernel / 2], bias: false)
    }

    private func normalization(_ channels: Int) -> any LayerDescription {
        switch norm {
        case .batch: return BatchNorm.Description(channels: channels)
        case .group:
            // A group of one channel would leave nothing of a vector.
            let groups = (1...max(1, min(32, channels / 2))).last { channels % $0 == 0 } ?? 1
            return GroupNorm.Description(groups: groups, channels: channels)
        }
    }
}
