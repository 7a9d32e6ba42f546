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
            task, candidate, seed: UInt64(training.seed), microBatches: training.microBatches,
            precision: training.precision)
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
        let (step, evaluation) = try DryRunTimes.of(session)
        let length = training.length
        let evaluations = training.steps / length.evaluateEvery + 1
        let total = DryRunTimes.seconds(of: training, step, evaluation)
        print(
            String(
                format: "a step           %.1f ms, %.0f %@/s", step * 1000,
                Double(task.examplesPerStep) / step, task.summary.examples))
        print(String(format: "an evaluation    %.2f s, %d of them", evaluation, evaluations))
        print("estimated time   \(DryRunTimes.text(total))")
    }

    private func mebibytes(_ bytes: Int) -> String { DryRunTimes.mebibytes(Double(bytes)) }
    private func mebibytes(_ bytes: Double) -> String { DryRunTimes.mebibytes(bytes) }
}

/// `--dry-run` of a comparison: the number of runs, and their time and space by a few steps of each optimizer.
struct ComparisonDryRun<Task: TrainingTask> {
    let task: Task
    let workload: [(candidate: OptimizerCandidate, runs: Int)]
    let training: TrainingConfiguration
    let directory: RunDirectory
    /// How many runs are made at one time.
    let sideBySide: Int

    func show() throws {
        print(task.summary.description)
        var (total, bytes, runs) = (0.0, 0.0, 0)
        for (candidate, count) in workload {
            let session = try TrainingSession(
                task, candidate, seed: 0, microBatches: training.microBatches, precision: training.precision)
            let weights = session.model.parameters.reduce(0) { $0 + $1.parameter.wrappedValue.byteCount }
            // The last and the best checkpoint stay.
            bytes +=
                Double(weights + session.optimizer.expectedStateByteCount) * Double(count)
                * Double(training.keep + 1)
            runs += count
            let (step, evaluation) = try DryRunTimes.of(session)
            let seconds = DryRunTimes.seconds(of: training, step, evaluation) * Double(count)
            total += seconds
            print(
                String(
                    format: "%@: %d runs of %d steps, %.1f ms a step, ", candidate.label, count,
                    training.steps, step * 1000) + DryRunTimes.duration(seconds))
        }
        let free = try CheckpointStore.freeBytes(for: directory.path)
        print("runs             \(runs), without those by which grids grow")
        if sideBySide > 1 { print("side by side     \(sideBySide)") }
        print("checkpoints      at most \(DryRunTimes.mebibytes(bytes))")
        print(
            "free disk        \(DryRunTimes.mebibytes(Double(free)))"
                + (Double(free) < bytes ? ", which is not enough" : ""))
        print("estimated time   \(DryRunTimes.text(total / Double(sideBySide)))")
    }
}

/// Times and sizes of a dry run.
enum DryRunTimes {
    /// The seconds of a step, the median of a few after the first, and of an evaluation.
    static func of<Task: TrainingTask>(
        _ session: TrainingSession<Task>
    ) throws -> (step: Double, evaluation: Double) {
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

    /// The seconds of a run by those of a step and of an evaluation.
    static func seconds(
        of training: TrainingConfiguration, _ step: Double, _ evaluation: Double
    ) -> Double {
        let evaluations = training.steps / training.length.evaluateEvery + 1
        return step * Double(training.steps) + evaluation * Double(evaluations)
    }

    /// A time from now on, and when it ends.
    static func text(_ seconds: Double) -> String {
        "\(duration(seconds)), until \(Date().addingTimeInterval(seconds).formatted(.iso8601))"
    }

    /// Bytes in units of 2^20.
    static func mebibytes(_ bytes: Double) -> String { String(format: "%.1f MiB", bytes / 1_048_576) }

    /// Hours, minutes and seconds.
    static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
    }
}
