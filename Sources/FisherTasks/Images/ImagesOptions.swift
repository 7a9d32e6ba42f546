import Fisher
import FisherMedia
import FisherOptions
import FisherTraining

/// The options of the task on images.
public struct ImagesOptions: ConfigurableOptions {
    /// The folder of the images, or `digits`.
    @Configurable(
        "data.images",
        "folder: classes as folders, CIFAR-10 binary, MNIST's IDX; or digits, which are built in")
    public var images = "digits"
    /// Pixels on a side to which image files are scaled; 0 leaves them.
    @Configurable("data.size", .between(0, 4096), "side to scale image files to; 0: they have one size")
    public var size = 0
    /// The channels to which image files are converted.
    @Configurable("data.color", "gray, color, or own: color for image files, else as stored")
    public var color = ImageColor.own
    /// Images in a step.
    @Configurable("data.batch", .between(1, 1 << 20), "images in a step")
    public var batch = 64
    /// The share of the images that is held out where the data are not divided.
    @Configurable("data.test_share", .fraction, "share held out where the data are not divided")
    public var testShare = 0.25
    /// The seed by which they are chosen.
    @Configurable("data.split_seed", .nonNegative, "seed by which they are chosen, the same for all runs")
    public var splitSeed = 0
    /// The pixels of black around an image, out of which its own size is cut at random.
    @Configurable("data.crop", .between(0, 512), "random crops after so many pixels of padding; 0: no crops")
    public var crop = 0
    /// Whether images are mirrored at random, left to right.
    @Configurable("data.flip", "mirror images at random, left to right")
    public var flip = false
    /// The share of the labels that is spread over all classes.
    @Configurable("data.label_smoothing", .decay, "share of a label that is spread over all classes")
    public var labelSmoothing = 0.0
    /// The network.
    @Configurable("model.network", "resnet18, resnet34, resnet50, vit or cnn")
    public var network = ImageNetwork.resnet18
    /// What comes before a residual network's stages.
    @Configurable("model.stem", "of a resnet: cifar (3x3), imagenet (7x7, pool), or own: by the images' size")
    public var stem = ImageStem.own
    /// The channels of the first stage, or the transformer's width; 0 is the network's own.
    @Configurable(
        "model.width", .between(0, 4096), "channels of the first stage, or width of vit; 0: the network's own"
    )
    public var width = 0
    /// What normalizes a residual network's channels.
    @Configurable("model.norm", "of a resnet: batch or group")
    public var norm = ResNet.Norm.batch
    /// The height and width of a transformer's patches.
    @Configurable("model.patch", .between(1, 4096), "of vit: pixels on a patch's side")
    public var patch = 4
    /// The transformer's blocks.
    @Configurable("model.layers", .between(1, 1000), "of vit: blocks")
    public var layers = 4
    /// The transformer's heads.
    @Configurable("model.heads", .between(1, 1000), "of vit: heads")
    public var heads = 4
    /// The weights to start from.
    @Configurable(
        "model.weights", "weights to start from: a folder of fisher convert or a file; none: drawn")
    public var weights = ""
    /// What a transformer classifies.
    @Configurable("model.pool", "of vit: mean of the positions, or a class token")
    public var pool = VisionTransformer.Pool.mean

    /// The defaults.
    public init() {}
}

/// The channels of images.
public enum ImageColor: String, CaseIterable, OptionValue {
    /// Color for image files, and what other formats store.
    case own
    /// Shades of gray.
    case gray
    /// Red, green and blue.
    case color

    var channels: Int? { self == .own ? nil : self == .gray ? 1 : 3 }
}

/// What comes before a residual network's stages.
public enum ImageStem: String, CaseIterable, OptionValue {
    /// The one for the images' size: `imagenet` from 96 pixels on.
    case own
    /// A convolution of 3 by 3.
    case cifar
    /// A convolution of 7 by 7 and a pooling, which divide the side by 4.
    case imagenet
}

extension ResNet.Norm: OptionValue {}
extension VisionTransformer.Pool: OptionValue {}

/// The networks that classify images.
public enum ImageNetwork: String, CaseIterable, OptionValue {
    /// A residual network of 18 layers.
    case resnet18
    /// A residual network of 34 layers.
    case resnet34
    /// A residual network of 50 layers.
    case resnet50
    /// A vision transformer.
    case vit
    /// Two convolutions of 3 by 3, each followed by a pooling of 2 by 2, and a linear layer.
    case cnn

    var ownWidth: Int { self == .cnn ? 16 : 64 }
}

extension ImagesOptions {
    /// The network for images of a size, channels and classes.
    ///
    /// - Throws: `ConfigurationError` for options that no network can have.
    func specification(for images: LabeledImages) throws -> NetworkSpecification {
        let (channels, classes, size) = (images.channels, images.classNames.count, images.size)
        let width = width > 0 ? width : network.ownWidth
        let layers: [any LayerDescription]
        switch network {
        case .resnet18, .resnet34, .resnet50:
            let depths: [ImageNetwork: ResNet.Depth] = [.resnet34: .thirtyFour, .resnet50: .fifty]
            let isLarge = stem == .own ? min(size.height, size.width) >= 96 : stem == .imagenet
            layers =
                ResNet(
                    depth: depths[network] ?? .eighteen, stem: isLarge ? .imageNet : .cifar,
                    width: width, norm: norm, channels: channels, classes: classes
                ).layers
        case .vit:
            guard size.height == size.width else {
                throw ConfigurationError(
                    "model.network = vit takes square images, not \(size.width) by \(size.height) pixels: set data.size"
                )
            }
            let network = VisionTransformer(
                side: size.height, patch: patch, width: width, layers: self.layers, heads: heads, pool: pool,
                channels: channels, classes: classes)
            if let complaint = network.complaint { throw ConfigurationError("[model] \(complaint)") }
            layers = network.layers
        case .cnn:
            layers = PlainNetwork.convolutions(width, channels, classes, (size.height, size.width))
        }
        let made = try NetworkSpecification(layers: layers, likelihood: Categorical.name)
        do throws(NetworkSpecificationError) {
            _ = try made.outputShape(for: [batch, channels, size.height, size.width])
        } catch {
            throw ConfigurationError(
                "[model] no \(network.rawValue) takes images of \(size.width) by \(size.height) pixels: \(error)"
            )
        }
        return made
    }
}
