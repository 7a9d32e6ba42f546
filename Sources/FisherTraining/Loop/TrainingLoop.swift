import Fisher

/// Steps and evaluations until a run's end: the same for a run of a comparison and one that is kept.
struct TrainingLoop<Task: TrainingTask> {
    /// What is called on the way. Whatever they throw ends the loop.
    struct Callbacks {
        /// After every step.
        var stepped: (StepReport) throws -> Void = { _ in }
        /// After every evaluation.
        var evaluated: (CurvePoint) throws -> Void = { _ in }
        /// Between steps, when everything due has been done: the place to save.
        var settled: () throws -> Void = {}
    }

    /// How the loop ended.
    enum End: Equatable {
        case completed
        /// No new best for as many evaluations as the patience allows.
        case stoppedEarly
    }

    let session: TrainingSession<Task>
    let length: RunLength

    /// Runs to the end. Throws `Interrupted` between steps, and `NonFiniteError` where a step cannot be made.
    func callAsFunction(_ callbacks: Callbacks) throws -> End {
        while true {
            try Interruption.poll()
            let step = session.progress.step
            if length.isEvaluationDue(after: step), session.progress.lastEvaluation != step {
                try callbacks.evaluated(try session.evaluate())
            }
            try callbacks.settled()
            if step >= length.steps { return .completed }
            if let patience = length.patience, session.progress.evaluationsSinceBest >= patience {
                return .stoppedEarly
            }
            let report = try session.advance(measures: length.isEvaluationDue(after: step + 1))
            try callbacks.stepped(report)
        }
    }
}
