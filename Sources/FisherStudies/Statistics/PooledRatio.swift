import Torch

/// A ratio of two sums over independent cases, such as the errors of all utterances over the words of all references, with
/// an interval by resampling the cases.
public struct PooledRatio: Sendable, Hashable {
    /// The summands of the numerator by case.
    public let numerators: [Double]
    /// The summands of the denominator by case.
    public let denominators: [Double]

    /// Pairs the summands of each case; there must be as many of both.
    public init(numerators: [Double], denominators: [Double]) {
        precondition(numerators.count == denominators.count, "a case has a numerator and a denominator")
        self.numerators = numerators
        self.denominators = denominators
    }

    /// The ratio of the sums; nil if the denominators' is zero.
    public var value: Double? {
        Self.ratio(numerators.reduce(0, +), denominators.reduce(0, +))
    }

    /// The percentile interval of the bootstrap over cases (Efron 1979): the quantiles of the ratio over batches of as many
    /// cases, drawn with replacement. It is deterministic by its seed. Nil with fewer than two cases, or if the ratio
    /// does not exist. Costs the number of cases times that of resamples.
    ///
    /// - Parameters:
    ///   - probability: what the interval holds in the long run.
    ///   - resamples: the number of batches.
    ///   - seed: which batches are drawn.
    public func interval(
        probability: Double = 0.95, resamples: Int = 2000, seed: UInt64 = 0
    ) -> ClosedRange<Double>? {
        precondition(
            (0..<1).contains(probability) && resamples > 0, "an interval has a probability below one")
        guard numerators.count > 1, value != nil else { return nil }
        var generator = SplitMix64(seed: seed)
        var found: [Double] = []
        found.reserveCapacity(resamples)
        for _ in 0..<resamples {
            var (above, below) = (0.0, 0.0)
            for _ in numerators.indices {
                let chosen = generator.uniform(below: numerators.count)
                above += numerators[chosen]
                below += denominators[chosen]
            }
            if let ratio = Self.ratio(above, below) { found.append(ratio) }
        }
        guard !found.isEmpty else { return nil }
        found.sort()
        func quantile(_ share: Double) -> Double {
            let place = share * Double(found.count - 1)
            let low = Int(place)
            let high = min(low + 1, found.count - 1)
            return found[low] + (found[high] - found[low]) * (place - Double(low))
        }
        let tail = (1 - probability) / 2
        return quantile(tail)...quantile(1 - tail)
    }

    private static func ratio(_ above: Double, _ below: Double) -> Double? { below > 0 ? above / below : nil }
}
