import Fisher

/// Trains every candidate with the same first weights and the same batches for each seed.
///
/// Every run is a run folder as ``DurableRun`` keeps it: one that was stopped or killed continues from its checkpoint and
/// ends in the same bytes, and one that came to its end is not repeated.
public struct ComparisonRunner<Task: TrainingTask> {
    private let task: Task
    private let runs: StudyRuns
    private let folder: StudyDirectory

    /// Prepares a comparison.
    ///
    /// - Parameters:
    ///   - task: what is trained.
    ///   - runs: the length, checkpoints and logs of each run.
    ///   - folder: where the runs are kept.
    public init(_ task: Task, runs: StudyRuns, in folder: StudyDirectory) {
        self.task = task
        self.runs = runs
        self.folder = folder
    }

    /// Runs every candidate with every seed. A run that diverges is recorded as such and stops no other.
    ///
    /// Before anything is trained each candidate makes a trial step, so that one that cannot train the task is refused at
    /// once.
    ///
    /// - Parameters:
    ///   - candidates: the rules to compare; the first is what the others are compared to.
    ///   - seeds: a run of every candidate for each.
    ///   - result: earlier results; what they hold is not repeated and stays, asked for or not.
    ///   - progress: the display of progress.
    ///   - afterRun: called with the results after each run, so that nothing is lost.
    /// - Throws: `Interrupted` when everything has been saved, `StorageError` if a folder cannot be used, and what the
    ///   task, the rules and `afterRun` throw.
    public func callAsFunction(
        _ candidates: [OptimizerCandidate], seeds: [UInt64], into result: OptimizerComparison,
        progress: ProgressDisplay, afterRun: (OptimizerComparison) throws -> Void
    ) throws -> OptimizerComparison {
        var result = result
        let positions = candidates.map { result.position(of: $0) }
        if let kept = result.kept(besides: positions, seeds: seeds) { progress.note(kept) }
        func isMissing(_ seed: UInt64, _ position: Int) -> Bool {
            !result.entries[position].runs.contains { $0.seed == seed }
        }
        let unfinished = zip(candidates, positions).filter { _, position in
            seeds.contains { isMissing($0, position) }
        }
        if let seed = seeds.first {
            try runs.requireTrainable(unfinished.map(\.0), on: task, seed: seed)
        }
        let missing = seeds.flatMap { seed in
            zip(candidates, positions).filter { isMissing(seed, $1) }.map { (seed, $0, $1) }
        }
        let planned = missing.map { seed, candidate, _ in
            PlannedRun(
                candidate: candidate, seed: seed, title: "\(candidate.label), seed \(seed)", isTrial: false
            ) { () throws(StorageError) in try folder.run(of: candidate, seed: seed) }
        }
        try runs.make(planned, on: task, progress: progress) { number, record in
            let position = missing[number].2
            result.entries[position].insert(record, inOrderOf: seeds)
            // Times that were taken alone were those of fewer runs.
            result.entries[position].timing = nil
            try afterRun(result)
        }
        try time(zip(candidates, positions), &result, progress)
        return result
    }

    /// Takes the times of a step alone, where runs were made side by side.
    private func time(
        _ entries: Zip2Sequence<[OptimizerCandidate], [Int]>, _ result: inout OptimizerComparison,
        _ progress: ProgressDisplay
    ) throws {
        let wanted = entries.filter { _, position in
            let entry = result.entries[position]
            return entry.timing == nil && entry.runs.contains { $0.sideBySide != nil }
        }
        guard !wanted.isEmpty, runs.shared == nil else { return }
        runs.makers?.dismiss()
        progress.note("measuring the times of a step, one optimizer after the other and nothing beside it")
        let times = try AloneTimes(task, runs.training).measure(
            wanted.map { candidate, position in
                (candidate, result.entries[position].runs.reduce(0) { $0 + $1.seconds })
            })
        for ((_, position), timing) in zip(wanted, times) { result.entries[position].timing = timing }
    }
}

extension OptimizerEntry {
    /// Puts a run before the first from a later one of some seeds: runs that end in any order lie as if they had been made one
    /// after another.
    mutating func insert(_ record: RunRecord, inOrderOf seeds: [UInt64]) {
        let later = Set(seeds.drop { $0 != record.seed }.dropFirst())
        runs.insert(record, at: runs.firstIndex { later.contains($0.seed) } ?? runs.count)
    }
}

extension OptimizerComparison {
    /// The position of a candidate's results, which are begun at the end if there are none.
    ///
    /// Where the label is taken by other options, the candidate's has a number behind it.
    mutating func position(of candidate: OptimizerCandidate) -> Int {
        let names = Set(entries.map(\.label))
        var (label, number) = (candidate.label, 1)
        while names.contains(label) {
            let found = entries.firstIndex { $0.label == label && candidate.hasOptions($0.options) }
            if let found {
                entries[found].runs.removeAll { !$0.isFinal }
                return found
            }
            number += 1
            label = "\(candidate.label) (\(number))"
        }
        entries.append(
            OptimizerEntry(
                label: label, rule: type(of: candidate.rule).summary.name, options: candidate.options,
                runs: []))
        return entries.count - 1
    }

    /// A sentence on earlier results that were not asked for now; nil if there are none.
    func kept(besides positions: [Int], seeds: [UInt64]) -> String? {
        StudyDirectory.keptResults(
            entries.enumerated().map { position, entry in
                let runs = entry.runs.filter { !positions.contains(position) || !seeds.contains($0.seed) }
                return (entry.label, runs.map(\.seed))
            })
    }
}
