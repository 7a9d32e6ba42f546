import Fisher

/// Trains one model with one optimizer from one seed in memory, and records what happened.
public struct TrainingRun<Task: TrainingTask> {
    private let task: Task
    private let length: RunLength

    /// Prepares runs of a task.
    public init(_ task: Task, length: RunLength) {
        self.task = task
        self.length = length
    }

    /// Trains. A loss or gradient that is not finite ends the run as diverged; other failures are thrown,
    /// `Interrupted` among them.
    ///
    /// - Parameters:
    ///   - candidate: the rule to train with.
    ///   - seed: what decides the first weights and the batches.
    ///   - onStep: called after every step with its number and the last training loss.
    public func callAsFunction(
        _ candidate: OptimizerCandidate, seed: UInt64, onStep: (_ step: Int, _ loss: Double) -> Void
    ) throws -> RunRecord {
        let session = try TrainingSession(task, candidate, seed: seed, microBatches: length.microBatches)
        return try withoutActuallyEscaping(onStep) { onStep in
            let loop = TrainingLoop(session: session, length: length)
            let callbacks = TrainingLoop<Task>.Callbacks(stepped: { report in
                onStep(session.progress.step, try report.loss() ?? .nan)
            })
            do {
                _ = try loop(callbacks)
            } catch let error as NonFiniteError {
                let status = RunStatus.diverged(
                    step: session.progress.step + 1, reason: "\(error.source) is not finite")
                return session.record(status)
            }
            let record = session.record(.completed)
            guard let loss = record.finalValidationLoss, loss.isFinite else {
                return session.record(
                    .diverged(step: session.progress.step, reason: "the validation loss is not finite"))
            }
            return record
        }
    }
}
