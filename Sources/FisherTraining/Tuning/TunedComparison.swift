import Fisher

/// Which hyperparameters the optimizers of a comparison take after the first one.
public enum HyperparameterPolicy: String, CaseIterable, Sendable {
    /// Their own, as named or tuned.
    case own
    /// The first one's, where they have options of the same name: it is replaced without anything being tuned.
    case dropIn = "drop-in"
    /// Both, side by side.
    case both

    private static let shared = [
        "learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "clip_gradient_norm",
    ]

    /// The optimizers of the comparison, made from those that were tuned.
    ///
    /// - Throws: `HyperparameterError` where an optimizer does not take a value of the first one's.
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

/// A comparison of optimizers whose options are first tuned by equal budgets, on data that the comparison does not
/// see.
public struct TunedComparison {
    /// An optimizer before any tuning, with what is to be tried.
    public struct Entrant: Sendable {
        /// The optimizer with the options that it has before.
        public let candidate: OptimizerCandidate
        /// The values to try; one combination is no tuning.
        public let grid: OptionGrid

        /// Enters an optimizer.
        public init(_ candidate: OptimizerCandidate, grid: OptionGrid = OptionGrid()) {
            self.candidate = candidate
            self.grid = grid
        }
    }

    private let entrants: [Entrant]
    private let policy: HyperparameterPolicy
    private let length: RunLength
    private let seeds: [UInt64]
    private let tuningSeeds: Int

    /// Prepares a comparison.
    ///
    /// - Parameters:
    ///   - entrants: the optimizers; the first is what the others are compared to.
    ///   - policy: which hyperparameters the others take.
    ///   - length: how long each run is.
    ///   - seeds: a run of every finalist for each.
    ///   - tuningSeeds: the number of seeds of each trial.
    public init(
        _ entrants: [Entrant], policy: HyperparameterPolicy = .own, length: RunLength, seeds: [UInt64],
        tuningSeeds: Int = 1
    ) {
        self.entrants = entrants
        self.policy = policy
        self.length = length
        self.seeds = seeds
        self.tuningSeeds = tuningSeeds
    }

    /// Those whose options are tuned: with drop-in hyperparameters only the first one.
    private var tuned: [Entrant] {
        policy == .dropIn ? Array(entrants.prefix(1)) : entrants
    }

    /// The number of trials of each optimizer that is tuned; a fair comparison has equal ones.
    public var budgets: [(label: String, trials: Int)] {
        tuned.map { ($0.candidate.label, $0.grid.count) }
    }

    /// The number of runs that tuning and comparison make together.
    public var runCount: Int {
        let trials = tuned.map(\.grid.count).filter { $0 > 1 }.reduce(0, +) * tuningSeeds
        let finalists = entrants.count + (policy == .both ? entrants.count - 1 : 0)
        return trials + finalists * seeds.count
    }

    /// Tunes and compares.
    ///
    /// - Parameters:
    ///   - task: the task of the comparison.
    ///   - tuningTask: the task on a split of the training data; asked for only where something is tuned.
    ///   - result: what is known already; trials and runs that it holds are not made again.
    ///   - progress: what shows how far the runs are.
    ///   - afterRun: called with what is known after each trial and each run, so that nothing is lost.
    /// - Throws: `Interrupted`, and what the task, the rules and `afterRun` throw.
    public func callAsFunction<Task: TrainingTask>(
        on task: Task, tuningOn tuningTask: () throws -> Task, into result: OptimizerComparison,
        progress: ProgressDisplay, afterRun: (OptimizerComparison) throws -> Void
    ) throws -> OptimizerComparison {
        var result = result
        let chosen =
            tuned.contains { $0.grid.count > 1 }
            ? try tune(on: try tuningTask(), &result, progress, afterRun) : entrants.map(\.candidate)
        return try ComparisonRunner(task, length: length)(
            try policy.finalists(chosen), seeds: seeds, into: result, progress: progress, afterRun: afterRun)
    }

    /// The candidates with the options that tuning chose.
    private func tune<Task: TrainingTask>(
        on task: Task, _ result: inout OptimizerComparison, _ progress: ProgressDisplay,
        _ afterTrial: (OptimizerComparison) throws -> Void
    ) throws -> [OptimizerCandidate] {
        // Seeds from the other end, which no comparison has.
        let tuner = Tuner(
            task, length: length, seeds: (0..<UInt64(tuningSeeds)).map { UInt64.max - $0 })
        let earlier = result.tuning ?? []
        var records: [TuningRecord] = []
        var chosen: [OptimizerCandidate] = []
        for (position, entrant) in entrants.enumerated() {
            let candidate = entrant.candidate
            guard entrant.grid.count > 1, position < tuned.count else {
                chosen.append(candidate)
                continue
            }
            let record = try tuner(
                candidate, over: entrant.grid, earlier: earlier.first { $0.label == candidate.label },
                progress: progress
            ) { partial in
                result.tuning = records + [partial]
                try afterTrial(result)
            }
            records.append(record)
            chosen.append(try candidate.setting(record.best?.settings ?? []))
        }
        result.tuning = records
        return chosen
    }
}
