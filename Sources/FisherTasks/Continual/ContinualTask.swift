import Fisher
import FisherTraining

/// A sequence of permuted digits as one training problem: its batches go through the tasks, and its memory protects what was
/// learned.
public struct ContinualTask: TrainingTask {
    /// The network, the optimizer and the images.
    public let training: ContinualTraining
    /// The method against forgetting.
    public let method: ContinualMethod
    /// lambda; of no effect for methods without one.
    public let strength: Double
    let sequence: PermutedDigits

    /// Orders the pixels.
    ///
    /// - Parameters:
    ///   - training: the network, the optimizer and the images.
    ///   - method: the method against forgetting.
    ///   - strength: lambda; of no effect for methods without one.
    ///   - seed: the seed of the orders of the pixels, and of the run.
    /// - Throws: `TorchError` of kind `outOfMemory` for images that do not fit into the memory in all orders.
    public init(
        _ training: ContinualTraining, _ method: ContinualMethod, strength: Double, seed: UInt64
    ) throws {
        let images = Double(training.taskCount) * Double(training.training.count + training.test.count)
        try requireMemory(
            images * 4 * Double(Digits.pixelCount), for: "a sequence of \(training.taskCount) tasks")
        self.training = training
        self.method = method
        self.strength = strength
        sequence = PermutedDigits(
            training.taskCount, training: training.training, test: training.test, seed: seed)
    }

    public var summary: TaskSummary {
        let width = training.width
        return TaskSummary(
            name: Self.name,
            description:
                "\(training.taskCount) tasks of permuted digits in turn, \(training.steps) steps each, "
                + "classifier 64-\(width)-\(width)-10",
            parameterCount: training.parameterCount, lossUnit: "image",
            settings: [
                Setting("method", method.rawValue),
                Setting("strength", method.hasStrength ? "\(strength)" : "none"),
                Setting("batch", "\(training.batch) images"),
            ])
    }

    public var examplesPerStep: Int { training.batch }

    public var dataFingerprint: String {
        let images = training.training.fingerprint &* 31 &+ training.test.fingerprint
        return String(images, radix: 16) + " in \(training.taskCount) orders"
    }

    public var modelMetadata: [String: String] { [:] }

    public func makeModel(seed: UInt64) throws -> Sequential {
        try training.makeNetwork(using: try RandomGenerator(seed: seed))
    }

    public func makeBatches(seed: UInt64) throws -> ContinualBatches {
        ContinualBatches(
            sequence, joint: method == .joint, steps: training.steps, batch: training.batch, seed: seed)
    }

    public func makeMemory(of model: Sequential, seed: UInt64) throws -> ContinualMemory {
        try ContinualMemory(self, seed: seed)
    }

    public func objective(of model: Sequential, on batch: SupervisedBatch) throws -> Objective {
        try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
    }

    public func objective(
        of model: Sequential, on batch: SupervisedBatch, with memory: ContinualMemory
    ) throws -> Objective {
        try Objective(
            Categorical(logits: model(batch.inputs)), observing: batch.targets,
            auxiliaries: memory.consolidation.auxiliaries(for: model))
    }

    /// Mean nats per image over the held-out images of all tasks.
    public func validationLoss(of model: Sequential) throws -> Double {
        let parts = try HeldOutParts.numbers(of: sequence.tasks.count, each: 2) { number in
            let test = sequence.tasks[number].test
            let objective = try objective(
                of: model, on: SupervisedBatch(inputs: test.images, targets: test.targets))
            return [try objective.negativeLogLikelihood.item(), Double(objective.observationCount)]
        }
        return parts.reduce(0) { $0 + $1[0] } / parts.reduce(0) { $0 + $1[1] }
    }
}

/// The batches of a sequence of tasks: equally many of each task in turn, or of all tasks so far together.
public struct ContinualBatches: BatchStream {
    /// The number of batches drawn, and the positions in the images of the tasks that the last one came from.
    public struct Position: Codable, Hashable, Sendable {
        fileprivate var step = 0
        fileprivate var parts: [ShuffledIndices] = []
    }

    private let sequence: PermutedDigits
    private let joint: Bool
    private let steps: Int
    private let batch: Int
    private let seed: UInt64
    private var step = 0
    private var parts: [ShuffledBatches] = []

    init(_ sequence: PermutedDigits, joint: Bool, steps: Int, batch: Int, seed: UInt64) {
        self.sequence = sequence
        self.joint = joint
        self.steps = steps
        self.batch = batch
        self.seed = seed
    }

    /// The position in the stream; one that is not of these tasks is left out, see ``restore(_:)``.
    public var position: Position {
        get { Position(step: step, parts: parts.map(\.position)) }
        set { try? restore(newValue) }
    }

    /// Continues from a position that was saved; throws `BatchError` for one among other images or tasks.
    public mutating func restore(_ position: Position) throws {
        let drawn = 0...(steps * sequence.tasks.count)
        let stage = max(0, position.step - 1) / steps
        let made = drawn.contains(position.step) && position.step > 0 ? try makeParts(stage: stage) : []
        guard drawn.contains(position.step), made.count == position.parts.count else {
            throw BatchError.foreignPosition(count: position.step, batch: position.parts.count)
        }
        for (part, saved) in zip(made, position.parts) { try part.restore(saved) }
        (step, parts) = (position.step, made)
    }

    public mutating func next() throws -> SupervisedBatch {
        if step.isMultiple(of: steps) { parts = try makeParts(stage: step / steps) }
        step += 1
        let batches = parts.map { $0.next() }
        guard batches.count > 1 else { return batches[0] }
        return SupervisedBatch(
            inputs: .concatenated(batches.map(\.inputs), along: 0),
            targets: .concatenated(batches.map(\.targets), along: 0))
    }

    private func makeParts(stage: Int) throws -> [ShuffledBatches] {
        let tasks = joint ? Array(0...stage) : [stage]
        return try tasks.enumerated().map { position, task in
            let digits = sequence.tasks[task].training
            // Equal shares; the first tasks take what is left over.
            let share = batch / tasks.count + (position < batch % tasks.count ? 1 : 0)
            let order = seed &* 1_000_003 &+ UInt64(stage * 1000 + task)
            return try ShuffledBatches(
                inputs: digits.images, targets: digits.targets, batchSize: max(share, 1), seed: order)
        }
    }
}
