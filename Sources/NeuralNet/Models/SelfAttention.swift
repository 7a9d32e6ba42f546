import Torch

/// Multi-head self-attention in which every position attends to all of its sequence (Vaswani et al. 2017).
public final class SelfAttention: DescribedAttention {
    /// The map to queries, keys and values, stacked in this order along its outputs; heads lie next to each
    /// other within each.
    public let queryKeyValue: Linear
    /// The map of the joined heads back to the width.
    public let output: Linear
    let heads: Int
    public static var kind: String { "self_attention" }
    /// The description of a layer in JSON: `{"self_attention": [width, heads]}`.
    public typealias Description = AttentionDescription<SelfAttention>

    /// Creates the layer; `heads` must divide `width`, or the output is a failed tensor that says so.
    public init(
        _ width: Int, heads: Int, weight: Initializer, outputWeight: Initializer, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        self.heads = heads
        queryKeyValue =
            heads > 0 && width % heads == 0
            ? Linear(width, 3 * width, weight: weight, dtype: dtype, using: generator)
            : Linear(failing: "\(heads) heads do not divide a width of \(width)")
        output = Linear(width, width, weight: outputWeight, dtype: dtype, using: generator)
    }

    /// The attended input [batch, positions, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        output(queryKeyValue(input).attendedToItself(heads: heads, isCausal: false))
    }
}
