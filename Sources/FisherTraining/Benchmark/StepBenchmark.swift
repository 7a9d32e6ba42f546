import Fisher

/// The seconds of a training step by its parts.
public struct StepSeconds: Codable, Hashable, Sendable {
    /// Making the batch.
    public var data = 0.0
    /// The forward and backward pass, and the statistics that the rule asks for.
    public var gradient = 0.0
    /// The rule, and the writing of the parameters.
    public var update = 0.0

    /// All of it.
    public var total: Double { data + gradient + update }
}

/// Whole training steps of one task under one optimizer, to be timed in turns.
public final class StepBenchmark<Task: TrainingTask> {
    /// The optimizer, bound to a model of its own.
    public let optimizer: Optimizer
    private let task: Task
    private let model: Task.Model
    private var batches: Task.Batches

    /// Makes a model from the seed 0, and its first step.
    public init(_ task: Task, _ candidate: OptimizerCandidate) throws {
        self.task = task
        model = try task.makeModel(seed: 0)
        batches = try task.makeBatches(seed: 0)
        optimizer = try Optimizer(
            for: model, candidate.rule, clipGradientNorm: candidate.clipGradientNorm)
        _ = try seconds(steps: 1)
    }

    /// The seconds that a step takes on average over some steps.
    public func seconds(steps: Int) throws -> StepSeconds {
        let clock = ContinuousClock()
        var sum = StepSeconds()
        for _ in 0..<steps {
            let begin = clock.now
            let batch = try batches.next()
            sum.data += begin.duration(to: clock.now) / .seconds(1)
            let report = try optimizer.step(on: batch) { try task.objective(of: model, on: $0) }
            // Whoever trains reads the loss.
            _ = try report.loss()
            sum.gradient += report.gradientTime / .seconds(1)
            sum.update += report.updateTime / .seconds(1)
        }
        let count = Double(max(steps, 1))
        return StepSeconds(data: sum.data / count, gradient: sum.gradient / count, update: sum.update / count)
    }
}
