import Fisher
import FisherTraining

/// Trains a classifier on permuted digits, one task after another, and measures the accuracy on each.
///
/// The network is a perceptron with two hidden layers of rectifiers. Each task begins with a fresh optimizer
/// on the weights that the one before left; the method decides how these are protected.
public struct ContinualTraining: Sendable {
    /// The optimizer, created for each task.
    public let candidate: OptimizerCandidate
    /// The number of tasks.
    public let taskCount: Int
    /// Steps on each task.
    public let steps: Int
    /// Images in a step.
    public let batch: Int
    /// The width of the hidden layers.
    public let width: Int
    /// How several tasks are remembered.
    public let memory: ElasticWeightConsolidation.Memory
    /// The images to train on.
    public let training: Digits
    /// The images that accuracies are measured on.
    public let test: Digits

    /// Describes the training; throws a batch that is larger than the training side.
    public init(
        _ candidate: OptimizerCandidate, taskCount: Int, steps: Int, batch: Int, width: Int,
        memory: ElasticWeightConsolidation.Memory, training: Digits, test: Digits
    ) throws(DigitsError) {
        precondition(taskCount > 0 && steps > 0 && width > 0)
        guard (1...max(training.count, 1)).contains(batch) else {
            throw .badBatch(size: batch, count: training.count)
        }
        self.candidate = candidate
        self.taskCount = taskCount
        self.steps = steps
        self.batch = batch
        self.width = width
        self.memory = memory
        self.training = training
        self.test = test
    }

    /// Trains through all tasks.
    ///
    /// A loss or gradient that is not finite, or invalid information, ends the run as diverged. Throws
    /// `Interrupted` between steps.
    ///
    /// - Parameters:
    ///   - method: the method against forgetting.
    ///   - strength: lambda; of no effect for methods without one.
    ///   - seed: the seed of the first weights, the batches and the orders of the pixels.
    ///   - onStep: called after every step with its number, over all tasks, and the training loss.
    public func callAsFunction(
        _ method: ContinualMethod, strength: Double, seed: UInt64,
        onStep: (_ step: Int, _ loss: Double) -> Void = { _, _ in }
    ) throws -> ContinualRecord {
        try requireMemory(
            Double(taskCount) * Double(training.count + test.count) * 4 * Double(Digits.pixelCount),
            for: "a sequence of \(taskCount) tasks")
        let sequence = PermutedDigits(taskCount, training: training, test: test, seed: seed)
        let generator = try RandomGenerator(seed: seed)
        let network = try makeNetwork(using: generator)
        var consolidation = ElasticWeightConsolidation(strength: strength, memory: memory)
        var record = ContinualRecord(seed: seed, status: .completed, accuracies: [], seconds: 0)
        let clock = ContinuousClock()
        for stage in 0..<taskCount {
            let begin = clock.now
            let optimizer = try Optimizer(
                for: network, candidate.rule, clipGradientNorm: candidate.clipGradientNorm)
            let observer = try method == .fadam ? observer(of: network) : nil
            let images = try Images(sequence, method: method, stage: stage, batch: batch, seed: seed)
            for step in 1...steps {
                try Interruption.poll()
                let total = stage * steps + step
                let next = images.next()
                do {
                    try observer?.step(on: next) { batch in
                        try Objective(Categorical(logits: network(batch.inputs)), observing: batch.targets)
                    }
                    let report = try optimizer.step(on: next) { batch in
                        try Objective(
                            Categorical(logits: network(batch.inputs)), observing: batch.targets,
                            auxiliaries: consolidation.auxiliaries(for: network))
                    }
                    onStep(total, report.loss)
                } catch let error as NonFiniteError {
                    record.status = .diverged(step: total, reason: "\(error.source) is not finite")
                    return record
                }
            }
            if method.hasStrength, stage + 1 < taskCount {
                let found = try information(
                    method, network, observer ?? optimizer, sequence.tasks[stage].training, generator)
                do {
                    try consolidation.remember(network, information: found)
                } catch {
                    let last = (stage + 1) * steps
                    record.status = .diverged(step: last, reason: "\(error)")
                    return record
                }
            }
            record.seconds += begin.duration(to: clock.now) / .seconds(1)
            record.accuracies.append(try accuracies(network, sequence))
        }
        return record
    }

