import Torch

/// Group normalization (Wu and He 2018): (x - mean) / sqrt(variance + epsilon) over each group of channels of a
/// sample, scaled and shifted by channel.
public final class GroupNorm: UnaryLayer {
    /// The scale, shape [channels], ones at first.
    @Parameter public var weight: Tensor
    /// The shift, shape [channels], zeros at first.
    @Parameter public var bias: Tensor
    /// The number of groups of channels.
    public let groups: Int
    /// A small number added to the variance, so that the division stays finite.
    public let epsilon: Double
    let site = CaptureSite()

    /// Creates the layer; `groups` must divide `channels`, or the output is a failed tensor that says so.
    public init(groups: Int, channels: Int, epsilon: Double = 1e-5, dtype: DType = .float32) {
        let fits = groups > 0 && channels > 0 && channels % groups == 0
        _weight = Parameter(unless: fits ? nil : "\(groups) groups do not divide \(channels) channels") {
            .ones([channels], dtype: dtype)
        }
        _bias = Parameter(wrappedValue: .zeros([channels], dtype: dtype))
        self.groups = groups
        self.epsilon = epsilon
    }

    /// The normalized input [batch, channels, ...], of its shape.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.record(
            input: input,
            output: input.groupNormalized(groups: groups, weight: weight, bias: bias, epsilon: epsilon))
    }
}

extension GroupNorm: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight, $bias] }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        use.channelGradients(
            normalized: use.input.groupNormalized(groups: groups, weight: nil, bias: nil, epsilon: epsilon))
    }
}

extension GroupNorm {
    /// The description of a layer in JSON: `{"group_norm": [groups, channels]}`.
    public struct Description: LayerDescription {
        public static let kind = "group_norm"
        public static let shortForm = ["groups", "channels"]
        public static var options: [LayerOption<Self>] {
            [
                .required("groups", \.groups, .size), .required("channels", \.channels, .size),
                .optional("epsilon", \.epsilon, .number),
            ]
        }
        var groups: Int
        var channels: Int
        var epsilon: Double

        public init() { self.init(groups: 0, channels: 0) }

        /// Describes a layer by its options.
        public init(groups: Int, channels: Int, epsilon: Double = 1e-5) {
            (self.groups, self.channels, self.epsilon) = (groups, channels, epsilon)
        }

        public func check() throws(LayerDescriptionError) {
            if channels % groups != 0 {
                throw LayerDescriptionError(
                    "has \(groups) groups, which do not divide \(channels) channels")
            }
        }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try input.requiringChannels(channels)
        }

        public var parameterShapes: [(name: String, shape: [Int])]? {
            [("weight", [channels]), ("bias", [channels])]
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            GroupNorm(groups: groups, channels: channels, epsilon: epsilon, dtype: dtype)
        }
    }
}
