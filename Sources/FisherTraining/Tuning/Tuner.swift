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
        try tune([(candidate, grid)], earlier: earlier, progress: progress) { records in
            try afterTrial(records[0])
        }[0]
    }

    /// Tunes several optimizers wave by wave: all trials of all grids, then those by which grids grow, and so on.
    ///
    /// What an optimizer is tried with next follows from its own waves that are complete, so that it is the same whether
    /// trials are made side by side or not.
    func tune(
        _ entrants: [(candidate: OptimizerCandidate, grid: OptionGrid)], earlier: [TuningRecord],
        progress: ProgressDisplay, afterTrial: ([TuningRecord]) throws -> Void
    ) throws -> [TuningRecord] {
        var searches = entrants.map { Search($0.candidate, over: $0.grid, earlier: earlier) }
        var open = Array(searches.indices)
        while !open.isEmpty {
            try makeWave(of: open, &searches, progress, afterTrial)
            open = open.filter { grow(&searches[$0], progress) }
        }
        return searches.map(\.record)
    }

    /// The tuning of one optimizer.
    private struct Search {
        let candidate: OptimizerCandidate
        var record: TuningRecord
        /// Trials that were made before.
        let known: [TuningRecord.Trial]
        /// The trials of the present wave, a run for each seed that has been made.
        var wave: [(settings: [Setting], runs: [RunRecord?])] = []
        /// The trials of the waves before.
        var before: [TuningRecord.Trial] = []
        /// How many values the grid grew by.
        var added = 0

        init(_ candidate: OptimizerCandidate, over grid: OptionGrid, earlier: [TuningRecord]) {
            self.candidate = candidate
            record = TuningRecord(label: candidate.label, options: candidate.options, grid: grid)
            record.extensions = 0
            known = earlier.filter { old in
                old.label == candidate.label
                    && (old.options.map(candidate.hasOptions) ?? (old.grid == grid))
            }.flatMap(\.trials)
        }

        /// Begins a wave: the trials of the grid that were not made in the waves before.
        mutating func beginWave(_ seeds: [UInt64]) {
            before = record.trials
            let tried = Set(before.map(\.settings))
            wave = record.grid.combinations.filter { !tried.contains($0) }.map { settings in
                let old = known.filter { $0.settings == settings }.flatMap(\.runs).filter(\.isFinal)
                return (settings, seeds.map { seed in old.first { $0.seed == seed } })
            }
            note()
        }

        /// Takes the trials whose runs are all made into the record, in the order of the grid.
        mutating func note() {
            record.trials =
                before
                + wave.compactMap { trial in
                    let runs = trial.runs.compactMap(\.self)
                    return runs.count < trial.runs.count
                        ? nil : TuningRecord.Trial(settings: trial.settings, runs: runs)
                }
            if added > 0 { record.extensions = record.trials.count - firstWave }
        }

        /// The number of trials of the grid as it was given.
        var firstWave = 0
    }

    /// Makes the trials that are missing of some searches.
    private func makeWave(
        of open: [Int], _ searches: inout [Search], _ progress: ProgressDisplay,
        _ afterTrial: ([TuningRecord]) throws -> Void
    ) throws {
        var (planned, places): ([PlannedRun], [(search: Int, trial: Int, seed: Int)]) = ([], [])
        for search in open {
            searches[search].beginWave(seeds)
            for (trial, entry) in searches[search].wave.enumerated() {
                for (seed, run) in entry.runs.enumerated() where run == nil {
                    planned.append(
                        try self.planned(searches[search].candidate, entry.settings, seed: seeds[seed]))
                    places.append((search, trial, seed))
                }
            }
        }
        try runs.make(planned, on: task, progress: progress) { number, record in
            let (search, trial, seed) = places[number]
            searches[search].wave[trial].runs[seed] = record
            guard searches[search].wave[trial].runs.allSatisfy({ $0 != nil }) else { return }
            searches[search].note()
            try afterTrial(searches.map(\.record))
        }
    }

    /// Adds a value to the grid of a search whose wave is complete; false if it has come to its end.
    private func grow(_ search: inout Search, _ progress: ProgressDisplay) -> Bool {
        if search.added == 0 { search.firstWave = search.record.trials.count }
        guard search.added < mostExtensions,
            let position = growable(&search.record, of: search.candidate)
        else { return false }
        search.added += 1
        let axis = search.record.grid.axes[position]
        progress.note(
            "the best \(axis.option) of \(search.candidate.label) lies at the edge of its grid: trying "
                + "\(axis.values.last ?? "")")
        progress.expect(more: (search.record.grid.count - search.record.trials.count) * seeds.count)
        return true
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

    private func planned(
        _ candidate: OptimizerCandidate, _ settings: [Setting], seed: UInt64
    ) throws -> PlannedRun {
        let name = settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
        let title = "tuning \(candidate.label): \(name)"
        let tried = try candidate.setting(settings, label: title)
        return PlannedRun(candidate: tried, seed: seed, title: title, isTrial: true) {
            try place(candidate, tried, settings, seed)
        }
    }
}
