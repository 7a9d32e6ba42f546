import Torch

/// A table of vectors by number.
public final class Embedding: UnaryLayer {
    /// The table, shape [entries, width].
    @Parameter public var weight: Tensor
    let site = CaptureSite()

    /// Draws the table, by default from N(0, 1).
    public init(
        _ entries: Int, _ width: Int, weight: Initializer = .normal(standardDeviation: 1),
        dtype: DType = .float32, using generator: RandomGenerator
    ) {
        _weight = Parameter(wrappedValue: weight([entries, width], dtype: dtype, using: generator))
    }

    /// The vectors [..., width] of int64 numbers [...].
    public func callAsFunction(_ numbers: Tensor) -> Tensor {
        site.noting(input: numbers, output: weight.rows(numbers))
    }

    /// The scores x W^T of every entry, for a head that is tied to the table.
    public func scores(_ input: Tensor) -> Tensor {
        site.noting(input: input, output: input.linear(weight: weight))
    }
}
