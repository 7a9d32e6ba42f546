import Fisher

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

/// Steps and evaluations until a run's end: the loop of every run of this package, and of your own.
///
///     let session = try TrainingSession(task, candidate, seed: 0)
///     let loop = TrainingLoop(session, length: RunLength(steps: 1000, evaluateEvery: 100))
///     try loop(.init(afterEvaluation: { session, point in print(point.step, point.validationLoss ?? .nan) }))
public struct TrainingLoop<Task: TrainingTask> {
    /// What is called on the way. Whatever they throw ends the loop.
    public struct Callbacks {
        /// Called after every step.
        public var afterStep: (TrainingSession<Task>, StepReport) throws -> Void
        /// Called after every evaluation, with the new point of the curve.
        public var afterEvaluation: (TrainingSession<Task>, CurvePoint) throws -> Void
        /// Called between steps, and after the last, when everything due has been done: the place to save.
        public var betweenSteps: (TrainingSession<Task>) throws -> Void

        /// Gathers callbacks; those that are left out do nothing.
        public init(
            afterStep: @escaping (TrainingSession<Task>, StepReport) throws -> Void = { _, _ in },
            afterEvaluation: @escaping (TrainingSession<Task>, CurvePoint) throws -> Void = { _, _ in },
            betweenSteps: @escaping (TrainingSession<Task>) throws -> Void = { _ in }
        ) {
            self.afterStep = afterStep
            self.afterEvaluation = afterEvaluation
            self.betweenSteps = betweenSteps
        }
    }

    /// How a loop ended.
    public enum End: Sendable {
        /// All steps were made.
        case completed
        /// No new best for as many evaluations as the patience allows.
        case stoppedEarly
    }

    private let session: TrainingSession<Task>
    private let length: RunLength

    /// Prepares a loop. A session that was restored continues from the step at which it was saved.
    public init(_ session: TrainingSession<Task>, length: RunLength) {
        self.session = session
        self.length = length
    }

    /// Runs to the end.
    ///
    /// - Throws: `Interrupted` between steps, `NonFiniteError` where a step cannot be made, and what the task and the
    ///   callbacks throw.
    @discardableResult
    public func callAsFunction(_ callbacks: Callbacks = Callbacks()) throws -> End {
        while true {
            try Interruption.poll()
            let step = session.progress.step
            if length.isEvaluationDue(after: step), session.progress.lastEvaluation != step {
                try callbacks.afterEvaluation(session, try session.evaluate())
            }
            try callbacks.betweenSteps(session)
            if step >= length.steps { return .completed }
            if let patience = length.patience, session.progress.evaluationsSinceBest >= patience {
                return .stoppedEarly
            }
            let report = try session.advance(measures: length.isEvaluationDue(after: step + 1))
            try callbacks.afterStep(session, report)
        }
    }
}

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
            let loop = TrainingLoop(session, length: length)
            do {
                try loop(
                    .init(afterStep: { session, report in
                        onStep(session.progress.step, report.loss)
                    }))
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
