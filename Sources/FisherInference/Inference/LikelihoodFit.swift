import Foundation

/// A maximum of a model's likelihood with the information there.
package struct LikelihoodFit<Model: LikelihoodModel> {
    package let model: Model
    package let maximum: Maximum
    /// I^-1 on its range; the other directions are not determined by the data.
    package let expected: InformationInverse
    /// H^-1 on its range.
    package let observed: InformationInverse
    /// J, of independent units.
    package let unitVariance: ScoreVariance
    /// J, of clusters; nil without clusters.
    package let clusterVariance: ScoreVariance?
    /// The factor of the standard and the observed covariance that the dispersion contributes beside the point's own.
    package let scale: Double
    /// Whether the dispersion was estimated, so that t and F judge instead of the normal and chi-square.
    package let estimatesDispersion: Bool
    /// The maximizer of this fit, and of the constrained ones.
    package let maximizer: Maximizer

    package init(
        model: Model, maximum: Maximum, clusterVariance: ScoreVariance? = nil, scale: Double = 1,
        estimatesDispersion: Bool = false, maximizer: Maximizer = Maximizer()
    ) throws {
        self.model = model
        self.maximum = maximum
        self.maximizer = maximizer
        self.scale = scale
        self.estimatesDispersion = estimatesDispersion
        self.clusterVariance = clusterVariance
        expected = try InformationInverse(of: maximum.evaluation.expected)
        observed = try InformationInverse(of: maximum.evaluation.observed)
        unitVariance = try model.unitVariance(at: maximum.point)
    }

    package var point: [Double] { maximum.point }
    package var names: [String] { model.parameterNames }
    package var logLikelihood: Double { maximum.evaluation.logLikelihood }
    /// The number of parameters that the data determine.
    package var rank: Int { expected.rank }
    /// n - p.
    package var residualDegrees: Double { model.unitCount - Double(rank) }

    /// The covariance of the estimates; on the range of the information where that is singular.
    package func covariance(
        _ kind: CovarianceKind, factor: SmallSampleFactor = .full
    ) throws(InferenceFault) -> DenseMatrix {
        switch kind {
        case .standard: return expected.inverse * scale
        case .observed: return observed.inverse * scale
        case .sandwich, .cluster:
            guard let variance = kind == .sandwich ? unitVariance : clusterVariance else {
                throw InferenceFault("a covariance by clusters needs --cluster and its column")
            }
            if let count = variance.clusterCount, count < 2 {
                throw InferenceFault("a covariance by clusters needs two clusters or more, not \(count)")
            }
            let enlarged = factor.value(
                units: model.unitCount, parameters: rank, clusters: variance.clusterCount)
            guard enlarged.isFinite, enlarged > 0 else {
                throw InferenceFault(
                    "\(Int(model.unitCount)) units are too few for a robust covariance of \(rank) parameters")
            }
            return variance.matrix.congruent(by: observed.inverse) * enlarged
        }
    }

    /// The distribution of an estimate over its standard error.
    package func reference(_ kind: CovarianceKind) -> ReferenceDistribution {
        guard estimatesDispersion, residualDegrees > 0 else { return .normal }
        if kind == .cluster, let count = clusterVariance?.clusterCount { return .studentT(Double(count - 1)) }
        return .studentT(residualDegrees)
    }

    /// The parameters of a set that the data determine apart from the others: an aliased one among the last is left out.
    package var determinedParameters: [Int] {
        let aliased = Set(
            expected.nullDirections.compactMap { row in row.lastIndex { $0 != 0 } })
        return names.indices.filter { !aliased.contains($0) }
    }
}

extension LikelihoodFit where Model == RegressionModel {
    /// Fits a table's model.
    ///
    /// Throws `FitError`, and `InferenceFault` where nothing is left to estimate a dispersion from.
    package init(_ model: RegressionModel, maximizer: Maximizer = Maximizer(), start: [Double]? = nil) throws
    {
        let maximum = try maximizer.maximum(of: model, within: .all(from: start ?? model.start))
        try self.init(model, at: maximum, maximizer: maximizer)
    }

    init(_ model: RegressionModel, at maximum: Maximum, maximizer: Maximizer) throws {
        var scale = 1.0
        let learns = model.dispersion == .learned
        if case .known(let value) = model.dispersion, model.family != .gaussian { scale = value }
        if learns {
            let rank = try InformationInverse(of: maximum.evaluation.expected).rank
            let degrees = model.unitCount - Double(rank)
            guard degrees > 0 else {
                throw InferenceFault(
                    "\(rank) parameters of \(Int(model.unitCount)) observations leave nothing to estimate the dispersion from; give it with --dispersion"
                )
            }
            guard let pearson = model.pearson(at: maximum.point), pearson > 0, pearson.isFinite else {
                throw InferenceFault(
                    "the residuals are all zero, so that there is no dispersion to infer from")
            }
            // The point's own variance is the maximum of the likelihood, the square over n.
            scale = model.family == .gaussian ? model.unitCount / degrees : pearson / degrees
        }
        try self.init(
            model: model, maximum: maximum, clusterVariance: model.clusterVariance(at: maximum.point),
            scale: scale, estimatesDispersion: learns, maximizer: maximizer)
    }

    /// The estimated or given dispersion: of the Gaussian its variance by n - p degrees of freedom.
    package var dispersion: Double {
        if case .known(let value) = model.dispersion { return value }
        return (model.pearson(at: point) ?? .nan) / residualDegrees
    }

    /// The number of parameters that information criteria count: a learned variance is one.
    package var countedParameters: Int { rank + (model.learnsVariance ? 1 : 0) }

    /// Akaike's criterion -2 l + 2 p.
    package var aic: Double { -2 * logLikelihood + 2 * Double(countedParameters) }
    /// Schwarz's criterion -2 l + p log n.
    package var bic: Double { -2 * logLikelihood + Double(countedParameters) * log(model.unitCount) }
    /// Takeuchi's criterion -2 l + 2 tr H^-1 J, right under a wrong model too.
    package var tic: Double {
        var penalty = (observed.inverse * unitVariance.matrix).trace
        // The learned variance's own block: half of the residuals' kurtosis less one.
        if model.learnsVariance { penalty += (model.kurtosis(at: point) - 1) / 2 }
        return -2 * logLikelihood + 2 * penalty
    }
}

extension RegressionModel {
    /// The mean fourth power of the residuals over the square of their mean square.
    func kurtosis(at point: [Double]) -> Double {
        let eta = predictors(at: point)
        var (second, fourth) = (0.0, 0.0)
        for i in response.indices {
            let residual = response[i] - link.mean(eta[i]).value
            let square = residual * residual
            // A weight of precision scales the residual, a frequency counts it.
            second += weights[i] * square
            fourth += (weightKind == .frequency ? weights[i] : weights[i] * weights[i]) * square * square
        }
        return unitCount * fourth / (second * second)
    }
}
