import Fisher
import Foundation

/// One optimizer as a user names it, ready to be bound to a model.
public struct OptimizerCandidate: Sendable {
    /// What readers see, for example `adamw + clip 1.0`.
    public let label: String
    /// The rule.
    public let rule: any OptimizationRule
    /// The largest norm of the whole gradient; no clipping where it is missing.
    public let clipGradientNorm: Double?

    /// Names a candidate.
    public init(label: String, rule: any OptimizationRule, clipGradientNorm: Double? = nil) {
        self.label = label
        self.rule = rule
        self.clipGradientNorm = clipGradientNorm
    }

    /// The options in reading order, the clipping among them.
    public var options: [Setting] {
        rule.settings.map { Setting($0.name, $0.value) }
            + [Setting("clip_gradient_norm", clipGradientNorm.map { "\($0)" } ?? "none")]
    }
}

/// How long a run is and how often it is looked at.
public struct RunLength: Hashable, Sendable {
    /// The number of steps.
    public var steps: Int
    /// Validation every so many steps, and after the last.
    public var evaluateEvery: Int
    /// The number of slices into which a batch is cut to save memory.
    public var microBatches: Int

    /// Describes a run.
    public init(steps: Int, evaluateEvery: Int, microBatches: Int = 1) {
        precondition(steps > 0 && evaluateEvery > 0 && microBatches > 0)
        self.steps = steps
        self.evaluateEvery = evaluateEvery
        self.microBatches = microBatches
    }
}

/// Trains one model with one optimizer from one seed, and records what happened.
public struct TrainingRun<Task: TrainingTask> {
    private let task: Task
    private let length: RunLength

    /// Prepares runs of a task.
    public init(_ task: Task, length: RunLength) {
        self.task = task
        self.length = length
    }

    /// Trains. A loss or gradient that is not finite ends the run as diverged; other failures are thrown.
    ///
    /// - Parameters:
    ///   - candidate: the rule to train with.
    ///   - seed: what decides the first weights and the batches.
    ///   - onStep: called after every step with its number and the last training loss.
    public func callAsFunction(
        _ candidate: OptimizerCandidate, seed: UInt64, onStep: (_ step: Int, _ loss: Double) -> Void
    ) throws -> RunRecord {
        let model = try task.makeModel(seed: seed)
        var batches = try task.makeBatches(seed: seed)
        let optimizer = try Optimizer(
            for: model, candidate.rule, clipGradientNorm: candidate.clipGradientNorm)

        var times = StepTimes()
        var curve = [
            CurvePoint(step: 0, tokens: 0, seconds: 0, trainingLoss: nil, validationLoss: try evaluate(model))
        ]
        var status = RunStatus.completed
        var window: [Double] = []
        for step in 1...length.steps {
            do {
                let batch = try batches.next()
                let report = try optimizer.step(on: batch, microBatches: length.microBatches) { slice in
                    try task.objective(of: model, on: slice)
                }
                times.note(report)
                if let loss = try report.loss() { window.append(loss) }
            } catch let error as NonFiniteError {
                status = .diverged(step: step, reason: "\(error.culprit) is not finite")
                break
            }
            onStep(step, window.last ?? .nan)
            if step % length.evaluateEvery == 0 || step == length.steps {
                curve.append(
                    CurvePoint(
                        step: step, tokens: step * task.tokensPerStep, seconds: times.seconds,
                        trainingLoss: window.reduce(0, +) / Double(max(window.count, 1)),
                        validationLoss: try evaluate(model)))
                window = []
            }
        }
        let final = status == .completed ? curve.last?.validationLoss : nil
        if status == .completed, !(final?.isFinite ?? false) {
            status = .diverged(step: length.steps, reason: "the validation loss is not finite")
        }
        return RunRecord(
            seed: seed, status: status, curve: curve, finalValidationLoss: final,
            forwardBackwardMilliseconds: times.medianGradientMilliseconds,
            optimizerMilliseconds: times.medianUpdateMilliseconds, stateBytes: optimizer.stateByteCount)
    }

    private func evaluate(_ model: Task.Model) throws -> Double {
        model.setTraining(false)
        defer { model.setTraining(true) }
        return try withoutGradients { try task.validationLoss(of: model) }
    }
}

/// The times of a run's steps.
private struct StepTimes {
    private var gradient: [Double] = []
    private var update: [Double] = []

    mutating func note(_ report: StepReport) {
        gradient.append(report.gradientTime / .seconds(1))
        update.append(report.updateTime / .seconds(1))
    }

    /// Seconds spent in steps so far.
    var seconds: Double { gradient.reduce(0, +) + update.reduce(0, +) }
    var medianGradientMilliseconds: Double { 1000 * median(gradient) }
    var medianUpdateMilliseconds: Double { 1000 * median(update) }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let upper = sorted.dropFirst(sorted.count / 2).first else { return 0 }
        return sorted.count.isMultiple(of: 2) ? (sorted[sorted.count / 2 - 1] + upper) / 2 : upper
    }
}
