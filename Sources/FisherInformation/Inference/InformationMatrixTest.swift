/// White's information-matrix test, calibrated by the parametric bootstrap.
///
/// Under a right model the variance of the scores J, the observed information H and the expected information I agree
/// (White, 1982). How far apart they are by chance depends on the model and on the sample, so that no fixed limit serves:
/// the model itself is asked. Responses are drawn from it at the estimate, it is fitted to each, and the statistics of the
/// data are compared with those of the draws (Horowitz, 1994). Several measures of distance are each centered and scaled
/// by the draws, and the largest is the statistic: its rank among the draws' own is the probability.
public struct InformationMatrixTest: Hashable, Sendable {
    /// The measures of distance, computed in coordinates in which I is the identity.
    public enum Measure: String, CaseIterable, Hashable, Sendable {
        /// tr(I^-1 J) / p - 1: over- or underdispersion; both signs count.
        case trace
        /// |W^T J W - 1| / sqrt(p), Frobenius norm, W a root of I^-1.
        case empirical
        /// |W^T H W - 1| / sqrt(p); 0 for canonical links.
        case observed
        /// The largest |log| of a robust over a standard error.
        case errors = "standard errors"
    }

    /// The statistic of the data: the largest standardized measure.
    public let statistic: Double
    /// The measure that is the largest.
    public let measure: Measure
    /// The share of draws, the data counted as one, whose statistic is at least as large.
    public let probability: Double
    /// The number of draws that could be fitted.
    public let replicateCount: Int
    /// The number of draws that could not, by separation for example.
    public let failureCount: Int

    /// The outcome of no draws, for a model that is known to be right, such as one that the data were simulated from.
    public static let assumed = InformationMatrixTest(
        statistic: 0, measure: .trace, probability: 1, replicateCount: 0, failureCount: 0)

    private init(
        statistic: Double, measure: Measure, probability: Double, replicateCount: Int, failureCount: Int
    ) {
        (self.statistic, self.measure, self.probability) = (statistic, measure, probability)
        (self.replicateCount, self.failureCount) = (replicateCount, failureCount)
    }

    /// Whether the model is rejected at a level.
    public func rejects(level: Double = 0.05) -> Bool { probability <= level }

    /// Compares the measures of the data with those of draws.
    ///
    /// - Parameters:
    ///   - data: a value for each of `Measure.allCases`.
    ///   - replicates: likewise, for each draw; at least 19.
    ///   - failures: the number of draws that have none.
    package init(data: [Double], replicates: [[Double]], failures: Int) {
        precondition(!replicates.isEmpty, "a calibration needs draws")
        // The data count as one of the draws, so that under the model all of them are exchangeable.
        let all = replicates + [data]
        let count = Double(all.count)
        let scales = data.indices.map { k in
            let mean = all.reduce(0) { $0 + $1[k] } / count
            let square = all.reduce(0) { $0 + ($1[k] - mean) * ($1[k] - mean) } / count
            return (mean: mean, deviation: square.squareRoot())
        }
        func standardized(_ values: [Double]) -> [Double] {
            values.indices.map { k in
                // What never varies, such as H of a canonical link, says nothing.
                guard scales[k].deviation > 1e-9 * (1 + abs(scales[k].mean)) else { return 0 }
                let distance = (values[k] - scales[k].mean) / scales[k].deviation
                return Measure.allCases[k] == .trace ? abs(distance) : distance
            }
        }
        let own = standardized(data)
        let largest = own.indices.max { own[$0] < own[$1] } ?? 0
        statistic = own[largest]
        measure = Measure.allCases[largest]
        let reached = replicates.count { (standardized($0).max() ?? 0) >= own[largest] }
        probability = Double(1 + reached) / count
        replicateCount = replicates.count
        failureCount = failures
    }
}
