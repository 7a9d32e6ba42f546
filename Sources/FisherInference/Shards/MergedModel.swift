import Foundation

/// The model of merged statistics: one point of its likelihood, whose data are elsewhere.
package struct MergedModel: LikelihoodModel {
    package let statistics: ShardStatistics
    /// The variance of a Gaussian response at the point; 1 of others.
    private let variance: Double

    package init(_ statistics: ShardStatistics) {
        self.statistics = statistics
        let specification = statistics.point.specification
        let learns = specification.family == .gaussian && specification.dispersion == .learned
        variance = learns ? (statistics.pearson ?? .nan) / statistics.units : 1
    }

    package var parameterNames: [String] { statistics.point.names }
    package var unitCount: Double { statistics.units }
    package var start: [Double] { statistics.point.parameters }
    package func predictorChange(along step: [Double]) -> Double? { nil }

    private struct DataElsewhere: Error, CustomStringConvertible {
        let description = "merged statistics have one point; what takes others needs the data"
    }

    /// Of a Gaussian with a learned variance the sums are at variance 1.
    private func total() -> Double {
        guard variance != 1 else { return statistics.logLikelihood }
        let n = statistics.units
        let square = statistics.pearson ?? .nan
        let others = statistics.logLikelihood + square / 2 + n / 2 * log(2 * Double.pi)
        return -n / 2 - n / 2 * log(2 * Double.pi * variance) + others
    }

    package func logLikelihood(at point: [Double]) throws -> Double {
        guard point == start else { throw DataElsewhere() }
        return total()
    }

    package func evaluation(at point: [Double]) throws -> Evaluation {
        guard point == start else { throw DataElsewhere() }
        return Evaluation(
            logLikelihood: total(), score: statistics.score.map { $0 / variance },
            expected: statistics.expected * (1 / variance), observed: statistics.observed * (1 / variance))
    }

    package func unitVariance(at point: [Double]) throws -> ScoreVariance {
        ScoreVariance(matrix: statistics.unitVariance * (1 / (variance * variance)), clusterCount: nil)
    }

    var clusterVariance: ScoreVariance? {
        guard let clusters = statistics.clusters else { return nil }
        var total = DenseMatrix(parameterNames.count, parameterNames.count)
        for (_, score) in clusters.sorted(by: { $0.key < $1.key }) {
            for i in score.indices { for j in score.indices { total[i, j] += score[i] * score[j] } }
        }
        return ScoreVariance(matrix: total * (1 / (variance * variance)), clusterCount: clusters.count)
    }

    package func resampled(at point: [Double], using draws: inout RandomDraws) throws -> MergedModel {
        throw DataElsewhere()
    }

    /// The step from the point to the next, and its length in standard errors.
    package func next() throws -> (point: [Double], length: Double) {
        let found = try evaluation(at: start)
        let step = try InformationInverse(of: found.expected).inverse * found.score
        return (sum(start, step), max(0, dot(step, found.score)).squareRoot())
    }

    /// The fit of all parts: its estimate is one step from the point, its information that of the point.
    package func fit() throws -> LikelihoodFit<MergedModel> {
        let (next, length) = try next()
        let found = try evaluation(at: start)
        let specification = statistics.point.specification
        var scale = 1.0
        if case .known(let value) = specification.dispersion, specification.family != .gaussian {
            scale = value
        }
        let learns = specification.dispersion == .learned
        if learns {
            let degrees = unitCount - Double(try InformationInverse(of: found.expected).rank)
            guard degrees > 0 else {
                throw InferenceFault("the merged data leave nothing to estimate the dispersion from")
            }
            scale =
                specification.family == .gaussian
                ? unitCount / degrees : (statistics.pearson ?? .nan) / degrees
        }
        return try LikelihoodFit(
            model: self,
            maximum: Maximum(point: next, evaluation: found, iterations: 1, decrement: length * length),
            clusterVariance: clusterVariance, scale: scale, estimatesDispersion: learns)
    }
}
