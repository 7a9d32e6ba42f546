import FisherInformation
import Foundation

/// The largest of several of Student's t that share their variance estimate and the mean they are compared with:
/// what makes the intervals of several differences to one baseline hold together.
///
/// For k differences with a common correlation r, estimated with nu degrees of freedom,
///
///     P(max |T_i| <= c) = E_s integral phi(y) [Phi((c s + sqrt(r) y) / sqrt(1 - r)) - Phi((-c s + sqrt(r) y) / sqrt(1 - r))]^k dy
///
/// with s the root of chi-square over nu; both integrals by Gauss-Legendre quadrature. Equal numbers of runs give
/// r = 1/2. Dunnett (1955), "A multiple comparison procedure for comparing several treatments with a control"; the
/// tests compare with scipy and the published tables.
public struct Dunnett: Sendable {
    /// The number of differences to the baseline, one or more.
    public let comparisons: Int
    /// The degrees of freedom of the variance, one or more.
    public let degreesOfFreedom: Int
    private let correlation: Double
    private let scales: ScaleQuadrature
    private let shared: [(value: Double, weight: Double)]

    /// The distribution for a number of differences, whose correlation is at least zero and below one.
    public init(comparisons: Int, degreesOfFreedom: Int, correlation: Double = 0.5) {
        precondition(comparisons > 0 && degreesOfFreedom > 0 && (0..<1).contains(correlation))
        self.comparisons = comparisons
        self.degreesOfFreedom = degreesOfFreedom
        self.correlation = correlation
        scales = ScaleQuadrature(degreesOfFreedom: degreesOfFreedom)
        let rule = GaussLegendre(64, over: -8...8)
        shared = zip(rule.nodes, rule.weights).map { ($0, $1 * StandardNormal.density($0)) }
    }

    /// The probability that every one of the differences lies within `t` standard errors of its true value.
    public func centralProbability(within t: Double) -> Double {
        let (own, common) = ((1 - correlation).squareRoot(), correlation.squareRoot())
        return scales.points.reduce(0) { sum, scale in
            guard scale.weight > 1e-18 else { return sum }
            let limit = abs(t) * scale.ratio
            return sum + scale.weight
                * shared.reduce(0) { inner, point in
                    let upper = StandardNormal.probability(upTo: (limit + common * point.value) / own)
                    let lower = StandardNormal.probability(upTo: (common * point.value - limit) / own)
                    return inner + point.weight * pow(max(0, upper - lower), Double(comparisons))
                }
        }
    }

    /// The number of standard errors within which all differences lie with the given probability: 2.68 for 0.95, three
    /// differences and twelve degrees of freedom, where a single one has 2.18.
    ///
    /// - Parameter probability: Above zero and below one.
    public func halfWidth(probability: Double) -> Double {
        precondition(probability > 0 && probability < 1, "a probability within (0, 1), not \(probability)")
        // Between the t of a single difference and that of as many independent ones.
        let single = StudentT(degreesOfFreedom: degreesOfFreedom)
        var low = single.halfWidth(probability: probability)
        var high = single.halfWidth(probability: 1 - (1 - probability) / Double(comparisons))
        if comparisons == 1 { return low }
        for _ in 0..<40 where high - low > 1e-9 * high {
            let middle = (low + high) / 2
            if centralProbability(within: middle) < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
