import Fisher
import FisherTraining

/// The seconds that whole training steps took on average, and their parts.
public struct StepSeconds: Codable, Hashable, Sendable {
    /// Making the batch.
    public var data = 0.0
    /// The forward and the backward pass.
    public var gradient = 0.0
    /// What was gathered for the rule besides.
    public var statistics = 0.0
    /// The rule and the writing of the parameters.
    public var update = 0.0

    /// All of it.
    public var total: Double { data + gradient + statistics + update }
}

/// One model with its own weights and optimizer, to be timed in turns with others.
public final class StepBenchmark {
    /// The optimizer, after its first step.
    public let optimizer: Optimizer
    private let step: (Optimizer) throws -> (report: StepReport, data: Duration)

    /// Binds a rule to a network of a usual size with one batch, and makes the first step.
    public init(
        _ network: ReferenceNetwork, batch: Int, _ candidate: OptimizerCandidate,
        execution: Execution = .automatic
    ) throws {
        let (model, batch, logits) = try network.make(batch: batch)
        optimizer = try Optimizer(
            for: model, groups: candidate.rule.groups(for: model),
            clipGradientNorm: candidate.clipGradientNorm, execution: execution)
        step = { optimizer in
            let report = try optimizer.step(on: batch) { batch in
                try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
            }
            return (report, .zero)
        }
        _ = try seconds(steps: 1)
    }

    /// Binds a rule to a task's model and batches, both of the seed 0, and makes the first step.
    public init<Task: TrainingTask>(
        _ task: Task, _ candidate: OptimizerCandidate, execution: Execution = .automatic
    ) throws {
        let model = try task.makeModel(seed: 0)
        var batches = try task.makeBatches(seed: 0)
        optimizer = try Optimizer(
            for: model, groups: candidate.rule.groups(for: model),
            clipGradientNorm: candidate.clipGradientNorm, execution: execution)
        step = { optimizer in
            let clock = ContinuousClock()
            let begin = clock.now
            let batch = try batches.next()
            let data = begin.duration(to: clock.now)
            return (try optimizer.step(on: batch) { try task.objective(of: model, on: $0) }, data)
        }
        _ = try seconds(steps: 1)
    }

    /// The seconds of a step on average over some steps.
    public func seconds(steps: Int) throws -> StepSeconds {
        var sums = StepSeconds()
        let share = Double(max(steps, 1))
        for _ in 0..<steps {
            let (report, data) = try step(optimizer)
            // Whoever trains reads the loss.
            _ = try report.loss()
            sums.data += data / .seconds(1) / share
            sums.statistics += report.statisticsTime / .seconds(1) / share
            sums.gradient += (report.gradientTime - report.statisticsTime) / .seconds(1) / share
            sums.update += report.updateTime / .seconds(1) / share
        }
        return sums
    }
}
