/// The difference of two optimizers' final losses, seed by seed.
///
/// Pairing removes what a seed does to both alike (initialization, data order), which is most of the spread.
public struct PairedDifference: Sendable, Hashable, Encodable {
    /// One seed that both optimizers completed.
    public struct Pair: Sendable, Hashable, Encodable {
        /// The seed.
        public let seed: UInt64
        /// The optimizer's final loss less the reference's; negative if the optimizer is better.
        public let difference: Double
    }

    /// The pairs by increasing seed, one or more.
    public let pairs: [Pair]
    /// The mean and the spread of the differences.
    public let summary: SampleSummary

    /// Compares losses with those of a reference over the seeds that both have; nil if there are none.
    public init?(of losses: [UInt64: Double], to references: [UInt64: Double]) {
        let pairs =
            losses
            .compactMap { seed, loss in references[seed].map { Pair(seed: seed, difference: loss - $0) } }
            .sorted { $0.seed < $1.seed }
        guard let summary = SampleSummary(pairs.map(\.difference)) else { return nil }
        self.pairs = pairs
        self.summary = summary
    }

    /// The mean difference, negative if the optimizer is better.
    public var mean: Double { summary.mean }

    /// Student's 95 % interval of this difference alone; nil for fewer than three pairs. Several of them do not hold
    /// together; those of a ``BaselineTest`` do.
    public var interval: ClosedRange<Double>? { summary.interval() }
}
