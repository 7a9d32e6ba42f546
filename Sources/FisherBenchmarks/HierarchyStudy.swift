import Fisher
import FisherTraining
import Foundation

/// Compares the steps of optimizers with the exact natural gradient on one model, at one point of its
/// training.
public struct HierarchyStudy<Task: TrainingTask> where Task.Batch: SliceableBatch {
    /// The model and its data.
    public let task: Task
    /// The seed of the weights and the batches.
    public var seed: UInt64 = 0
    /// Steps of AdamW before anything is compared.
    public var trainingSteps = 100
    /// Batches with which a rule fills its averages, at the weights of the comparison.
    public var warmUpSteps = 10
    /// Damping added to the eigenvalues of the exact Fisher information.
    public var damping = 1e-3
    /// Turns in which the steps are timed.
    public var turns = 7

    /// Describes a study with its defaults.
    public init(_ task: Task) { self.task = task }

    /// Compares candidates and reports the number completed after each.
    public func levels(
        of candidates: [OptimizerCandidate], progress: (Int) -> Void = { _ in }
    ) throws -> [HierarchyLevel] {
        let start = try trained()
        var batches = try task.makeBatches(seed: seed &+ 1)
        let warmUp = try (0..<warmUpSteps).map { _ in try batches.next() }
        let batch = try batches.next()
        let reference = try NaturalGradient(learningRate: 1) { $0.damping = .constant(damping) }
        let natural = try bound(OptimizerCandidate(label: "natural gradient", rule: reference), at: start)
        let exact = try natural.movement(on: batch)
        let plain = try bound(OptimizerCandidate(label: "sgd", rule: SGD()), at: start)
        var found: [HierarchyLevel] = []
        for candidate in candidates {
            let subject = try bound(candidate, at: start)
            for batch in warmUp { _ = try subject.movement(on: batch) }
            let movement = try subject.movement(on: batch)
            let before = try subject.loss(on: batch, moved: movement, by: 0)
            let (own, baseline) = try times(subject, plain, on: batch)
            let rule = type(of: candidate.rule).summary
            found.append(
                HierarchyLevel(
                    label: candidate.label, source: rule.source, structure: rule.structure,
                    power: rule.power, cosine: try cosine(movement, exact),
                    decrease: before - (try subject.loss(on: batch, moved: movement, by: 1)),
                    greatestDecrease: before - (try least(subject, on: batch, along: movement)),
                    milliseconds: own, baselineMilliseconds: baseline,
                    stateBytes: subject.optimizer.stateByteCount))
            progress(found.count)
        }
        return found
    }

    /// The weights at which everything is compared.
    private func trained() throws -> [Tensor] {
        let model = try task.makeModel(seed: seed)
        if trainingSteps > 0 {
            let optimizer = try Optimizer(for: model, AdamW())
            var batches = try task.makeBatches(seed: seed)
            for _ in 0..<trainingSteps {
                try Interruption.poll()
                try optimizer.step(on: try batches.next()) { try task.objective(of: model, on: $0) }
            }
        }
        return withoutGradients { model.parameters.map { $0.parameter.wrappedValue.detached().copy() } }
    }

    private func bound(_ candidate: OptimizerCandidate, at start: [Tensor]) throws -> Subject<Task> {
        try Subject(task, candidate, seed: seed, start: start)
    }

    private func times(
        _ subject: Subject<Task>, _ plain: Subject<Task>, on batch: Task.Batch
    ) throws -> (own: Double, baseline: Double) {
        let subjects = [subject, plain]
        let times = try InterleavedTimes(candidates: subjects.count, turns: turns, warmUpTurns: 0) {
            try Interruption.poll()
            return try subjects[$0].milliseconds(on: batch)
        }
        return (times.spread(of: 0).median, times.spread(of: 1).median)
    }

    private func cosine(_ a: [Tensor], _ b: [Tensor]) throws -> Double {
        func dot(_ a: [Tensor], _ b: [Tensor]) throws -> Double {
            try zip(a, b).reduce(0) { $0 + (try ($1.0 * $1.1).sum(dtype: .float64).item()) }
        }
        let length = try (dot(a, a) * dot(b, b)).squareRoot()
        return length > 0 ? try dot(a, b) / length : 0
    }

    /// The least loss along a movement: lengths by powers of two, then the golden section between the neighbors of
    /// the best.
    private func least(
        _ subject: Subject<Task>, on batch: Task.Batch, along movement: [Tensor]
    ) throws -> Double {
        func loss(_ exponent: Double) throws -> Double {
            let value = try subject.loss(on: batch, moved: movement, by: pow(2, exponent))
            return value.isFinite ? value : .infinity
        }
        var best = (exponent: -12.0, loss: Double.infinity)
        for exponent in stride(from: -12.0, through: 16, by: 1) {
            try Interruption.poll()
            let value = try loss(exponent)
            if value < best.loss { best = (exponent, value) }
        }
        let ratio = (5.0.squareRoot() - 1) / 2
        var (low, high) = (best.exponent - 1, best.exponent + 1)
        for _ in 0..<12 {
            let (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
            if try loss(left) < loss(right) { high = right } else { low = left }
        }
        return min(best.loss, try loss((low + high) / 2), try loss(-.infinity))
    }
}

/// One optimizer at the weights at which it is compared; they are restored after every step.
private final class Subject<Task: TrainingTask> {
    let optimizer: Optimizer
    private let task: Task
    private let model: Task.Model
    private let start: [Tensor]

    init(_ task: Task, _ candidate: OptimizerCandidate, seed: UInt64, start: [Tensor]) throws {
        self.task = task
        self.start = start
        model = try task.makeModel(seed: seed)
        optimizer = try Optimizer(
            for: model, candidate.rule, clipGradientNorm: candidate.clipGradientNorm)
        try restore()
    }

    private var weights: [Tensor] { model.parameters.map { $0.parameter.wrappedValue.detached() } }

    private func restore() throws {
        try withoutGradients { for (weight, value) in zip(weights, start) { try weight.assign(value) } }
    }

    /// The update of the weights by a step on a batch; the weights are restored, the rule's state is not.
    func movement(on batch: Task.Batch) throws -> [Tensor] {
        try optimizer.step(on: batch) { try task.objective(of: model, on: $0) }
        let movement = withoutGradients { zip(weights, start).map { $0 - $1 } }
        for tensor in movement { try tensor.check() }
        try restore()
        return movement
    }

    /// The mean loss of a batch at the weights and a multiple of a movement.
    func loss(on batch: Task.Batch, moved movement: [Tensor], by factor: Double) throws -> Double {
        let loss = try withoutGradients {
            for (weight, change) in zip(weights, movement) { try weight.add(change, scale: factor) }
            return try task.objective(of: model, on: batch).loss.item()
        }
        try restore()
        return loss
    }

    /// How long a step takes.
    func milliseconds(on batch: Task.Batch) throws -> Double {
        let clock = ContinuousClock()
        let begin = clock.now
        try optimizer.step(on: batch) { try task.objective(of: model, on: $0) }
        let taken = begin.duration(to: clock.now) / .milliseconds(1)
        try restore()
        return taken
    }
}
