import Fisher

/// Chooses options by one rule: every optimizer gets equally many trials of the same length on the same split, and more
/// as long as its best value lies at the edge of its grid.
///
/// A grid of one optimizer grows by the ratio of its last two values on the side of the best, until the best lies inside
/// or as many values as allowed were added; what then still lies at the edge is said by `TuningRecord.edges`.
///
/// Every run of a trial is a run folder, as those of a ``ComparisonRunner``.
public struct Tuner<Task: TrainingTask> {
    private let task: Task
    private let runs: StudyRuns
    private let seeds: [UInt64]
    private let mostExtensions: Int
    private let place: Place

    /// The folder of a run of a trial: of the optimizer that is tuned, the same with the values that are tried, the values,
    /// and a seed.
    package typealias Place = (OptimizerCandidate, OptimizerCandidate, [Setting], UInt64) throws ->
        RunDirectory

    /// Prepares tuning.
    ///
    /// - Parameters:
    ///   - task: the task with a held-out part of its own, which the final comparison does not use.
    ///   - runs: the length, checkpoints and logs of each run.
    ///   - seeds: the seeds of each trial.
    ///   - mostExtensions: the most values by which the grid of one optimizer grows.
    ///   - place: where the runs are kept.
    package init(
        _ task: Task, runs: StudyRuns, seeds: [UInt64], mostExtensions: Int = 0, at place: @escaping Place
    ) {
        precondition(!seeds.isEmpty)
        self.task = task
        self.runs = runs
        self.seeds = seeds
        self.mostExtensions = mostExtensions
        self.place = place
    }

    /// Prepares tuning in the folder of a study.
    public init(
        _ task: Task, runs: StudyRuns, seeds: [UInt64], mostExtensions: Int = 0, in folder: StudyDirectory
    ) {
        self.init(task, runs: runs, seeds: seeds, mostExtensions: mostExtensions) {
            tuned, tried, settings, seed in
            try folder.trial(of: tried, tuning: tuned.label, settings: settings, seed: seed)
        }
    }

    /// Tries every combination of a grid, which grows as long as the best lies at its edge.
    ///
    /// - Parameters:
    ///   - candidate: the optimizer to tune.
    ///   - grid: what to try first.
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
        record.extensions = 0
        try fill(&record, of: candidate, known, progress, afterTrial)
        var added = 0
        while added < mostExtensions, let position = growable(&record, of: candidate) {
            added += 1
            let before = record.trials.count
            progress.note(
                "the best \(record.grid.axes[position].option) of \(candidate.label) lies at the edge of its grid: trying "
                    + "\(record.grid.axes[position].values.last ?? "")")
            progress.expect(more: (record.grid.count - before) * seeds.count)
            try fill(&record, of: candidate, known, progress, afterTrial)
            record.extensions = (record.extensions ?? 0) + record.trials.count - before
        }
        return record
    }

    /// Adds the next value to the first axis at whose edge the best lies, and returns the axis' position; nil if there is
    /// none. An axis that the option ends is marked as such.
    private func growable(_ record: inout TuningRecord, of candidate: OptimizerCandidate) -> Int? {
        guard let best = record.best else { return nil }
        for edge in record.edges {
            guard let position = record.grid.axes.firstIndex(where: { $0.option == edge.name }),
                let side = record.grid.axes[position].edge(at: edge.value),
                let next = record.grid.axes[position].next(on: side)
            else { continue }
            let settings = best.settings.map { $0.name == edge.name ? Setting(edge.name, next) : $0 }
            if (try? candidate.setting(settings)) != nil {
                record.grid.axes[position].values.append(next)
                return position
            }
            if let end = Double(edge.value) {
                record.grid.axes[position].ends = (record.grid.axes[position].ends ?? []) + [end]
            }
        }
        return nil
    }

    /// Makes the trials of the grid that are missing.
    private func fill(
        _ record: inout TuningRecord, of candidate: OptimizerCandidate, _ known: [TuningRecord.Trial],
        _ progress: ProgressDisplay, _ afterTrial: (TuningRecord) throws -> Void
    ) throws {
        let tried = Set(record.trials.map(\.settings))
        for settings in record.grid.combinations where !tried.contains(settings) {
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
    }

    private func run(
        _ candidate: OptimizerCandidate, _ settings: [Setting], seed: UInt64, progress: ProgressDisplay
    ) throws -> RunRecord {
        let name = settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
        let title = "tuning \(candidate.label): \(name)"
        let tried = try candidate.setting(settings, label: title)
        return try runs.record(
            of: tried, seed: seed, on: task, in: try place(candidate, tried, settings, seed), title: title,
            isTrial: true, progress: progress)
    }
}
