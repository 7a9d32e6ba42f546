import NeuralNet
import Torch

/// The information of data seen so far about a small model's parameters: I adds over independent data.
///
/// Unlike an estimate's mean it grows with the data, so that its inverse is a covariance where the model is right.
/// Accumulators of different processes are merged by addition, saved and read.
public struct FisherAccumulator {
    /// The parameters in the order of rows and columns.
    public let paths: [ParameterPath]
    /// I, [parameters, parameters].
    public private(set) var information: Tensor
    /// The number of observations in it.
    public private(set) var observationCount: Int

    /// Starts with prior information I_0, or none.
    public init(paths: [ParameterPath], prior: Tensor) throws(InformationError) {
        guard prior.failure == nil, prior.rank == 2, prior.shape[0] == prior.shape[1] else {
            throw .mismatched(reason: "prior information must be a square matrix")
        }
        self.paths = paths
        information = prior
        observationCount = 0
    }

    /// Adds the information of independent data.
    public mutating func add(_ estimate: FullInformation) throws(InformationError) {
        guard estimate.paths == paths, estimate.sum.shape == information.shape else {
            throw .mismatched(reason: "they are of other parameters")
        }
        information = information + estimate.sum
        observationCount += estimate.observationCount
    }

    /// Adds information that is known otherwise, such as x x^T / sigma^2 of a linear model.
    public mutating func add(_ matrix: Tensor, observations: Int) throws(InformationError) {
        guard matrix.failure == nil, matrix.shape == information.shape else {
            throw .mismatched(reason: "the matrix has another shape")
        }
        information = information + matrix
        observationCount += observations
    }

    /// Adds what another process has seen; neither must have begun with a prior that the other has too.
    public mutating func merge(_ other: FisherAccumulator) throws(InformationError) {
        guard other.paths == paths else { throw .mismatched(reason: "they are of other parameters") }
        try add(other.information, observations: other.observationCount)
    }

    /// eta I^-1 s: the step of the recursive estimate theta += eta I^-1 s for a score s (the gradient of log p).
    ///
    /// Throws where I is not positive definite.
    public func step(_ score: Tensor, learningRate: Double = 1) throws(TorchError) -> Tensor {
        let solution = score.unsqueezed(1).choleskySolved(factor: information.cholesky()).flattened()
        try solution.check()
        return solution * learningRate
    }

    /// The square roots of I^-1's diagonal: standard errors of the maximum-likelihood estimate, where the model
    /// is right, every parameter is identified and the estimate has converged. Throws where I is not positive
    /// definite.
    public func standardErrors() throws(TorchError) -> [Double] {
        let size = information.shape[0]
        let identity = Tensor(
            (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }, shape: [size, size]
        ).to(dtype: information.dtype)
        let inverse = identity.choleskySolved(factor: information.cholesky())
        let elements = try inverse.scalars(as: Double.self)
        return (0..<size).map { elements[$0 * size + $0].squareRoot() }
    }

    /// Writes it to a safetensors file.
    public func save(to path: String) throws {
        let count = Tensor([Int64(observationCount)], shape: [])
        try SafetensorsWriter(metadata: ["parameters": paths.map(\.description).joined(separator: "\n")])
            .write(
                [
                    try SafetensorsSource(name: "information", tensor: information),
                    try SafetensorsSource(name: "observations", tensor: count),
                ], to: path)
    }

    /// Reads what `save` wrote.
    public init(path: String) throws {
        let file = try SafetensorsFile(path: path)
        let text = file.metadata["parameters"] ?? ""
        try self.init(
            paths: text.split(separator: "\n").map { ParameterPath(String($0)) },
            prior: try file.tensor(named: "information"))
        observationCount = Int(try file.tensor(named: "observations").item())
    }
}
