import Fisher

/// What a run writes down as it goes: `metrics.jsonl`.
final class RunLog {
    private let metrics: MetricsLog
    private let every: Int

    /// Opens the log of a run, cut back to the length that it had at the checkpoint from which the run goes on.
    init(_ directory: RunDirectory, every: Int, length: Int) throws(StorageError) {
        metrics = try MetricsLog(path: directory.metricsFile, length: length)
        self.every = every
    }

    /// Writes a step down, if it is one of those to be written.
    func stepped<Task: TrainingTask>(_ report: StepReport, in session: TrainingSession<Task>) throws {
        let step = session.progress.step
        guard step % every == 0 else { return }
        try metrics.append([
            "step": Double(step), "loss": try report.loss() ?? .nan,
            "gradient_norm": try report.gradientNorm(),
            "learning_rate": session.candidate.rule.learningRate(step),
            "tokens": Double(step * session.task.tokensPerStep), "seconds": session.progress.seconds,
        ])
    }

    /// Writes an evaluation down.
    func evaluated(_ point: CurvePoint) throws {
        var values = ["step": Double(point.step), "seconds": point.seconds]
        values["validation_loss"] = point.validationLoss
        values["training_loss"] = point.trainingLoss
        values["update_to_weight"] = point.measure?.updateToWeight
        values["clip_factor"] = point.measure?.clipFactor
        values["decay_share"] = point.measure?.decayShare
        try metrics.append(values)
    }

    /// Brings everything to the disk; the length to remember.
    func synchronize() throws -> Int { try metrics.synchronize() }
}
