import Torch

/// A sum of x x^T over rows x, made when it is first read. An average takes the rows up in one product, and the sum by itself,
/// which would be written and read once more, is never made.
package final class RowSum {
    private var made: Tensor?
    /// What `made` will be the sum of: rows, whether they have a trailing 1, and the sum's factor.
    private var rows: (x: Tensor, withOnes: Bool, weight: Double)?

    /// A sum that has been made.
    init(_ sum: Tensor) { made = sum }

    /// `weight` times the sum over rows [rows, width], optionally with a trailing 1; rows that take more memory than the sum
    /// are not kept.
    init(of x: Tensor, withOnes: Bool, weight: Double = 1) {
        if x.failure == nil, x.shape[0] <= x.shape[1] {
            rows = (x.detached(), withOnes, weight)
        } else {
            made = gram(x, withOnes: withOnes, scale: weight)
        }
    }

    /// The sum.
    package var tensor: Tensor {
        if let made { return made }
        guard let (x, withOnes, weight) = rows else { preconditionFailure("neither a sum nor rows") }
        let sum = gram(x, withOnes: withOnes, scale: weight)
        (made, rows) = (sum, nil)
        return sum
    }

    /// Throws if the sum cannot be made of what there is.
    func check() throws(TorchError) { try (made ?? rows?.x)?.check() }

    /// The sum of both.
    func adding(_ other: RowSum) -> RowSum { RowSum(tensor + other.tensor) }

    /// The average after an update with this sum over `count`, symmetric, in one product; nil where the sum has been made, or
    /// is of another type than the average.
    package func averaged(
        into average: Tensor, by update: RunningAverage, over count: Double
    ) -> Tensor? {
        guard let (x, withOnes, weight) = rows, average.failure == nil, x.dtype == average.dtype else {
            return nil
        }
        return gram(
            x, withOnes: withOnes, scale: weight * (1 - update.keeping) / count, keeping: update.keeping,
            added: average)
    }
}
