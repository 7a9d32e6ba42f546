/// The `[training]`, `[checkpoints]` and `[log]` sections: what every task's run has.
public struct TrainingConfiguration: Sendable, Hashable {
    /// The number of steps.
    public var steps = 1000
    /// Slices of a batch.
    public var microBatches = 1
    /// The seed of the first weights and of the batches.
    public var seed = 0
    /// Threads to compute with; 0 is libtorch's choice.
    public var threads = 0
    /// Evaluation every so many steps; 0 is ten times a run.
    public var evaluateEvery = 0
    /// Evaluations without a new best before the run ends early; 0 is never.
    public var patience = 0
    /// A checkpoint every so many steps; 0 is with every evaluation.
    public var checkpointEvery = 0
    /// How many of the newest checkpoints are kept, besides the best.
    public var keep = 3
    /// A line in the log every so many steps.
    public var logEvery = 1
    /// Whether event files for TensorBoard are written.
    public var tensorBoard = true
    /// Whether they hold histograms of weights, updates and information, with every evaluation.
    public var histograms = true

    /// The defaults.
    public init() {}

    /// The table of options.
    public static let options: [ConfigurationOption<TrainingConfiguration>] = [
        .integer("training.steps", \.steps, in: 1...Int.max, "steps of the run"),
        .integer("training.micro_batches", \.microBatches, in: 1...Int.max, "slices of a batch"),
        .integer("training.seed", \.seed, in: 0...Int.max, "seed of the first weights and of the batches"),
        .integer(
            "training.threads", \.threads, in: 0...4096, "threads to compute with; 0: libtorch's choice"),
        .integer("training.evaluate_every", \.evaluateEvery, in: 0...Int.max, "steps; 0: ten times a run"),
        .integer("training.patience", \.patience, in: 0...Int.max, "evaluations without a best; 0: never"),
        .integer("checkpoints.every", \.checkpointEvery, in: 0...Int.max, "steps; 0: with every evaluation"),
        .integer("checkpoints.keep", \.keep, in: 1...Int.max, "newest checkpoints kept, besides the best"),
        .integer("log.every", \.logEvery, in: 1...Int.max, "steps between lines of metrics.jsonl"),
        .flag("log.tensorboard", \.tensorBoard, "write event files"),
        .flag("log.histograms", \.histograms, "with histograms of weights, updates and information"),
    ]

    /// How long the run is and how often it is looked at.
    public var length: RunLength {
        RunLength(
            steps: steps, evaluateEvery: evaluateEvery > 0 ? evaluateEvery : max(1, steps / 10),
            microBatches: microBatches, patience: patience > 0 ? patience : nil)
    }
}
