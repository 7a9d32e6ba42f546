import NeuralNet
import Torch

/// The estimates for a batch, or for several batches whose estimates were added, by request.
///
/// Each accessor returns nil for what was not requested.
public struct CurvatureEstimates {
    private var answers: [CurvatureRequest: any Summable] = [:]
    /// The number of units: samples, or whole sequences.
    public private(set) var unitCount: Int

    /// Begins with no estimate.
    package init(unitCount: Int = 0) { self.unitCount = unitCount }

    mutating func answer(_ request: CurvatureRequest, _ found: any Summable) { answers[request] = found }

    /// Whether nothing was requested.
    public var isEmpty: Bool { answers.isEmpty }

    /// The estimates of independent data, added request by request; an estimate that only one of the two has
    /// is kept unchanged.
    ///
    /// Throws `mismatched` if two estimates are of other parameters or layers, and for leading eigenpairs,
    /// which cannot be added.
    public static func + (a: CurvatureEstimates, b: CurvatureEstimates) throws(CurvatureError)
        -> CurvatureEstimates
    {
        func sum<Value: Summable>(_ own: Value, _ other: any Summable) throws(CurvatureError) -> any Summable
        {
            guard let other = other as? Value else {
                preconditionFailure("two answers to one request are of different kinds")
            }
            return try own.adding(other)
        }
        var result = a
        result.unitCount += b.unitCount
        for (request, other) in b.answers {
            result.answers[request] = if let own = a.answers[request] { try sum(own, other) } else { other }
        }
        return result
    }

    /// The estimates of what all processes have together, each of which was asked the same. Throws `mismatched` for
    /// leading eigenpairs and for gradients of single units, which cannot be added.
    public func summed(by sum: ProcessSum) throws -> CurvatureEstimates {
        var result = self
        result.unitCount = sum(unitCount)
        // In one order everywhere.
        for (request, own) in answers.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            result.answers[request] = try own.summed(by: sum)
        }
        return result
    }

    /// The estimates of what all processes have together; see ``summed(by:)``. All processes call it.
    public func summed(over processes: ProcessGroup) throws -> CurvatureEstimates {
        try ProcessSum.of({ self }, over: processes, as: "the sum of the estimates") {
            try $0.summed(by: $1)
        }
    }

    /// The answers to some requests alone.
    func answering(_ requests: [CurvatureRequest]) -> CurvatureEstimates {
        var result = self
        result.answers = answers.filter { requests.contains($0.key) }
        return result
    }

    /// The gradient of the mean negative log-likelihood, by parameter; nil for one that was not reached.
    public var gradient: [ParameterPath: Tensor]? {
        (answers[.gradient] as? Counted<[ParameterPath: Tensor]>)?.mean
    }

    /// The whole matrix.
    public func full(_ source: CurvatureSource) -> FullInformation? {
        answers[.full(source)] as? FullInformation
    }

    /// The matrix of a linear system; that of the whole matrix, where this was requested in its place.
    public func system(_ source: CurvatureSource) -> InformationSystem? {
        answers[.system(source)] as? InformationSystem ?? full(source).map { InformationSystem($0) }
    }

    /// The whole matrix of each layer.
    public func blocks(_ source: CurvatureSource) -> BlockInformation? {
        answers[.blocks(source)] as? BlockInformation
    }

    /// The diagonal.
    public func diagonal(_ source: CurvatureSource) -> DiagonalInformation? {
        answers[.diagonal(source)] as? DiagonalInformation
    }

    /// The Kronecker factors.
    public func kronecker(_ source: CurvatureSource, _ sharing: WeightSharing = .expand)
        -> KroneckerInformation?
    {
        answers[.kronecker(source, sharing)] as? KroneckerInformation
    }

    /// The diagonals of the Kronecker factors, and the diagonal of the other parameters.
    public func kroneckerDiagonal(
        _ source: CurvatureSource, _ sharing: WeightSharing = .expand
    ) -> KroneckerInformation? {
        answers[.kroneckerDiagonal(source, sharing)] as? KroneckerInformation
    }

    /// The eigenvalues in the bases of the batch's own factors.
    public func eigenvalueCorrected(
        _ source: CurvatureSource, _ sharing: WeightSharing = .expand
    ) -> EigenvalueCorrectedInformation? {
        answers[.eigenvalueCorrected(source, sharing)] as? EigenvalueCorrectedInformation
    }

    /// The leading eigenpairs.
    public func lowRank(_ rank: Int, _ source: CurvatureSource) -> LowRankInformation? {
        answers[.lowRank(rank, source)] as? LowRankInformation
    }

    /// Products with the information: the mean over all observations.
    public func products(_ source: CurvatureSource) -> SymmetricOperator? { matrix(.products(source)) }

    /// Products with the Hessian of the mean loss.
    public var hessian: SymmetricOperator? { matrix(.hessian) }

    /// The estimate of a request for products.
    public func matrix(_ request: CurvatureRequest) -> SymmetricOperator? {
        (answers[request] as? CurvatureProducts)?.mean
    }

    /// The products with the per-sample gradients.
    public func perSampleGradients(_ source: CurvatureSource) -> PerSampleGradients? {
        answers[.perSampleGradients(source)] as? PerSampleGradients
    }

    /// The layers' inputs and the gradients of their outputs.
    public func activations(_ source: CurvatureSource) -> CapturedActivations? {
        answers[.activations(source)] as? CapturedActivations
    }

    /// The gradients of the first units of each batch.
    public func unitGradients(_ source: CurvatureSource, units: Int) -> UnitGradients? {
        answers[.unitGradients(source, units: units)] as? UnitGradients
    }

    /// The means of the layers' inputs and of the gradients of their outputs.
    public func layerMeans(_ source: CurvatureSource) -> LayerMeans? {
        answers[.layerMeans(source)] as? LayerMeans
    }

    /// The rows of a layer's gradient, if they are few.
    public func gradientRows(of path: ParameterPath) -> GradientRows? {
        (answers[.gradientRows] as? LayerGradientRows)?.layers[path]
    }
}
