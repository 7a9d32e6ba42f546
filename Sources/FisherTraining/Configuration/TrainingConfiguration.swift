import FisherOptions

/// The `[training]`, `[checkpoints]` and `[log]` sections: what every task's run has.
public struct TrainingConfiguration: ConfigurableOptions {
    /// The number of steps.
    @Configurable("training.steps", .atLeast(1), "steps of a run")
    public var steps = 1000
    /// The number of slices into which a batch is cut to save memory.
    @Configurable("training.micro_batches", .atLeast(1), "slices of a batch, to save memory")
    public var microBatches = 1
    /// The seed of the first weights and of the batches.
    @Configurable("training.seed", .nonNegative, "seed of the first weights and of the batches")
    public var seed: UInt64 = 0
    /// Threads to compute with; 0 for libtorch's choice.
    @Configurable("training.threads", .between(0, 4096), "threads to compute with; 0: libtorch's choice")
    public var threads = 0
    /// Steps between evaluations; 0 for ten evaluations in a run.
    @Configurable("training.evaluate_every", .nonNegative, "steps between evaluations; 0: ten times a run")
    public var evaluateEvery = 0
    /// Evaluations without a new best before the run ends early; 0 for never.
    @Configurable("training.patience", .nonNegative, "evaluations without a best before a run ends; 0: never")
    public var patience = 0
    /// Steps between checkpoints; 0 for one with every evaluation.
    @Configurable("checkpoints.every", .nonNegative, "steps; 0: with every evaluation")
    public var checkpointEvery = 0
    /// How many of the newest checkpoints are kept, besides the best.
    @Configurable("checkpoints.keep", .atLeast(1), "newest checkpoints kept, besides the best")
    public var keep = 3
    /// The least number of seconds between checkpoints; the one after the last step is always written.
    ///
    /// With more than 0 the best checkpoint is the best of those that were written.
    @Configurable("checkpoints.seconds", .nonNegative, "least seconds between checkpoints, the last apart")
    public var checkpointSeconds = 0
    /// Steps between lines of the log.
    @Configurable("log.every", .atLeast(1), "steps between lines of metrics.jsonl")
    public var logEvery = 1
    /// Whether event files for TensorBoard are written.
    @Configurable("log.tensorboard", "write event files")
    public var tensorBoard = true
    /// Whether they hold histograms of weights, updates and information, with every evaluation.
    @Configurable("log.histograms", "with histograms of weights, updates and information")
    public var histograms = true

    /// The defaults.
    public init() {}

    /// The length of the run and the interval of evaluations.
    public var length: RunLength {
        RunLength(
            steps: steps, evaluateEvery: evaluateEvery > 0 ? evaluateEvery : max(1, steps / 10),
            microBatches: microBatches, patience: patience > 0 ? patience : nil)
    }
}
