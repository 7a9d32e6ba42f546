import Torch

/// Multi-head self-attention in which a position sees itself and earlier ones (Vaswani et al. 2017).
public final class CausalSelfAttention: Module {
    /// The map to queries, keys and values, stacked in this order along its outputs; heads lie next to each
    /// other within each.
    public let queryKeyValue: Linear
    /// The map of the joined heads back to the width.
    public let output: Linear
    let heads: Int

    /// Makes the layer; `heads` must divide `width`.
    public init(
        _ width: Int, heads: Int, weight: Initializer, outputWeight: Initializer, dtype: DType = .float32,
        using generator: RandomGenerator
    ) {
        precondition(heads > 0 && width % heads == 0, "\(heads) heads do not divide a width of \(width)")
        self.heads = heads
        queryKeyValue = Linear(width, 3 * width, weight: weight, dtype: dtype, using: generator)
        output = Linear(width, width, weight: outputWeight, dtype: dtype, using: generator)
    }

    /// The attended input [batch, positions, width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        let parts = queryKeyValue(input).split(into: 3, along: -1).map { part in
            part.unflattened(-1, into: [heads, -1]).transposed(1, 2)
        }
        let attended = parts[0].attending(keys: parts[1], values: parts[2], isCausal: true)
        return output(attended.transposed(1, 2).flattened(from: 2))
    }
}
