import Fisher

/// The length of a run and the interval of evaluations.
public struct RunLength: Hashable, Sendable {
    /// The number of steps.
    public var steps: Int
    /// Steps between evaluations; one follows the last step too.
    public var evaluateEvery: Int
    /// The number of slices into which a batch is cut to save memory.
    public var microBatches: Int
    /// Evaluations without a new best after which the run ends early; nil for never.
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
///
/// It trains in memory; a ``DurableRun`` is this loop with a folder.
public struct TrainingLoop<Task: TrainingTask> {
    /// Functions called during the loop. Errors that they throw end it.
    public struct Callbacks {
        /// Called after every step.
        public var afterStep: (TrainingSession<Task>, StepReport) throws -> Void
        /// Called after every evaluation, with the new point of the curve.
        public var afterEvaluation: (TrainingSession<Task>, CurvePoint) throws -> Void
        /// Called between steps, and after the last, when everything due has been done: the place to save.
        public var betweenSteps: (TrainingSession<Task>) throws -> Void
        /// Asked during a step, on the first of several processes: whether ``betweenSteps`` may need the others when so many
        /// steps have been made.
        var needsOthers: (_ step: Int) -> Bool = { _ in true }

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
    /// - Throws: `Interrupted` between steps, `NonFiniteError` if a step cannot be made, and what the task
    ///   and the callbacks throw.
    @discardableResult
    public func callAsFunction(_ callbacks: Callbacks = Callbacks()) throws -> End {
        session.needsOthers = callbacks.needsOthers
        defer { session.needsOthers = { _ in true } }
        while true {
            try session.poll()
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
