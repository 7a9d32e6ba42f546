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
        let trials = methods.filter { isTuned($0) }.count * strengths.count
        let made = result.entries.filter { entry in methods.contains { $0.rawValue == entry.method } }
            .reduce(0) { $0 + $1.runs.filter { seeds.contains($0.seed) }.count }
        return max(0, trials - result.trials.count) + max(0, methods.count * seeds.count - made)
    }

    private func isTuned(_ method: ContinualMethod) -> Bool { method.hasStrength && strengths.count > 1 }

    /// Runs what the earlier result lacks.
    ///
    /// - Parameters:
    ///   - result: earlier results; trials and runs of the same method and strength are not repeated.
    ///   - progress: the display of progress.
    ///   - afterRun: called with the results after each run, so that nothing is lost.
    public func callAsFunction(
        into result: ContinualComparison, progress: ProgressDisplay,
        afterRun: (ContinualComparison) throws -> Void
    ) throws -> ContinualComparison {
        var result = result
        for method in methods where isTuned(method) {
            for strength in strengths
            where !result.trials.contains(where: { $0.method == method.rawValue && $0.strength == strength })
            {
                let run = try made(
                    tuning, method, strength, ContinualRunner.tuningSeed,
                    "tuning \(method.rawValue), "
                        + "strength \(strength)", progress)
                result.trials.append(
                    ContinualTrial(method: method.rawValue, strength: strength, run: run))
                try afterRun(result)
            }
        }
        let earlier = result.entries
        result.entries = methods.map { method in
            let strength =
                method.hasStrength
                ? result.bestStrength(of: method.rawValue) ?? strengths[0] : nil
            let old = earlier.first { $0.method == method.rawValue && $0.strength == strength }
            return ContinualEntry(
                method: method.rawValue, explanation: method.explanation, strength: strength,
                runs: old?.runs.filter { seeds.contains($0.seed) } ?? [])
        }
        for seed in seeds {
            for (position, method) in methods.enumerated()
            where !result.entries[position].runs.contains(where: { $0.seed == seed }) {
                let run = try made(
                    training, method, result.entries[position].strength ?? 0, seed,
                    "\(method.rawValue), seed \(seed)", progress)
                result.entries[position].runs.append(run)
                try afterRun(result)
            }
        }
        return result
    }

    private func made(
        _ training: ContinualTraining, _ method: ContinualMethod, _ strength: Double, _ seed: UInt64,
        _ label: String, _ progress: ProgressDisplay
    ) throws -> ContinualRecord {
        progress.begin(label, totalSteps: training.steps * training.taskCount)
        let record = try training(method, strength: strength, seed: seed) { step, loss in
            progress.update(step: step, loss: loss)
        }
        progress.endRun(record.outcome)
        return record
    }
}
