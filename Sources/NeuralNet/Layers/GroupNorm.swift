import Torch

/// (x - mean) / sqrt(variance + epsilon) over each group of channels of a sample, scaled and shifted by channel
/// (Wu and He 2018).
public final class GroupNorm: UnaryLayer {
    /// The scale, shape [channels], ones at first.
    @Parameter public var weight: Tensor
    /// The shift, shape [channels], zeros at first.
    @Parameter public var bias: Tensor
    /// Into how many runs of equal length the channels fall.
    public let groups: Int
    /// What keeps the division finite.
    public let epsilon: Double
    let site = CaptureSite()

    /// Makes the layer; `groups` must divide `channels`.
    public init(groups: Int, channels: Int, epsilon: Double = 1e-5, dtype: DType = .float32) {
        precondition(
            groups > 0 && channels > 0 && channels % groups == 0,
            "\(groups) groups do not divide \(channels) channels")
        _weight = Parameter(wrappedValue: .ones([channels], dtype: dtype))
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
