import NeuralNet
import Torch

/// The leading eigenpairs of an estimate: F ~ V diag(values) V^T.
///
/// Sums of such approximations are not such approximations: batches do not add up, estimate on all the data.
public struct LowRankInformation {
    /// Where it came from.
    public let source: CurvatureSource
    /// The parameters in the order of the rows of `vectors`, each row-major.
    public let paths: [ParameterPath]
    /// The eigenvalues, descending, on the scale of the mean loss; fewer than asked for where the rank is smaller.
    public let values: [Double]
    /// The eigenvectors as columns, [parameters, values].
    public let vectors: Tensor
    /// |F v - value v| of each.
    public let residuals: [Double]
    /// N: the number of observations.
    public let observationCount: Int

    /// V diag(values) V^T v.
    public func product(_ vector: Tensor) -> Tensor {
        let weights = Tensor(values, shape: [values.count, 1]).to(dtype: vectors.dtype)
        return vectors.matmul(weights * vectors.transposed().matmul(vector.unsqueezed(1))).flattened()
    }
}
