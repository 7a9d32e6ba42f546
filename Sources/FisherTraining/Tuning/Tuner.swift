import Fisher

/// Chooses options by equal budgets: every optimizer gets equally many trials of the same length on the same
/// split.
public struct Tuner<Task: TrainingTask> {
    private let task: Task
    private let length: RunLength
    private let seeds: [UInt64]

    /// Prepares tuning.
    ///
    /// - Parameters:
    ///   - task: the task with a held-out part of its own, which the final comparison does not use.
    ///   - length: how long each trial is.
    ///   - seeds: the seeds of each trial.
    public init(_ task: Task, length: RunLength, seeds: [UInt64]) {
        precondition(!seeds.isEmpty)
        self.task = task
        self.length = length
        self.seeds = seeds
    }

    /// Tries every combination of a grid.
    ///
    /// - Parameters:
    ///   - candidate: the optimizer to tune.
    ///   - grid: what to try.
    ///   - progress: the display of progress.
    ///   - earlier: trials of the same grid that were made before; they are not repeated.
    ///   - afterTrial: called with the results after each trial, so that nothing is lost.
    public func callAsFunction(
        _ candidate: OptimizerCandidate, over grid: OptionGrid, earlier: TuningRecord?,
        progress: ProgressDisplay, afterTrial: (TuningRecord) throws -> Void
    ) throws -> TuningRecord {
        var record = TuningRecord(label: candidate.label, grid: grid, trials: [])
        let known = earlier?.label == candidate.label && earlier?.grid == grid ? earlier?.trials ?? [] : []
        let run = TrainingRun(task, length: length)
        for settings in grid.combinations {
            if let old = known.first(where: { $0.settings == settings && $0.runs.count == seeds.count }) {
                record.trials.append(old)
                continue
            }
            let tried = try candidate.setting(settings)
            var trial = TuningRecord.Trial(settings: settings, runs: [])
            let name = settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
            for seed in seeds {
                progress.begin("tuning \(candidate.label): \(name)", totalSteps: length.steps)
                let outcome = try run(tried, seed: seed) { step, loss in
                    progress.update(step: step, loss: loss, tokens: step * task.examplesPerStep)
                }
                progress.endRun(outcome.outcome)
                trial.runs.append(outcome)
            }
            record.trials.append(trial)
            try afterTrial(record)
        }
        return record
    }
}
