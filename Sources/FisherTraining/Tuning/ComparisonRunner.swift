import Fisher

/// Gives every candidate the same first weights and the same batches for each seed.
public struct ComparisonRunner<Task: TrainingTask> {
    private let task: Task
    private let length: RunLength

    /// Prepares a comparison.
    public init(_ task: Task, length: RunLength) {
        self.task = task
        self.length = length
    }

    /// Runs every candidate with every seed. A run that diverges is recorded as such and stops no other.
    ///
    /// - Parameters:
    ///   - candidates: the rules to compare; the first is what the others are compared to.
    ///   - seeds: a run of every candidate for each.
    ///   - progress: what shows how far the runs are.
    ///   - result: what is known already; runs of the same candidate and seed are not made again.
    ///   - afterRun: called with what is known after each run, so that nothing is lost.
    public func callAsFunction(
        _ candidates: [OptimizerCandidate], seeds: [UInt64], into result: OptimizerComparison,
        progress: ProgressDisplay, afterRun: (OptimizerComparison) throws -> Void
    ) throws -> OptimizerComparison {
        var result = result
        let earlier = result.entries
        result.entries = candidates.map { candidate in
            let old = earlier.first { $0.label == candidate.label && candidate.hasOptions($0.options) }
            return OptimizerEntry(
                label: candidate.label, rule: type(of: candidate.rule).summary.name,
                options: candidate.options,
                runs: old?.runs.filter { seeds.contains($0.seed) && $0.isFinal } ?? [])
        }
        let run = TrainingRun(task, length: length)
        for seed in seeds {
            for (position, candidate) in candidates.enumerated()
            where !result.entries[position].runs.contains(where: { $0.seed == seed }) {
                progress.begin("\(candidate.label), seed \(seed)", totalSteps: length.steps)
                let record = try run(candidate, seed: seed) { step, loss in
                    progress.update(step: step, loss: loss, tokens: step * task.examplesPerStep)
                }
                progress.endRun(record.outcome)
                result.entries[position].runs.append(record)
                try afterRun(result)
            }
        }
        return result
    }
}
