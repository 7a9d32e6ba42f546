import NeuralNet
import Torch

/// y = w x^ + b by channel: G_n = sum over positions of s_n x^_n, and of s_n.
private func channelGradients(_ normalized: Tensor, _ s: Tensor) -> [Tensor?] {
    func summed(_ x: Tensor) -> Tensor { x.rank > 2 ? x.flattened(from: 2).sum(along: 2) : x }
    if let failure = normalized.failure ?? s.failure {
        return [Tensor(failed: failure), Tensor(failed: failure)]
    }
    return [summed(s * normalized), summed(s)]
}

extension GroupNorm: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight, $bias] }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        channelGradients(
            use.input.groupNormalized(groups: groups, weight: nil, bias: nil, epsilon: epsilon),
            use.outputGradient)
    }
}

/// In evaluation only, where the layer is a fixed scale and shift: while it is trained a unit has no score of its
/// own.
extension BatchNorm: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight, $bias] }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        guard !isTraining else {
            let failure = TorchError(
                message: "a BatchNorm in training mixes its units: call setTraining(false) before estimating")
            return [Tensor(failed: failure), Tensor(failed: failure)]
        }
        return channelGradients(
            use.input.batchNormalized(
                weight: nil, bias: nil, runningMean: runningMean, runningVariance: runningVariance,
                isTraining: false, momentum: momentum, epsilon: epsilon), use.outputGradient)
    }
}
