import Fisher
import FisherTraining

/// Tunes the strength of every method and runs it with every seed.
public struct ContinualRunner: Sendable {
    /// The seed of the tuning's runs, which comparisons do not use.
    static let tuningSeed = UInt64.max

    private let training: ContinualTraining
    private let tuning: ContinualTraining
    private let methods: [ContinualMethod]
    private let strengths: [Double]
    private let seeds: [UInt64]

    /// Prepares a comparison.
    ///
    /// - Parameters:
    ///   - training: the training that is compared.
    ///   - tuning: the same on a split of the training images, by which strengths are chosen.
    ///   - methods: what is compared.
    ///   - strengths: the strengths to choose from; a single one is used without trials.
    ///   - seeds: a run of every method for each.
    public init(
        training: ContinualTraining, tuning: ContinualTraining, methods: [ContinualMethod],
        strengths: [Double], seeds: [UInt64]
    ) {
        precondition(!strengths.isEmpty)
        self.training = training
        self.tuning = tuning
        self.methods = methods
        self.strengths = strengths
        self.seeds = seeds
    }

    /// The runs still to be made after those of an earlier result.
    public func runCount(after result: ContinualComparison) -> Int {
        let trials = methods.filter(isTuned).flatMap { method in strengths.map { (method, $0) } }
        let missing = trials.filter { !result.holdsTrial(of: $0, strength: $1) }.count
        let made = methods.map { method in
            result.entries.last { $0.method == method.rawValue }?.runs.filter { seeds.contains($0.seed) }
                .count
                ?? 0
        }
        return missing + methods.count * seeds.count - made.reduce(0, +)
    }

    private func isTuned(_ method: ContinualMethod) -> Bool { method.hasStrength && strengths.count > 1 }

    /// Runs what the earlier result lacks, each run in a folder of its own: `runs/exact/seed-0`, and
    /// `tuning/exact/strength-10.0` for trials. One that was stopped or killed is continued in the middle, one that came to
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
        for method in methods where isTuned(method) {
            for strength in strengths where !result.holdsTrial(of: method, strength: strength) {
                let run = try record(
                    tuning, method, strength, ContinualRunner.tuningSeed,
                    "tuning \(method.rawValue), strength \(strength)",
                    in: "tuning/\(method.rawValue)/strength-\(strength)")
                result.trials.append(
                    ContinualTrial(method: method.rawValue, strength: strength, run: run))
                try afterRun(result)
            }
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

extension ContinualComparison {
    fileprivate func holdsTrial(of method: ContinualMethod, strength: Double) -> Bool {
        trials.contains { $0.method == method.rawValue && $0.strength == strength }
    }

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
