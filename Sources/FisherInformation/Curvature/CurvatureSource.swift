/// Where an estimate of the Fisher information comes from.
///
/// With s_n the gradient of -log p of unit n (a sample, or a whole sequence) and N the number of observations:
public enum CurvatureSource: Hashable, Sendable, CustomStringConvertible {
    /// (1/N) sum over units and observations of E_y[s s^T], y drawn from the model, in closed form: a backward
    /// pass for each of the likelihood's factors, and for each position of a sequence.
    case exact
    /// The same by n draws of labels from the model.
    case sampled(Int)
    /// (1/N) sum_n s_n s_n^T at the data's labels: what machine learning calls the empirical Fisher.
    case empirical
    /// (1/N) sum_n s_n s_n^T / |d(-log p_n) / d outputs|^2 at the data's labels: the improved empirical Fisher of Wu
    /// et al. (2024). A unit whose outputs have no gradient counts nothing.
    case improved
    /// g g^T with g = (1/N) sum_n s_n: what Adam squares. It depends on the batch size.
    case minibatch
    /// (1/N) sum J^T H J with the Hessian H of -log p in the outputs: the generalized Gauss-Newton matrix.
    case gaussNewton

    /// The name in commands and files.
    public var description: String {
        switch self {
        case .exact: "exact"
        case .sampled(let count): "sampled(\(count))"
        case .empirical: "empirical"
        case .improved: "improved"
        case .minibatch: "minibatch"
        case .gaussNewton: "gauss_newton"
        }
    }
}
