/// How an optimizer's options were chosen: every trial, the rule, and what it chose.
public struct TuningRecord: Codable, Hashable, Sendable {
    /// One combination of values and what it reached.
    public struct Trial: Codable, Hashable, Sendable {
        /// The values.
        public let settings: [Setting]
        /// The runs, one a tuning seed.
        public var runs: [RunRecord]

        /// The mean final loss on the tuning split; nothing where a run did not complete.
        public var meanLoss: Double? {
            let losses = runs.compactMap(\.completedLoss)
            return losses.count == runs.count && !losses.isEmpty
                ? losses.reduce(0, +) / Double(losses.count) : nil
        }
    }

    /// The optimizer's label before it was tuned.
    public let label: String
    /// What was tried.
    public let grid: OptionGrid
    /// The trials in the order of the grid.
    public var trials: [Trial]

    /// The trial with the lowest mean final loss: the one rule by which all optimizers are tuned.
    public var best: Trial? {
        trials.filter { $0.meanLoss != nil }.min { ($0.meanLoss ?? .infinity) < ($1.meanLoss ?? .infinity) }
    }

    /// The chosen values that stand at an edge of the grid.
    public var edges: [Setting] { best.map { grid.edges(of: $0.settings) } ?? [] }
}
