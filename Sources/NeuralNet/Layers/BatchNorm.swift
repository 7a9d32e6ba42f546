import Torch

/// Batch normalization (Ioffe and Szegedy 2015): (x - mean) / sqrt(variance + epsilon) by channel, scaled and shifted.
///
/// The channels are the input's second dimension, whatever follows: one layer serves vectors, lines and images.
///
/// - **In training** mean and variance are those of the batch and its positions. Every call moves the running
///   ones, in place, also a call for a slice of a batch or before an update that is skipped; when an optimizer evaluates
///   a batch a second time, to compare losses, they stay. Samples depend on each other, so no sample has a likelihood or a
///   gradient of its own. What optimizers take in the place of a sample's gradient is its **contribution** to the gradient
///   of the batch: its own inputs, normalized by the batch, times the gradients of the whole batch's loss with respect to
///   its own outputs, which the backward pass through the batch's statistics gives. The contributions add up to the
///   gradient of the batch exactly; they are the samples' gradients where the statistics are held fixed. Every layer below
///   sees gradients with the same coupling. This is what K-FAC's and AdaFisher's authors compute in training.
/// - **In evaluation** (`setTraining(false)`) the running mean and variance are constants, and the layer is
///   a fixed scale and shift of each channel. Fisher information is defined for this mode, and estimates outside of an
///   optimizer ask for it.
///
/// The running averages are saved and loaded with the weights and never trained.
public final class BatchNorm: UnaryLayer, ModeDependent, RunningStatistics {
    /// The scale, shape [channels], ones at first.
    @Parameter public var weight: Tensor
    /// The shift, shape [channels], zeros at first.
    @Parameter public var bias: Tensor
    /// The average of the batches' means, shape [channels], zeros at first; a frozen parameter.
    @Parameter public var runningMean: Tensor
    /// The average of the batches' unbiased variances, shape [channels], ones at first; a frozen parameter.
    @Parameter public var runningVariance: Tensor
    /// A small number added to the variance, so that the division stays finite.
    public let epsilon: Double
    /// How far the running averages move towards a batch's: r <- (1 - momentum) r + momentum * batch's.
    public let momentum: Double
    public var isTraining = true
    public var movesStatistics = true
    let site = CaptureSite()

    /// Creates the layer for a number of channels.
    public init(
        _ channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, dtype: DType = .float32
    ) {
        let fits = (0...1).contains(momentum)
        _weight = Parameter(unless: fits ? nil : "a momentum must lie in [0, 1], not \(momentum)") {
            .ones([channels], dtype: dtype)
        }
        _bias = Parameter(wrappedValue: .zeros([channels], dtype: dtype))
        _runningMean = Parameter(wrappedValue: .zeros([channels], dtype: dtype), isTrainable: false)
        _runningVariance = Parameter(wrappedValue: .ones([channels], dtype: dtype), isTrainable: false)
        self.epsilon = epsilon
        self.momentum = momentum
    }

    /// The normalized input [batch, channels, ...], of its shape.
    ///
    /// In training, a channel needs more than one element in the batch.
    public func callAsFunction(_ input: Tensor) -> Tensor {
        if isTraining, input.failure == nil, input.rank > 1, input.count <= input.shape[1] {
            return Tensor(
                failed: TorchError(
                    message: "batch_norm: \(input.summary) has one value a channel, whose variance is unknown"
                ))
        }
        var (mean, variance) = (runningMean, runningVariance)
        if isTraining, !movesStatistics {
            (mean, variance) = (mean.detached().copy(), variance.detached().copy())
        }
        return site.record(
            input: input,
            output: input.batchNormalized(
                weight: weight, bias: bias, runningMean: mean, runningVariance: variance,
                isTraining: isTraining, momentum: momentum, epsilon: epsilon))
    }
}

/// A unit's gradient is the sum over its positions of s x^, with x^ normalized by the statistics of the whole use: in
/// training those of the batch, where it is the unit's contribution to the gradient of the batch.
extension BatchNorm: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight, $bias] }

    public var couplesUnits: Bool { isTraining }

    /// The input, normalized.
    public func captured(_ input: Tensor) -> Tensor {
        if input.failure != nil { return input }
        // Copies: in training the call moves them.
        let (mean, variance) = (runningMean.detached().copy(), runningVariance.detached().copy())
        return input.batchNormalized(
            weight: nil, bias: nil, runningMean: mean.to(dtype: input.dtype),
            runningVariance: variance.to(dtype: input.dtype), isTraining: isTraining, momentum: momentum,
            epsilon: epsilon)
    }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        use.channelGradients(normalized: use.input)
    }
}

extension BatchNorm {
    /// The description of a layer in JSON: `{"batch_norm": channels}`.
    public struct Description: LayerDescription {
        public static let kind = "batch_norm"
        public static let shortForm = ["channels"]
        public static var options: [LayerOption<Self>] {
            [
                .required("channels", \.channels, .size), .optional("epsilon", \.epsilon, .number),
                .optional("momentum", \.momentum, .number(in: 0...1)),
            ]
        }
        var channels: Int
        var epsilon: Double
        var momentum: Double

        public init() { self.init(channels: 0) }

        /// Describes a layer by its options.
        public init(channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1) {
            (self.channels, self.epsilon, self.momentum) = (channels, epsilon, momentum)
        }

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try input.requiringChannels(channels)
        }

        public var parameterShapes: [(name: String, shape: [Int])]? {
            ["weight", "bias", "runningMean", "runningVariance"].map { ($0, [channels]) }
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            BatchNorm(channels, epsilon: epsilon, momentum: momentum, dtype: dtype)
        }
    }
}