    /// A FAdam that keeps f without moving a weight, if the optimizer itself keeps none.
    private func observer(of network: Sequential) throws -> Optimizer? {
        if candidate.rule is FAdam { return nil }
        return try Optimizer(for: network, try FAdam(learningRate: 0) { $0.weightDecay = 0 })
    }

    /// The number of the network's parameters.
    public var parameterCount: Int { Int(exactly: exactParameterCount) ?? .max }

    private var exactParameterCount: Double {
        let (pixels, classes, width) = (Double(Digits.pixelCount), Double(Digits.classCount), Double(width))
        return (pixels + 1) * width + (width + 1) * width + (width + 1) * classes
    }

    private func makeNetwork(using generator: RandomGenerator) throws -> Sequential {
        try requireMemory(2 * 4 * exactParameterCount, for: "a network of width \(width) with its gradients")
        return Sequential(
            Linear(Digits.pixelCount, width, using: generator), ReLU(),
            Linear(width, width, using: generator), ReLU(),
            Linear(width, Digits.classCount, using: generator))
    }

    private func accuracies(_ network: Sequential, _ sequence: PermutedDigits) throws -> [Double] {
        try withoutGradients {
            try sequence.tasks.map { try Digits.accuracy(network($0.test.images), $0.test.targets) }
        }
    }

    /// F at the end of a task, on all of its training images.
    private func information(
        _ method: ContinualMethod, _ network: Sequential, _ optimizer: Optimizer, _ images: Digits,
        _ generator: RandomGenerator
    ) throws -> [ParameterPath: Tensor] {
        let source: CurvatureSource
        switch method {
        case .none, .joint: preconditionFailure("\(method) has no information")
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
            let part = images.batch(at: Array(indices))
            let found = try estimator.estimate(
                [.diagonal(source)],
                of: Objective(Categorical(logits: network(part.inputs)), observing: part.targets),
                using: generator)
            return found.diagonal(source)?.mean ?? [:]
        }
        guard source == .minibatch else { return try estimate(0..<images.count) }
        // The mean over whole mini-batches of the square of each one's mean gradient.
        let parts = try stride(from: 0, through: images.count - batch, by: batch).map {
            try estimate($0..<$0 + batch)
        }
        let sum = parts.dropFirst().reduce(parts[0]) { $0.merging($1) { $0 + $1 } }
        return sum.mapValues { $0 / Double(parts.count) }
    }
}

extension ContinualTraining {
    /// The batches of one stage.
    private struct Images {
        private let parts: [ShuffledBatches]

        init(
            _ sequence: PermutedDigits, method: ContinualMethod, stage: Int, batch: Int, seed: UInt64
        ) throws {
            let tasks = method == .joint ? Array(0...stage) : [stage]
            parts = try tasks.enumerated().map { position, task in
                let digits = sequence.tasks[task].training
                // Equal shares; the first tasks take what is left over.
                let share = batch / tasks.count + (position < batch % tasks.count ? 1 : 0)
                let order = seed &* 1_000_003 &+ UInt64(stage * 1000 + task)
                return try ShuffledBatches(
                    inputs: digits.images, targets: digits.targets, batchSize: max(share, 1), seed: order)
            }
        }

        func next() -> SupervisedBatch {
            let batches = parts.map { $0.next() }
            guard batches.count > 1 else { return batches[0] }
            return SupervisedBatch(
                inputs: .concatenated(batches.map(\.inputs), along: 0),
                targets: .concatenated(batches.map(\.targets), along: 0))
        }
    }
}
