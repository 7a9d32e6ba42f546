import Fisher
import FisherTraining

/// Trains a classifier on permuted digits, one task after another, and measures the accuracy on each.
///
/// The network is a perceptron with two hidden layers of rectifiers. Each task begins with a fresh optimizer
/// on the weights that the one before left; the method decides how these are protected. A run is a ``ContinualTask`` in a
/// training session as every other run of this package.
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

    /// Trains through all tasks in memory.
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
        let session = try TrainingSession(
            try ContinualTask(self, method, strength: strength, seed: seed), candidate, seed: seed)
        var record = ContinualRecord(seed: seed, status: .completed, accuracies: [], seconds: 0)
        let length = RunLength(steps: stepCount, evaluateEvery: steps)
        try withoutActuallyEscaping(onStep) { onStep in
            do {
                try TrainingLoop(session, length: length)(
                    .init(
                        afterStep: { session, report in onStep(session.progress.step, report.loss) },
                        afterEvaluation: { session, point in
                            let row = session.measurements.map(\.value)
                            if !row.isEmpty { record.accuracies.append(row) }
                            record.seconds = point.seconds
                        }))
            } catch let error as NonFiniteError {
                record.status = .diverged(
                    step: session.progress.step + 1, reason: "\(error.source) is not finite")
            } catch let error as RunDivergence {
                record.status = .diverged(step: session.progress.step, reason: "\(error)")
            }
        }
        return record
    }

    /// The steps of all tasks together.
    public var stepCount: Int { taskCount * steps }

    /// The number of the network's parameters.
    public var parameterCount: Int { Int(exactly: exactParameterCount) ?? .max }

    private var exactParameterCount: Double {
        let (pixels, classes, width) = (Double(Digits.pixelCount), Double(Digits.classCount), Double(width))
        return (pixels + 1) * width + (width + 1) * width + (width + 1) * classes
    }

    func makeNetwork(using generator: RandomGenerator) throws -> Sequential {
        try requireMemory(2 * 4 * exactParameterCount, for: "a network of width \(width) with its gradients")
        return Sequential(
            Linear(Digits.pixelCount, width, using: generator), ReLU(),
            Linear(width, width, using: generator), ReLU(),
            Linear(width, Digits.classCount, using: generator))
    }
}
