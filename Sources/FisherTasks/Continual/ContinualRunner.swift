import Fisher
import FisherTraining

/// Tunes the strength of every method and runs it with every seed.
public struct ContinualRunner: Sendable {
    private let training: ContinualTraining
    private let tuning: ContinualTraining
    private let methods: [ContinualMethod]
    private let strengths: [Double]
    private let seeds: [UInt64]
    private let tuningSeeds: [UInt64]

    /// Prepares a comparison.
    ///
    /// - Parameters:
    ///   - training: the training that is compared.
    ///   - tuning: the same on a split of the training images, by which strengths are chosen.
    ///   - methods: what is compared.
    ///   - strengths: the strengths to choose from; a single one is used without trials.
    ///   - seeds: a run of every method for each.
    ///   - tuningSeeds: the number of runs of each strength's trial, with seeds that comparisons do not use.
    public init(
        training: ContinualTraining, tuning: ContinualTraining, methods: [ContinualMethod],
        strengths: [Double], seeds: [UInt64], tuningSeeds: Int = 1
    ) {
        precondition(!strengths.isEmpty && tuningSeeds > 0)
        self.training = training
        self.tuning = tuning
        self.methods = methods
        self.strengths = strengths
        self.seeds = seeds
        self.tuningSeeds = ReservedSeeds.tuning(tuningSeeds)
    }

    /// The runs still to be made after those of an earlier result.
    public func runCount(after result: ContinualComparison) -> Int {
        let missing = trials.filter { !result.trials.contains($0) }.count
        let made = methods.map { method in
            result.entries.last { $0.method == method.rawValue }?.runs.filter { seeds.contains($0.seed) }
                .count
                ?? 0
        }
        return missing + methods.count * seeds.count - made.reduce(0, +)
    }

    private func isTuned(_ method: ContinualMethod) -> Bool { method.hasStrength && strengths.count > 1 }

    /// A run of tuning.
    fileprivate struct Trial {
        let method: ContinualMethod
        let strength: Double
        let seed: UInt64

        /// Its folder: one for each seed, the first without a number.
        var path: String {
            let number = UInt64.max - seed
            let first = "tuning/\(method.rawValue)/strength-\(strength)"
            return number == 0 ? first : first + "-trial-\(number + 1)"
        }
    }

    private var trials: [Trial] {
        methods.filter(isTuned).flatMap { method in
            strengths.flatMap { strength in
                tuningSeeds.map { Trial(method: method, strength: strength, seed: $0) }
            }
        }
    }

    /// Runs what the earlier result lacks, each run in a folder of its own: `runs/exact/seed-0`, and
    /// `tuning/exact/strength-10.0` for trials, `-trial-2` for their second seed. One that was stopped or killed is continued in the middle, one that came to
    /// its end is not repeated.
    ///
    /// - Parameters:
    ///   - result: earlier results; what they hold is not repeated and stays, asked for or not.
    ///   - folder: the folder of the comparison.
    ///   - allowances: what is accepted when runs are resumed.
    ///   - progress: the display of progress.
    ///   - afterRun: called with the results after each run, so that nothing is lost.
    public func callAsFunction(
        into result: ContinualComparison, in folder: StudyDirectory,
        allowing allowances: ResumeAllowances = [],
        progress: ProgressDisplay, afterRun: (ContinualComparison) throws -> Void
    ) throws -> ContinualComparison {
        var result = result
        func record(
            _ training: ContinualTraining, _ method: ContinualMethod, _ strength: Double, _ seed: UInt64,
            _ label: String, in path: String
        ) throws -> ContinualRecord {
            progress.begin(label, totalSteps: training.stepCount)
            let record = try ContinualRuns(training: training, allowances: allowances).record(
                method, strength: strength, seed: seed, in: RunDirectory(path: "\(folder.path)/\(path)")
            ) { step, loss in progress.update(step: step, loss: loss) }
            progress.endRun(record.outcome)
            return record
        }
        if let kept = result.kept(besides: methods, seeds: seeds) { progress.note(kept) }
        for trial in trials where !result.trials.contains(trial) {
            let run = try record(
                tuning, trial.method, trial.strength, trial.seed,
                "tuning \(trial.method.rawValue), strength \(trial.strength)", in: trial.path)
            result.trials.append(
                ContinualTrial(method: trial.method.rawValue, strength: trial.strength, run: run))
            try afterRun(result)
        }
        let positions = methods.map { method in
            let best = result.bestStrength(of: method.rawValue) ?? strengths[0]
            return result.position(of: method, strength: method.hasStrength ? best : nil)
        }
        for seed in seeds {
            for (method, position) in zip(methods, positions)
            where !result.entries[position].runs.contains(where: { $0.seed == seed }) {
                let strength = result.entries[position].strength
                let suffix = strength.map { "/strength-\($0)" } ?? ""
                let run = try record(
                    training, method, strength ?? 0, seed, "\(method.rawValue), seed \(seed)",
                    in: "runs/\(method.rawValue)\(suffix)/seed-\(seed)")
                result.entries[position].runs.append(run)
                try afterRun(result)
            }
        }
        return result
    }
}

extension [ContinualTrial] {
    /// Whether a run of tuning is among them.
    fileprivate func contains(_ trial: ContinualRunner.Trial) -> Bool {
        contains {
            $0.method == trial.method.rawValue && $0.strength == trial.strength && $0.run.seed == trial.seed
        }
    }
}

extension ContinualComparison {
    /// The position of a method's results, which are begun at the end if there are none.
    fileprivate mutating func position(of method: ContinualMethod, strength: Double?) -> Int {
        let found = entries.firstIndex { $0.method == method.rawValue && $0.strength == strength }
        if let found { return found }
        entries.append(
            ContinualEntry(
                method: method.rawValue, explanation: method.explanation, strength: strength, runs: []))
        return entries.count - 1
    }

    /// A sentence on earlier results that were not asked for now; nil if there are none.
    fileprivate func kept(besides methods: [ContinualMethod], seeds: [UInt64]) -> String? {
        let names = methods.map(\.rawValue)
        return StudyDirectory.keptResults(
            entries.map { entry in
                let runs = entry.runs.filter { !names.contains(entry.method) || !seeds.contains($0.seed) }
                return (entry.method, runs.map(\.seed))
            })
    }
}
