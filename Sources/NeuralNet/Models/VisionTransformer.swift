import Torch

/// A transformer for images (Dosovitskiy et al. 2021), as layers of a description.
///
///     let network = VisionTransformer(side: 32, patch: 4, width: 64, layers: 4, heads: 4, classes: 10)
///     let specification = try NetworkSpecification(layers: network.layers, likelihood: "categorical")
///
/// Patches become vectors by one linear map, learned vectors are added to their positions, pre-norm blocks of
/// self-attention and two linear maps with a GELU follow, and a linear map of the mean over positions, or of the class
/// token's position, gives the logits.
public struct VisionTransformer: Hashable, Sendable {
    /// What is classified.
    public enum Pool: String, CaseIterable, Sendable {
        /// The mean over all positions.
        case mean
        /// The position of a learned class token.
        case token
    }

    /// The height and width of an image.
    public var side: Int
    /// The height and width of a patch, which divide the image's.
    public var patch: Int
    /// The width of the positions' vectors.
    public var width: Int
    /// The number of blocks.
    public var layerCount: Int
    /// The number of heads, which divides the width.
    public var heads: Int
    /// What is classified.
    public var pool: Pool
    /// The channels of an image.
    public var channels: Int
    /// The number of classes.
    public var classes: Int

    /// Describes a network.
    public init(
        side: Int, patch: Int, width: Int, layers: Int, heads: Int, pool: Pool = .mean, channels: Int = 3,
        classes: Int
    ) {
        (self.side, self.patch, self.width, layerCount) = (side, patch, width, layers)
        (self.heads, self.pool, self.channels, self.classes) = (heads, pool, channels, classes)
    }

    /// Why there is no such network; nil if there is.
    public var complaint: String? {
        if side % patch != 0 { return "patches of \(patch) pixels do not divide a side of \(side)" }
        return width % heads != 0 ? "\(heads) heads do not divide a width of \(width)" : nil
    }

    /// The layers, from an image [batch, channels, side, side] to logits [batch, classes].
    public var layers: [any LayerDescription] {
        let positions = (side / patch) * (side / patch)
        var layers: [any LayerDescription] = [
            Conv2d.Description(
                inputs: channels, outputs: width, kernel: [patch, patch], stride: [patch, patch]),
            Tokens.Description(),
            PositionEmbedding.Description(
                positions: positions, width: width, hasClassToken: pool == .token),
        ]
        for _ in 0..<layerCount {
            layers += [
                Residual.Description([
                    LayerNorm.Description(width: width),
                    SelfAttention.Description(width: width, heads: heads),
                ]),
                Residual.Description([
                    LayerNorm.Description(width: width),
                    Linear.Description(inputs: width, outputs: 4 * width), GELU.Description(),
                    Linear.Description(inputs: 4 * width, outputs: width),
                ]),
            ]
        }
        let pooling: any LayerDescription =
            pool == .mean ? MeanOverPositions.Description() : FirstPosition.Description()
        return layers + [
            LayerNorm.Description(width: width), pooling,
            Linear.Description(inputs: width, outputs: classes),
        ]
    }
}
