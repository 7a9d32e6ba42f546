import Fisher

/// The hyperparameters of the optimizers of a comparison after the first one.
public enum HyperparameterPolicy: String, CaseIterable, Sendable {
    /// Their own, as named or tuned.
    case own
    /// The first one's, where they have options of the same name: the optimizer is exchanged without tuning.
    case dropIn = "drop-in"
    /// Both, side by side.
    case both

    private static let shared = [
        "learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "clip_gradient_norm",
        "clip_fisher_norm",
    ]

    /// The optimizers of the comparison, made from those that were tuned.
    ///
    /// - Throws: `HyperparameterError` if an optimizer rejects a value of the first one's.
    public func finalists(_ candidates: [OptimizerCandidate]) throws -> [OptimizerCandidate] {
        guard self != .own, let first = candidates.first else { return candidates }
        let others = candidates.dropFirst()
        let dropped = try others.map { candidate in
            let taken = first.options.filter {
                Self.shared.contains($0.name) && candidate.hasOption($0.name)
            }
            return try candidate.setting(taken, label: candidate.label + " (drop-in)")
        }
        return [first] + (self == .both ? Array(others) : []) + dropped
    }
}

/// Seeds at the upper end, which comparisons leave to tuning and to pilots.
public enum ReservedSeeds {
    /// The most seeds of a pilot or a trial.
    public static let most = RunRecord.reservedSeedCount

    /// The seeds of a trial, downwards from the largest.
    public static func tuning(_ count: Int) -> [UInt64] { (0..<UInt64(count)).map { UInt64.max - $0 } }

    /// The seeds of a pilot, below those of trials: none of its runs is of a comparison.
    public static func pilot(_ count: Int) -> [UInt64] {
        (0..<UInt64(count)).map { UInt64.max - UInt64(most) - $0 }
    }
}

/// A comparison of optimizers whose options are first tuned by equal budgets, on data that the comparison
/// does not use.
public struct TunedComparison {
    /// An optimizer before any tuning, with what is to be tried.
    public struct Entrant: Sendable {
        /// The optimizer with its options before tuning.
        public let candidate: OptimizerCandidate
        /// The values to try; a single combination means no tuning.
        public let grid: OptionGrid

        /// Enters an optimizer.
        public init(_ candidate: OptimizerCandidate, grid: OptionGrid = OptionGrid()) {
            self.candidate = candidate
            self.grid = grid
        }
    }

    private let entrants: [Entrant]
    private let policy: HyperparameterPolicy
    private var runs: StudyRuns
    private let seeds: [UInt64]
    private let tuningSeeds: Int
    private let mostExtensions: Int

    /// Prepares a comparison.
    ///
    /// - Parameters:
    ///   - entrants: the optimizers; the first is what the others are compared to.
    ///   - policy: which hyperparameters the others take.
    ///   - runs: the length, checkpoints and logs of each run.
    ///   - seeds: a run of every finalist for each.
    ///   - tuningSeeds: the number of seeds of each trial.
    ///   - mostExtensions: the most values by which the grid of one optimizer grows while its best lies at the edge.
    public init(
        _ entrants: [Entrant], policy: HyperparameterPolicy = .own, runs: StudyRuns, seeds: [UInt64],
        tuningSeeds: Int = 1, mostExtensions: Int = 0
    ) {
        self.entrants = entrants
        self.policy = policy
        self.runs = runs
        self.seeds = seeds
        self.tuningSeeds = tuningSeeds
        self.mostExtensions = mostExtensions
    }

    /// Those whose options are tuned: with drop-in hyperparameters only the first one.
    private var tuned: [Entrant] {
        policy == .dropIn ? Array(entrants.prefix(1)) : entrants
    }

    /// The seeds of the comparison that tuning would use too: choosing options by them would favor what they favor.
    public var sharedSeeds: [UInt64] {
        guard tuned.contains(where: { $0.grid.count > 1 }) else { return [] }
        let own = Set(seeds)
        return ReservedSeeds.tuning(tuningSeeds).filter(own.contains)
    }

    /// The number of trials of each optimizer that is tuned, before grids grow; a fair comparison has equal ones. The rate
    /// of a second group, which others do not have, is not counted.
    public var budgets: [(label: String, trials: Int)] {
        tuned.map { entrant in
            let own = entrant.grid.axes.filter { $0.option != TuningRecord.secondGroupRate }
            return (entrant.candidate.label, OptionGrid(own).count)
        }
    }

    /// The processes that share every batch of every run; nil for this one alone.
    public var shared: SharedRuns? {
        get { runs.shared }
        set { runs.shared = newValue }
    }

