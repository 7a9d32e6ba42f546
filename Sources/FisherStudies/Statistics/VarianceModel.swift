import FisherInformation
import Foundation
import Synchronization

/// Which variance the intervals of a comparison use.
public enum VarianceModel: String, Codable, Sendable, CaseIterable {
    /// Each difference its own, over the seeds common to both: Student's t at Šidák's level.
    ///
    /// It holds whatever the variances and correlations are. Optimizers differ in their spread, often tenfold.
    case own
    /// One for all optimizers, from the residuals of runs after their seed's and their optimizer's mean: Dunnett's test in
    /// a design of complete blocks.
    ///
    /// It has more degrees of freedom, and it holds only if all optimizers scatter alike, which has to be known before the
    /// runs are seen.
    case pooled
}

/// A two-sided test of the differences of several optimizers to a baseline: its critical value and its power.
public struct BaselineTest: Sendable, Hashable {
    /// The number of differences.
    public let comparisons: Int
    /// The seeds that baseline and optimizers share, three or more.
    public let seeds: Int
    /// Which variance is used.
    public let variances: VarianceModel
    /// The probability of one false statement or more.
    public let level: Double

    /// A test of a number of differences, each over as many seeds.
    public init(comparisons: Int, seeds: Int, variances: VarianceModel = .own, level: Double = 0.05) {
        precondition(comparisons > 0 && seeds > 1 && level > 0 && level < 1)
        self.comparisons = comparisons
        self.seeds = seeds
        self.variances = variances
        self.level = level
    }

    /// The degrees of freedom of the variance: n - 1, pooled k (n - 1), of which no more than 10,000 make a difference.
    public var degreesOfFreedom: Int {
        min(variances == .own ? seeds - 1 : comparisons * (seeds - 1), 10_000)
    }

    /// The standard errors by which a simultaneous interval reaches to either side.
    public var halfWidth: Double {
        if let known = Self.known.withLock({ $0[self] }) { return known }
        let computed = computedHalfWidth
        Self.known.withLock { known in
            if known.count >= 1000 { known.removeAll() }
            known[self] = computed
        }
        return computed
    }

    /// Half widths that were computed: quadratures take a millisecond each, and a table asks for one in every row.
    private static let known = Mutex<[BaselineTest: Double]>([:])

    private var computedHalfWidth: Double {
        switch variances {
        case .own:
            StudentT(degreesOfFreedom: degreesOfFreedom)
                .halfWidth(probability: pow(1 - level, 1 / Double(comparisons)))
        case .pooled:
            Dunnett(comparisons: comparisons, degreesOfFreedom: degreesOfFreedom)
                .halfWidth(probability: 1 - level)
        }
    }

    /// The p-value, adjusted for the number of differences, of one that lies `t` standard errors from zero.
    public func probability(beyond t: Double) -> Double {
        let single = StudentT(degreesOfFreedom: degreesOfFreedom)
        let alone = t.isFinite ? max(0, 1 - single.centralProbability(within: t)) : 0
        switch variances {
        case .own: return Multiplicity.sidak(alone, count: comparisons)
        case .pooled:
            if comparisons == 1 || alone == 0 { return alone }
            let joint = Dunnett(comparisons: comparisons, degreesOfFreedom: degreesOfFreedom)
            // The quadrature's error must not take it out of its bounds.
            return min(
                max(1 - joint.centralProbability(within: t), alone), min(1, alone * Double(comparisons)))
        }
    }

    /// The probability that the test finds a difference of a size, in standard deviations of the difference seed by seed.
    ///
    /// From the noncentral t: 1 - E_s[Phi(c s - d) - Phi(-c s - d)] with d = size sqrt(n) and s the root of chi-square over
    /// its degrees of freedom.
    public func power(ofDifference size: Double) -> Double {
        power(ofDifference: size, critical: halfWidth)
    }

    private func power(ofDifference size: Double, critical: Double) -> Double {
        let shift = abs(size) * Double(seeds).squareRoot()
        let missed = ScaleQuadrature(degreesOfFreedom: degreesOfFreedom).points.reduce(0) { sum, point in
            let limit = critical * point.ratio
            return sum + point.weight
                * (StandardNormal.probability(upTo: limit - shift)
                    - StandardNormal.probability(upTo: -limit - shift))
        }
        return min(1, max(0, 1 - missed))
    }

    /// The fewest seeds, three or more, with which a difference of a size is found with a probability; nil if even
    /// 10,000 do not suffice.
    ///
    /// - Parameters:
    ///   - size: the difference in standard deviations of the difference seed by seed.
    ///   - power: the probability, above zero and below one.
    ///   - comparisons: the number of differences that are tested together.
    ///   - variances: which variance is used.
    ///   - level: the probability of one false statement or more.
    public static func seeds(
        toFind size: Double, power: Double, comparisons: Int = 1, variances: VarianceModel = .own,
        level: Double = 0.05
    ) -> Int? {
        func suffices(_ seeds: Int) -> Bool {
            BaselineTest(comparisons: comparisons, seeds: seeds, variances: variances, level: level)
                .power(ofDifference: size) >= power
        }
        let most = 10_000
        var (low, high) = (2, 3)
        while !suffices(high) {
            guard high < most else { return nil }
            (low, high) = (high, min(most, high * 2))
        }
        while high - low > 1 {
            let middle = (low + high) / 2
            if suffices(middle) { high = middle } else { low = middle }
        }
        return high
    }
}
