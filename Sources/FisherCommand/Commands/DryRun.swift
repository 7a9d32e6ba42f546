import Fisher
import FisherTraining
import Foundation

/// `--dry-run`: the cost of a run, measured by a few of its steps, which are discarded.
struct DryRun<Task: TrainingTask> {
    let task: Task
    let candidate: OptimizerCandidate
    let training: TrainingConfiguration
    let directory: RunDirectory

    func show() throws {
        let session = try TrainingSession(
            task, candidate, seed: UInt64(training.seed), microBatches: training.microBatches)
        let weights = session.model.parameters.reduce(0) { $0 + $1.parameter.wrappedValue.byteCount }
        print(task.summary.description)
        print("parameters       \(session.model.parameterCount), \(mebibytes(weights))")
        print("state by rule")
        for rule in RuleRegistry.rules {
            let name = rule.summary.name
            let padding = String(repeating: " ", count: max(1, 27 - name.count))
            do {
                let optimizer = try Optimizer(
                    for: session.model, groups: rule.init().groups(for: session.model))
                print("  \(name)\(padding)\(mebibytes(optimizer.expectedStateByteCount))")
            } catch {
                print("  \(name)\(padding)not for this model: \(error)")
            }
        }
        let checkpoint = weights + session.optimizer.expectedStateByteCount
        let kept = training.mostCheckpoints
        let free = try CheckpointStore.freeBytes(for: directory.path)
        let most = Double(kept) * Double(checkpoint)
        print("checkpoint       \(mebibytes(checkpoint)), at most \(kept) at a time: \(mebibytes(most))")
        print("free disk        \(mebibytes(free))" + (Double(free) < most ? ", which is not enough" : ""))
        let (step, evaluation) = try times(session)
        let length = training.length
        let evaluations = training.steps / length.evaluateEvery + 1
        let total = step * Double(training.steps) + evaluation * Double(evaluations)
        print(
            String(
                format: "a step           %.1f ms, %.0f %@/s", step * 1000,
                Double(task.examplesPerStep) / step, task.summary.examples))
        print(String(format: "an evaluation    %.2f s, %d of them", evaluation, evaluations))
        let end = Date().addingTimeInterval(total)
        print("estimated time   \(duration(total)), until \(end.formatted(.iso8601))")
    }

    /// The median of a few steps after the first, and one evaluation.
    private func times(_ session: TrainingSession<Task>) throws -> (step: Double, evaluation: Double) {
        let clock = ContinuousClock()
        var steps: [Double] = []
        let begin = clock.now
        repeat {
            try Interruption.poll()
            let elapsed = try clock.measure { _ = try session.advance() }
            steps.append(elapsed / .seconds(1))
        } while steps.count < 3 || (steps.count < 20 && begin.duration(to: clock.now) < .seconds(5))
        let evaluation = try clock.measure { _ = try session.evaluate() }
        return (SampleSummary.median(Array(steps.dropFirst())) ?? 0, evaluation / .seconds(1))
    }

    private func mebibytes(_ bytes: Int) -> String { mebibytes(Double(bytes)) }

    private func mebibytes(_ bytes: Double) -> String { String(format: "%.1f MiB", bytes / 1_048_576) }

    private func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
    }
}