    /// Other processes that make the runs side by side; nil for one run after another.
    package var makers: (any RunMakers)? {
        get { runs.makers }
        set { runs.makers = newValue }
    }

    /// Whether a run at which another process is at work is waited for; otherwise it is an error.
    package var waitsForOthers: Bool {
        get { runs.waitsForOthers }
        set { runs.waitsForOthers = newValue }
    }

    /// The first optimizer, by which the number of threads is chosen.
    package var firstCandidate: OptimizerCandidate? { entrants.first?.candidate }

    /// The number of runs that tuning and comparison make together, without those by which grids grow.
    public var runCount: Int {
        let trials = tuned.map(\.grid.count).filter { $0 > 1 }.reduce(0, +) * tuningSeeds
        let finalists = entrants.count + (policy == .both ? entrants.count - 1 : 0)
        return trials + finalists * seeds.count
    }

    /// The runs of each entrant, trials and finals, without those by which grids grow.
    package var workload: [(candidate: OptimizerCandidate, runs: Int)] {
        entrants.enumerated().map { position, entrant in
            let isTuned = position < tuned.count && entrant.grid.count > 1
            let finals = policy == .both && position > 0 ? 2 : 1
            return (
                entrant.candidate, (isTuned ? entrant.grid.count * tuningSeeds : 0) + finals * seeds.count
            )
        }
    }

    /// Tunes and compares.
    ///
    /// - Parameters:
    ///   - task: the task of the comparison.
    ///   - tuningTask: the task on a split of the training data; created only if something is tuned.
    ///   - folder: where the runs are kept.
    ///   - result: earlier results; what they hold is not repeated and stays, asked for or not.
    ///   - progress: the display of progress.
    ///   - afterRun: called with the results after each trial and each run, so that nothing is lost.
    /// - Throws: `Interrupted` when everything has been saved, `StorageError` if a folder cannot be used, and what the
    ///   task, the rules and `afterRun` throw.
    public func callAsFunction<Task: TrainingTask>(
        on task: Task, tuningOn tuningTask: () throws -> Task, in folder: StudyDirectory,
        into result: OptimizerComparison, progress: ProgressDisplay,
        afterRun: (OptimizerComparison) throws -> Void
    ) throws -> OptimizerComparison {
        var result = result
        var chosen = entrants.map(\.candidate)
        if tuned.contains(where: { $0.grid.count > 1 }) {
            // What cannot train the task is refused before it is tuned for hours.
            try runs.requireTrainable(chosen, on: task, seed: seeds.first ?? 0)
            chosen = try tune(on: try tuningTask(), in: folder, &result, progress, afterRun)
        }
        return try ComparisonRunner(task, runs: runs, in: folder)(
            try policy.finalists(chosen), seeds: seeds, into: result, progress: progress, afterRun: afterRun)
    }

    /// The candidates with the options that tuning chose.
    private func tune<Task: TrainingTask>(
        on task: Task, in folder: StudyDirectory, _ result: inout OptimizerComparison,
        _ progress: ProgressDisplay, _ afterTrial: (OptimizerComparison) throws -> Void
    ) throws -> [OptimizerCandidate] {
        let tuner = Tuner(
            task, runs: runs, seeds: ReservedSeeds.tuning(tuningSeeds), mostExtensions: mostExtensions,
            in: folder)
        let earlier = result.tuning ?? []
        var records: [TuningRecord] = []
        func together(with partial: [TuningRecord] = []) -> [TuningRecord] {
            let new = records + partial
            return earlier.filter { old in !new.contains { $0.includes(old) } } + new
        }
        let places = tuned.indices.filter { entrants[$0].grid.count > 1 }
        // Side by side all are tuned at the same time, so that no process waits for the last trial of one.
        for group in runs.makers == nil ? places.map({ [$0] }) : [places] {
            records += try tuner.tune(
                group.map { (entrants[$0].candidate, entrants[$0].grid) }, earlier: earlier,
                progress: progress
            ) { partial in
                result.tuning = together(with: partial.filter { !$0.trials.isEmpty })
                try afterTrial(result)
            }
        }
        result.tuning = together()
        var chosen = entrants.map(\.candidate)
        for (position, record) in zip(places, records) {
            chosen[position] = try chosen[position].setting(record.best?.settings ?? [])
        }
        return chosen
    }
}

extension TuningRecord {
    /// Whether every run of another record of this optimizer is in this one.
    func includes(_ other: TuningRecord) -> Bool {
        label == other.label && (other.options == nil || options == other.options)
            && other.trials.allSatisfy { old in
                trials.contains { $0.settings == old.settings && Set($0.runs).isSuperset(of: old.runs) }
            }
    }
}
