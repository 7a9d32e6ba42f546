import Foundation
import NeuralNet
import Torch

/// The information of all data so far about a small model's parameters: I = I_0 + sum of what was added.
///
/// Information adds over independent data, whatever the estimate. Unlike an estimate's mean it grows with the
/// data, so that its inverse is a covariance if the model is right and the estimate has converged
/// (``InformationRegime``). Accumulators of different processes are merged by addition, directly, through
/// files, or over the group in which they compute together (``summed(over:)``).
///
/// What is added must be of one source and one point, the network and the weights at which the gradients were
/// computed: a sum over several is the information of no model. The recursive estimate, whose point moves with
/// each step, asks for that with `acrossPoints`.
public struct FisherAccumulator {
    /// The parameters in the order of rows and columns.
    public let paths: [ParameterPath]
    /// I_0: what was known before any data, [parameters, parameters].
    public let prior: Tensor
    /// Whether estimates at different points may be added.
    public let acrossPoints: Bool
    /// The sum of the data's information, [parameters, parameters].
    public private(set) var data: Tensor
    /// The number of observations in it.
    public private(set) var observationCount: Int
    /// The source of the estimates that were added; nil before the first.
    public private(set) var source: CurvatureSource?
    /// The point at which they were made; nil before the first, and across points.
    public private(set) var point: ModelPoint?

    /// I = I_0 + the sum of the data's information.
    public var information: Tensor { prior + data }

    /// Starts with prior information I_0, or zeros for none. Throws `mismatched` for a prior that is no square matrix.
    ///
    /// - Parameters:
    ///   - paths: the parameters in the order of rows and columns.
    ///   - prior: I_0, [parameters, parameters].
    ///   - acrossPoints: whether estimates at different points may be added, as in the recursive estimate
    ///     theta += eta I^-1 s; the sum is then exact only where the information does not depend on the point.
    public init(
        paths: [ParameterPath], prior: Tensor, acrossPoints: Bool = false
    ) throws(CurvatureError) {
        guard prior.failure == nil, prior.rank == 2, prior.shape[0] == prior.shape[1] else {
            throw .mismatched(reason: "prior information must be a square matrix")
        }
        self.paths = paths
        self.prior = prior
        self.acrossPoints = acrossPoints
        data = .zeros(like: prior)
        observationCount = 0
    }

    /// Adds the information of independent data. Throws `mismatched` for other parameters, for another source and,
    /// unless points may differ, for another point or one that the estimate does not state.
    public mutating func add(_ estimate: FullInformation) throws(CurvatureError) {
        guard estimate.paths == paths else { throw .mismatched(reason: "they are of other parameters") }
        if !acrossPoints, estimate.point == nil {
            throw .mismatched(reason: "the estimate does not state one point at which it was made")
        }
        try add(
            estimate.sums.sum, observations: estimate.observationCount, source: estimate.source,
            point: estimate.point)
    }

    /// Adds information that is known otherwise, such as x x^T / sigma^2 of a linear model. It states no source and
    /// no point, which are not compared.
    public mutating func add(_ matrix: Tensor, observations: Int) throws(CurvatureError) {
        try add(matrix, observations: observations, source: nil, point: nil)
    }

    /// Adds the data that another process has seen. The other's prior is left out, so that one prior that both
    /// began with counts once.
    ///
    /// Throws `mismatched` for other parameters, another source, another point, or if only one of the two is across points.
    public mutating func merge(_ other: FisherAccumulator) throws(CurvatureError) {
        guard other.paths == paths else { throw .mismatched(reason: "they are of other parameters") }
        guard other.acrossPoints == acrossPoints else {
            throw .mismatched(reason: "one is of a single point, the other across points")
        }
        try add(
            other.data, observations: other.observationCount, source: other.source, point: other.point)
    }

    /// The sum of the data that all processes have seen, each of which calls this; the prior counts once.
    ///
    /// Throws `mismatched` as ``merge(_:)`` does, and `ProcessGroupError`.
    public func summed(over processes: ProcessGroup) throws -> FisherAccumulator {
        let own = Description(
            paths: paths.map(\.description), source: source?.description, network: point?.network,
            weights: point?.weights, acrossPoints: acrossPoints, shape: data.shape)
        let texts = try processes.texts(
            String(decoding: try JSONEncoder().encode(own), as: UTF8.self),
            as: "the sum of accumulated information")
        var result = try FisherAccumulator(paths: paths, prior: prior, acrossPoints: acrossPoints)
        // All compare in one order, and find the same difference.
        for (rank, text) in texts.enumerated() {
            let other = try JSONDecoder().decode(Description.self, from: Data(text.utf8))
            do throws(CurvatureError) { try result.join(other) } catch {
                guard case .mismatched(let reason) = error else { throw error }
                throw CurvatureError.mismatched(reason: "rank \(rank): \(reason)")
            }
        }
        let total = try ProcessSum.of(
            { (data: data, count: observationCount) }, over: processes,
            as: "the sum of accumulated information"
        ) { own, sum in (data: try sum(own.data), count: sum(own.count)) }
        (result.data, result.observationCount) = (total.data, total.count)
        return result
    }

    /// What must fit of the accumulators of several processes.
    private struct Description: Codable {
        let paths: [String]
        let source, network, weights: String?
        let acrossPoints: Bool
        let shape: [Int]
    }

    /// Joins an accumulator of another process, without its data.
    private mutating func join(_ other: Description) throws(CurvatureError) {
        guard other.paths == paths.map(\.description) else {
            throw .mismatched(reason: "they are of other parameters")
        }
        guard other.acrossPoints == acrossPoints else {
            throw .mismatched(reason: "one is of a single point, the other across points")
        }
        guard other.shape == data.shape else { throw .mismatched(reason: "the matrix has another shape") }
        var point: ModelPoint?
        if let network = other.network, let weights = other.weights {
            point = ModelPoint(network: network, weights: weights)
        }
        try add(
            .zeros(like: data), observations: 0, source: other.source.flatMap { CurvatureSource($0) },
            point: point)
    }

    mutating func add(
        _ matrix: Tensor, observations: Int, source added: CurvatureSource?, point place: ModelPoint?
    ) throws(CurvatureError) {
        guard matrix.failure == nil, matrix.shape == data.shape else {
            throw .mismatched(reason: "the matrix has another shape")
        }
        if let source, let added, source != added {
            throw .mismatched(reason: "one is \(source), the other \(added)")
        }
        if !acrossPoints, let point, let place, point != place {
            throw .mismatched(
                reason: point.network == place.network
                    ? "they were made at different weights" : "they are of different networks")
        }
        data = data + matrix
        observationCount += observations
        source = source ?? added
        point = acrossPoints ? nil : point ?? place
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
