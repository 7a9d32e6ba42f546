/// How long a run is and how often it is looked at.
public struct RunLength: Hashable, Sendable {
    /// The number of steps.
    public var steps: Int
    /// Validation every so many steps, and after the last.
    public var evaluateEvery: Int
    /// The number of slices into which a batch is cut to save memory.
    public var microBatches: Int
    /// The run ends early after so many evaluations without a new best; never where it is missing.
    public var patience: Int?

    /// Describes a run.
    public init(steps: Int, evaluateEvery: Int, microBatches: Int = 1, patience: Int? = nil) {
        precondition(steps > 0 && evaluateEvery > 0 && microBatches > 0 && patience ?? 1 > 0)
        self.steps = steps
        self.evaluateEvery = evaluateEvery
        self.microBatches = microBatches
        self.patience = patience
    }

    /// Whether the loss on held-out data is measured after a step.
    func isEvaluationDue(after step: Int) -> Bool { step % evaluateEvery == 0 || step == steps }
}
