/// One optimizer of a comparison, with the runs it made.
public struct OptimizerEntry: Codable, Sendable, Hashable {
    /// The name shown to readers, for example `adamw + clip 1.0`.
    public var label: String
    /// The rule's own name, for example `adamw`.
    public var rule: String
    /// The resolved options in reading order, defaults included.
    public var options: [Setting]
    /// One run a seed.
    public var runs: [RunRecord]

    /// Names an optimizer and gives its runs.
    public init(label: String, rule: String, options: [Setting], runs: [RunRecord]) {
        self.label = label
        self.rule = rule
        self.options = options
        self.runs = runs
    }

    /// The final validation losses of the completed runs, by seed; a repeated seed counts once.
    public var finalLosses: [UInt64: Double] {
        var losses: [UInt64: Double] = [:]
        for run in runs {
            if let loss = run.completedLoss, losses[run.seed] == nil { losses[run.seed] = loss }
        }
        return losses
    }
}
