import NeuralNet
import Torch

/// The information of data seen so far about a small model's parameters: I = I_0 + sum of what was added.
///
/// Information adds over independent data, whatever the estimate. Unlike an estimate's mean it grows with the
/// data, so that its inverse is a covariance where the model is right and the estimate has converged
/// (``InformationRegime``). Accumulators of different processes are merged by addition, directly or through files.
public struct FisherAccumulator {
    /// The parameters in the order of rows and columns.
    public let paths: [ParameterPath]
    /// I_0: what was known before any data, [parameters, parameters].
    public let prior: Tensor
    /// What the data have added, [parameters, parameters].
    public private(set) var data: Tensor
    /// The number of observations in it.
    public private(set) var observationCount: Int

    /// I = I_0 + what the data have added.
    public var information: Tensor { prior + data }

    /// Starts with prior information I_0, or zeros for none.
    public init(paths: [ParameterPath], prior: Tensor) throws(CurvatureError) {
        guard prior.failure == nil, prior.rank == 2, prior.shape[0] == prior.shape[1] else {
            throw .mismatched(reason: "prior information must be a square matrix")
        }
        self.paths = paths
        self.prior = prior
        data = .zeros(like: prior)
        observationCount = 0
    }

    /// Adds the information of independent data.
    public mutating func add(_ estimate: FullInformation) throws(CurvatureError) {
        guard estimate.paths == paths else { throw .mismatched(reason: "they are of other parameters") }
        try add(estimate.sums.sum, observations: estimate.observationCount)
    }

    /// Adds information that is known otherwise, such as x x^T / sigma^2 of a linear model.
    public mutating func add(_ matrix: Tensor, observations: Int) throws(CurvatureError) {
        guard matrix.failure == nil, matrix.shape == data.shape else {
            throw .mismatched(reason: "the matrix has another shape")
        }
        data = data + matrix
        observationCount += observations
    }

    /// Adds the data that another process has seen. The other's prior is left out, so that one prior that both
    /// began with counts once.
    public mutating func merge(_ other: FisherAccumulator) throws(CurvatureError) {
        guard other.paths == paths else { throw .mismatched(reason: "they are of other parameters") }
        try add(other.data, observations: other.observationCount)
    }

    /// eta I^-1 s: the step of the recursive estimate theta += eta I^-1 s for a score s (the gradient of log p).
    ///
    /// Throws if I is not positive definite.
    public func step(_ score: Tensor, learningRate: Double = 1) throws(TorchError) -> Tensor {
        try SafeCholesky.solution(information, score) * learningRate
    }

    /// I^-1, [parameters, parameters]. It is a covariance only in the regime `covariance`; throws if I is not
    /// positive definite.
    public func inverse() throws(TorchError) -> Tensor {
        try SafeCholesky.inverse(information)
    }

    /// The square roots of I^-1's diagonal: standard errors, in the order of `paths`, each row-major.
    ///
    /// Throws `notACovariance` with the reasons if they would not be valid in the regime.
    ///
    /// - Parameter regime: the regime determined by ``LikelihoodInference`` at the estimate.
    public func standardErrors(in regime: InformationRegime) throws(InferenceError) -> [Double] {
        try regime.requireCovariance()
        do {
            return try inverse().diagonalScalars().map { $0.squareRoot() }
        } catch {
            throw .numerical(error)
        }
    }
}
