import Foundation

/// What a comparison's table shows: one row an optimizer, and which of them is ahead.
public struct ComparisonSummary: Sendable, Hashable {
    /// One optimizer's numbers over its seeds.
    public struct Row: Sendable, Hashable {
        /// The optimizer's name.
        public let label: String
        /// The final validation losses of the completed runs, in nats for each unit; nil if none completed.
        public let finalLoss: SampleSummary?
        /// The difference to the first optimizer; nil for the first itself and where no seed is common.
        public let difference: PairedDifference?
        /// The mean final loss over that of the first optimizer; nil for the first itself.
        public let relativeLoss: Double?
        /// The steps and time to reach the first optimizer's final loss; nil for the first itself.
        public let reach: BaselineReach?
        /// Milliseconds of forward and backward pass in a step: the median over runs of the runs' medians.
        public let forwardBackwardMilliseconds: Double?
        /// Milliseconds of the optimizer in a step: the median over runs of the runs' medians.
        public let optimizerMilliseconds: Double?
        /// Bytes of optimizer state, the largest over the runs.
        public let stateBytes: Int
        /// The number of runs recorded.
        public let runCount: Int
        /// The number of runs that completed with a finite loss.
        public let completedCount: Int
        /// The number of runs that diverged, or completed with a loss that is not finite.
        public let divergedCount: Int
        /// The number of runs that were stopped from outside.
        public let interruptedCount: Int
    }

    /// The name of what a loss is counted over.
    public let lossUnit: String
    /// The number of trained parameters.
    public let parameterCount: Int
    /// The optimizers in the order of the comparison.
    public let rows: [Row]
    /// The index of the optimizer with the lowest mean loss.
    ///
    /// If some optimizer completed every run, only such optimizers are considered: the mean over the
    /// remaining runs would reward diverging on the harder seeds.
    public let bestIndex: Int?
    /// The index of the next one after the best, under the same condition.
    public let runnerUpIndex: Int?
    /// The difference of the runner-up to the best, over the seeds both completed.
    public let runnerUpDifference: PairedDifference?

    /// How options were tuned beforehand.
    public let tuning: [TuningRecord]

    /// Summarizes a comparison.
    public init(of result: OptimizerComparison) {
        tuning = result.tuning ?? []
        lossUnit = result.task.lossUnit
        parameterCount = result.task.parameterCount
        let rows = result.entries.enumerated().map { index, entry in
            Row(entry, reference: index == 0 ? nil : result.entries.first)
        }
        self.rows = rows
        let ranking = Self.ranking(rows)
        bestIndex = ranking.first
        runnerUpIndex = ranking.dropFirst().first
        if let best = ranking.first, let next = ranking.dropFirst().first {
            runnerUpDifference = PairedDifference(of: result.entries[next], to: result.entries[best])
        } else {
            runnerUpDifference = nil
        }
    }

    /// Bits for each unit that a loss in nats amounts to.
    public static func bits(fromNats loss: Double) -> Double { loss / log(2) }

    /// The perplexity of a loss in nats.
    public static func perplexity(fromNats loss: Double) -> Double { exp(loss) }

    /// The rows from the lowest mean loss upwards, those with failed runs left out unless all have some.
    private static func ranking(_ rows: [Row]) -> [Int] {
        let scored = rows.indices.filter { rows[$0].finalLoss != nil }
        let whole = scored.filter { rows[$0].completedCount == rows[$0].runCount }
        return (whole.isEmpty ? scored : whole).sorted { left, right in
            (rows[left].finalLoss?.mean ?? .infinity, left) < (
                rows[right].finalLoss?.mean ?? .infinity, right
            )
        }
    }
}

extension ComparisonSummary.Row {
    init(_ entry: OptimizerEntry, reference: OptimizerEntry?) {
        let completed = entry.runs.filter { $0.completedLoss != nil }
        let interrupted = entry.runs.filter { if case .interrupted = $0.status { true } else { false } }
        // A run that stopped early has few steps to time; it is used only if there is no other.
        let timed = completed.isEmpty ? entry.runs : completed
        label = entry.label
        finalLoss = SampleSummary(completed.compactMap(\.completedLoss))
        difference = reference.flatMap { PairedDifference(of: entry, to: $0) }
        let pairs = difference?.pairs.map(\.seed) ?? []
        let sums = [entry, reference].compactMap { $0 }.map { side in
            pairs.reduce(0) { $0 + (side.finalLosses[$1] ?? 0) }
        }
        relativeLoss = sums.count == 2 && sums[1] > 0 ? sums[0] / sums[1] : nil
        reach = reference.flatMap { BaselineReach(of: entry, to: $0) }
        forwardBackwardMilliseconds = SampleSummary.median(timed.map(\.forwardBackwardMilliseconds))
        optimizerMilliseconds = SampleSummary.median(timed.map(\.optimizerMilliseconds))
        stateBytes = entry.runs.map(\.stateBytes).max() ?? 0
        runCount = entry.runs.count
        completedCount = completed.count
        interruptedCount = interrupted.count
        divergedCount = entry.runs.count - completed.count - interrupted.count
    }
}
