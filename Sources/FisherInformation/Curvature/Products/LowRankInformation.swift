import NeuralNet
import Torch

/// The leading eigenpairs of an estimate: F ~ V diag(values) V^T.
///
/// Sums of low-rank approximations are not of low rank, so batches cannot be added: estimate on all the data.
public struct LowRankInformation: Summable {
    /// The source of the estimate.
    public let source: CurvatureSource
    /// The parameters in the order of the rows of `vectors`, each row-major.
    public let paths: [ParameterPath]
    /// The eigenvalues, descending, on the scale of the mean loss; fewer than requested if the rank is
    /// smaller.
    public let values: [Double]
    /// The eigenvectors as columns, [parameters, values].
    public let vectors: Tensor
    /// |F v - value v| of each.
    public let residuals: [Double]
    /// The number N of observations.
    public let observationCount: Int

    /// V diag(values) V^T v.
    public func product(_ vector: Tensor) -> Tensor {
        let weights = Tensor(values, shape: [values.count, 1]).to(dtype: vectors.dtype)
        return vectors.matmul(weights * vectors.transposed().matmul(vector.unsqueezed(1))).flattened()
    }

    /// Throws `mismatched`: leading eigenpairs cannot be added.
    public func adding(_ other: LowRankInformation) throws(CurvatureError) -> LowRankInformation {
        throw .mismatched(
            reason: "leading eigenpairs cannot be added; estimate them on all the data together")
    }

    /// Throws `mismatched`: leading eigenpairs cannot be added.
    public func summed(by sum: ProcessSum) throws -> LowRankInformation {
        throw CurvatureError.mismatched(reason: "leading eigenpairs cannot be added over processes")
    }
}

extension CurvatureEstimator {
    /// The leading eigenpairs of an estimate given by its products.
    ///
    /// Lanczos takes steps until the residuals are small for the precision, or the space is exhausted.
    func lowRank(
        _ product: SymmetricOperator, _ source: CurvatureSource, rank: Int, observationCount: Int
    ) throws -> LowRankInformation {
        // A fixed direction: equal estimates have equal eigenvectors.
        let start = Tensor.normal([product.size], dtype: product.dtype, using: try RandomGenerator(seed: 0))
        let tolerance = product.dtype == .float64 ? 1e-12 : 1e-5
        let rank = min(rank, product.size)
        var steps = min(product.size, max(2 * rank + 10, 20))
        var found = try product.lanczos(steps: steps, start: start)
        while steps < product.size, found.values.count == steps,
            zip(found.values, found.residuals).prefix(rank).contains(where: {
                $0.1 > tolerance * max(abs(found.values[0]), 1e-300)
            })
        {
            steps = min(product.size, 2 * steps)
            found = try product.lanczos(steps: steps, start: start)
        }
        let scale = abs(found.values.first ?? 0) * tolerance
        let kept = found.values.prefix(rank).prefix { $0 > scale }.count
        return LowRankInformation(
            source: source, paths: parameters.map(\.path), values: Array(found.values.prefix(kept)),
            vectors: found.vectors.narrowed(1, from: 0, length: kept),
            residuals: Array(found.residuals.prefix(kept)), observationCount: observationCount)
    }
}
