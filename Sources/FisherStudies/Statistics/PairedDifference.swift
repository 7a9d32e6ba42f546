/// The difference of two optimizers' final losses, seed by seed.
///
/// Pairing removes what a seed does to both alike (initialization, data order), which is most of the spread.
public struct PairedDifference: Sendable, Hashable {
    /// One seed that both optimizers completed.
    public struct Pair: Sendable, Hashable {
        /// The seed.
        public let seed: UInt64
        /// The optimizer's final loss less the reference's; negative where the optimizer is better.
        public let difference: Double
    }

    /// The pairs by increasing seed, one or more.
    public let pairs: [Pair]
    /// The mean and the spread of the differences.
    public let summary: SampleSummary
    /// Student's 95 % interval for the mean difference; nil for a single pair.
    public let interval: ClosedRange<Double>?

    /// Compares losses with those of a reference over the seeds that both have; nil if there are none.
    public init?(of losses: [UInt64: Double], to references: [UInt64: Double]) {
        let pairs =
            losses
            .compactMap { seed, loss in references[seed].map { Pair(seed: seed, difference: loss - $0) } }
            .sorted { $0.seed < $1.seed }
        guard let summary = SampleSummary(pairs.map(\.difference)) else { return nil }
        self.pairs = pairs
        self.summary = summary
        if let deviation = summary.standardDeviation {
            let standardError = deviation / Double(pairs.count).squareRoot()
            let half =
                StudentT(degreesOfFreedom: pairs.count - 1).halfWidth(probability: 0.95) * standardError
            self.interval = (summary.mean - half)...(summary.mean + half)
        } else {
            self.interval = nil
        }
    }

    /// The mean difference, negative where the optimizer is better.
    public var mean: Double { summary.mean }

    /// Whether the interval leaves open which of the two is better; nil if there is no interval.
    public var coversZero: Bool? { interval.map { $0.contains(0) } }
}
