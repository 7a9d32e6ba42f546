import Fisher
import FisherTraining
import Foundation

/// What a run through several tasks keeps: the weights and the information of the tasks before.
public final class ContinualMemory: RunMemory {
    /// The state of the generator that draws labels, as bytes.
    public struct State: Codable, Sendable {
        fileprivate let generator: Data
    }

    private let task: ContinualTask
    /// The penalty that protects the tasks before.
    private(set) var consolidation: ElasticWeightConsolidation
    private let generator: RandomGenerator
    /// A FAdam that keeps f without moving a weight, if the method needs one and the optimizer itself keeps none.
    private var observer: Optimizer?

    private static let (penalty, observed) = ("penalty/", "observer/")

    init(_ task: ContinualTask, seed: UInt64) throws {
        self.task = task
        consolidation = ElasticWeightConsolidation(strength: task.strength, memory: task.training.memory)
        // Labels are drawn from the generator that drew the first weights, after these.
        generator = try RandomGenerator(seed: seed)
        _ = try task.training.makeNetwork(using: generator)
    }

    private var needsObserver: Bool { task.method == .fadam && !(task.training.candidate.rule is FAdam) }

    public func replacesOptimizer(after step: Int) -> Bool { step.isMultiple(of: task.training.steps) }

    /// Begins a task with a fresh observer; lets it see every batch.
    public func prepare(_ model: Sequential, for batch: SupervisedBatch, after step: Int) throws {
        guard needsObserver else { return }
        if replacesOptimizer(after: step) { observer = try Self.makeObserver(of: model) }
        try observer?.step(on: batch) { batch in try task.objective(of: model, on: batch) }
    }

    /// Remembers a task at its end, unless it is the last.
    public func conclude(_ model: Sequential, _ optimizer: Optimizer, after step: Int) throws {
        let training = task.training
        guard replacesOptimizer(after: step), task.method.hasStrength, step < training.stepCount else {
            return
        }
        let images = task.sequence.tasks[step / training.steps - 1].training
        let found = try information(model, observer ?? optimizer, images)
        do throws(CurvatureError) {
            try consolidation.remember(model, information: found)
        } catch {
            throw RunDivergence("\(error)")
        }
    }

    /// At the end of a task: the accuracy on each.
    public func measurements(of model: Sequential, after step: Int) throws -> [(name: String, value: Double)]
    {
        guard step > 0, replacesOptimizer(after: step) else { return [] }
        let found = try HeldOutParts.numbers(of: task.sequence.tasks.count, each: 1) { number in
            let digits = task.sequence.tasks[number].test
            return [try Digits.accuracy(model(digits.images), digits.targets)]
        }
        return found.enumerated().map { (Self.accuracyName(ofTask: $0), $1[0]) }
    }

    /// The column of the accuracy on a task, which counts from 0.
    static func accuracyName(ofTask number: Int) -> String { "accuracy_\(number + 1)" }

    public func saved() throws -> (state: State, tensors: [String: Tensor]) {
        var tensors: [String: Tensor] = [:]
        for (key, tensor) in consolidation.state { tensors[Self.penalty + key] = tensor }
        for (key, tensor) in observer?.state ?? [:] { tensors[Self.observed + key] = tensor }
        return (State(generator: Data(try generator.state())), tensors)
    }

    public func restore(
        _ state: State, _ tensors: [String: Tensor], model: Sequential, after step: Int
    ) throws {
        func part(_ prefix: String) -> [String: Tensor] {
            var found: [String: Tensor] = [:]
            for (key, tensor) in tensors where key.hasPrefix(prefix) {
                found[String(key.dropFirst(prefix.count))] = tensor
            }
            return found
        }
        let (remembered, observed) = (part(Self.penalty), part(Self.observed))
        try consolidation.restore(remembered, of: model)
        if !observed.isEmpty {
            observer = try Self.makeObserver(of: model)
            try observer?.restore(observed)
        }
        try generator.restore([UInt8](state.generator))
    }

    private static func makeObserver(of model: Sequential) throws -> Optimizer {
        try Optimizer(for: model, try FAdam(learningRate: 0) { $0.weightDecay = 0 })
    }

    /// F at the end of a task, on all of its training images.
    private func information(
        _ network: Sequential, _ optimizer: Optimizer, _ images: Digits
    ) throws -> [ParameterPath: Tensor] {
        let source: CurvatureSource
        switch task.method {
        case .none, .joint: preconditionFailure("\(task.method) has no information")
        case .l2:
            return Dictionary(
                uniqueKeysWithValues: network.parameters.map {
                    ($0.path, .ones($0.parameter.wrappedValue.shape))
                })
        case .fadam:
            return optimizer.diagonalInformation
        case .empirical: source = .empirical
        case .sampled: source = .sampled(1)
        case .exact: source = .exact
        case .minibatch: source = .minibatch
        }
        let estimator = try CurvatureEstimator(of: network)
        func estimate(_ indices: Range<Int>) throws -> [ParameterPath: Tensor] {
            let found = try estimator.estimate(
                [.diagonal(source)],
                of: try task.objective(of: network, on: images.batch(at: Array(indices))), using: generator)
            return found.diagonal(source)?.mean ?? [:]
        }
        guard source == .minibatch else { return try estimate(0..<images.count) }
        // The mean over whole mini-batches of the square of each one's mean gradient.
        let batch = task.training.batch
        let parts = try stride(from: 0, through: images.count - batch, by: batch).map {
            try estimate($0..<$0 + batch)
        }
        let sum = parts.dropFirst().reduce(parts[0]) { $0.merging($1) { $0 + $1 } }
        return sum.mapValues { $0 / Double(parts.count) }
    }
}
