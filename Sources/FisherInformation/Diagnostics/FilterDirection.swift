import Torch

/// A random direction in the space of a model's weights, each filter as long as the weights' own (Li et al. 2018, "filter
/// normalization"):
///
///     d_i <- d_i / |d_i| |w_i|   for each filter i of each weight; d = 0 for biases and the parameters of norms
///
/// A filter is an index of a weight's first axis: an output of a linear map, an output channel of a convolution, a row of an
/// embedding. Parameters of one axis or none are biases and scales, and are not moved, as in the source. Without
/// normalization a step of one length means more to a network with small weights than to one with large ones, though both
/// may compute the same.
public struct FilterDirection {
    /// The direction, a tensor for each weight and in its shape.
    public let parts: [Tensor]

    /// Draws a direction; equal generators give equal draws, whatever the weights are.
    ///
    /// - Parameters:
    ///   - weights: the weights at the point that is looked at.
    ///   - generator: draws normal numbers.
    public init(of weights: [Tensor], using generator: RandomGenerator) {
        parts = withoutGradients {
            weights.map { weight in
                let weight = weight.detached()
                let drawn = Tensor.normal(weight.shape, dtype: weight.dtype, using: generator)
                guard weight.rank > 1, weight.count > 0 else { return .zeros(like: weight) }
                let ones = [weight.shape[0]] + [Int](repeating: 1, count: weight.rank - 1)
                let lengths = Self.filterNorms(drawn).clamped(min: 1e-30)
                return drawn * (Self.filterNorms(weight) / lengths).reshaped(ones)
            }
        }
    }

    /// The norms of a weight's filters, [filters].
    public static func filterNorms(_ weight: Tensor) -> Tensor {
        weight.flattened(from: 1).squared().sum(along: 1).squareRoot()
    }
}
