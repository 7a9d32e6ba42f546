import Fisher

/// Chooses options by equal budgets: every optimizer gets equally many trials of the same length on the same
/// split.
///
/// Every run of a trial is a run folder, as those of a ``ComparisonRunner``.
public struct Tuner<Task: TrainingTask> {
    private let task: Task
    private let runs: StudyRuns
    private let seeds: [UInt64]
    private let folder: StudyDirectory

    /// Prepares tuning.
    ///
    /// - Parameters:
    ///   - task: the task with a held-out part of its own, which the final comparison does not use.
    ///   - runs: the length, checkpoints and logs of each run.
    ///   - seeds: the seeds of each trial.
    ///   - folder: where the runs are kept.
    public init(_ task: Task, runs: StudyRuns, seeds: [UInt64], in folder: StudyDirectory) {
        precondition(!seeds.isEmpty)
        self.task = task
        self.runs = runs
        self.seeds = seeds
        self.folder = folder
    }

    /// Tries every combination of a grid.
    ///
    /// - Parameters:
    ///   - candidate: the optimizer to tune.
    ///   - grid: what to try.
    ///   - earlier: what was tried before, with this grid or another; no such trial is repeated.
    ///   - progress: the display of progress.
    ///   - afterTrial: called with the results after each trial, so that nothing is lost.
    /// - Throws: `Interrupted` when everything has been saved, `StorageError` if a folder cannot be used, and what the
    ///   task, the rules and `afterTrial` throw.
    public func callAsFunction(
        _ candidate: OptimizerCandidate, over grid: OptionGrid, earlier: [TuningRecord] = [],
        progress: ProgressDisplay, afterTrial: (TuningRecord) throws -> Void
    ) throws -> TuningRecord {
        var record = TuningRecord(label: candidate.label, options: candidate.options, grid: grid)
        let known = earlier.filter { old in
            old.label == candidate.label && (old.options.map(candidate.hasOptions) ?? (old.grid == grid))
        }.flatMap(\.trials)
        for settings in grid.combinations {
            let old = known.filter { $0.settings == settings }.flatMap(\.runs).filter(\.isFinal)
            var trial = TuningRecord.Trial(
                settings: settings,
                runs: seeds.compactMap { seed in old.first { $0.seed == seed } })
            if trial.runs.count < seeds.count {
                trial.runs = try seeds.map { seed in
                    try old.first { $0.seed == seed }
                        ?? run(candidate, settings, seed: seed, progress: progress)
                }
                record.trials.append(trial)
                try afterTrial(record)
            } else {
                record.trials.append(trial)
            }
        }
        return record
    }

    private func run(
        _ candidate: OptimizerCandidate, _ settings: [Setting], seed: UInt64, progress: ProgressDisplay
    ) throws -> RunRecord {
        let name = settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
        let title = "tuning \(candidate.label): \(name)"
        let tried = try candidate.setting(settings, label: title)
        let directory = try folder.trial(of: tried, tuning: candidate.label, settings: settings, seed: seed)
        return try runs.record(
            of: tried, seed: seed, on: task, in: directory, title: title, progress: progress)
    }
}
