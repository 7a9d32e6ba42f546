import Fisher

/// Gives every candidate the same first weights and the same batches for each seed.
public struct ComparisonRunner<Task: TrainingTask> {
    private let task: Task
    private let length: RunLength
    private let environment: EnvironmentSummary

    /// Prepares a comparison.
    public init(_ task: Task, length: RunLength, environment: EnvironmentSummary) {
        self.task = task
        self.length = length
        self.environment = environment
    }

    /// Runs every candidate with every seed. A run that diverges is recorded as such and stops no other;
    /// whatever else fails is thrown, and the runs before it were given to `afterRun`.
    ///
    /// - Parameters:
    ///   - candidates: the rules to compare; the first is what the others are compared to.
    ///   - seeds: a run of every candidate for each.
    ///   - progress: what shows how far the runs are.
    ///   - afterRun: called with what is known after each run, so that nothing is lost.
    public func callAsFunction(
        _ candidates: [OptimizerCandidate], seeds: [UInt64], progress: ProgressDisplay,
        afterRun: (OptimizerComparison) throws -> Void
    ) throws -> OptimizerComparison {
        var result = OptimizerComparison(
            task: task.summary, environment: environment,
            entries: candidates.map { candidate in
                OptimizerEntry(
                    label: candidate.label, rule: type(of: candidate.rule).information.name,
                    options: candidate.options, runs: [])
            })
        defer { progress.finish() }
        let run = TrainingRun(task, length: length)
        for seed in seeds {
            for (position, candidate) in candidates.enumerated() {
                progress.begin("\(candidate.label), seed \(seed)", totalSteps: length.steps)
                let record = try run(candidate, seed: seed) { step, loss in
                    progress.update(step: step, loss: loss, tokens: step * task.tokensPerStep)
                }
                progress.endRun(outcome(of: record))
                result.entries[position].runs.append(record)
                try afterRun(result)
            }
        }
        return result
    }

    private func outcome(of record: RunRecord) -> String {
        guard let loss = record.completedLoss else { return "\(record.status)" }
        return "validation loss \(NumberText.plain.fixed(loss, decimals: 4))"
    }
}
