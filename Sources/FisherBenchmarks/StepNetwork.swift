import Fisher
import FisherTraining

/// A model of a known size with synthetic data, on which `fisher bench step` times whole training steps.
///
///     extension StepNetwork {
///         static let perceptron = StepNetwork("perceptron", "64-32-10", usualBatch: 128) { count in
///             let generator = try RandomGenerator(seed: 1)
///             let model = Sequential([Linear(64, 32, using: generator), Tanh(), Linear(32, 10, using: generator)])
///             let inputs = Tensor.normal([count, 64], using: generator)
///             let batch = SupervisedBatch(inputs: inputs, targets: .zeros([count], dtype: .int64))
///             return StepSubject(model, on: batch) {
///                 try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
///             }
///         }
///     }
///
/// A network of the same name in `Benchmarks/twins` is its peer in PyTorch.
public struct StepNetwork: Sendable {
    /// The name on the command line.
    public let name: String
    /// The architecture in a few words, for the help.
    public let architecture: String
    /// What a batch counts: an `image`, a `window`, an `utterance`.
    public let unit: String
    /// The batch that is taken where none is given.
    public let usualBatch: Int
    /// The tokens of a unit, where it is a sequence of them.
    public let tokensPerUnit: Int?
    let prepare: @Sendable (_ batch: Int) throws -> () throws -> StepSubject

    /// A network with a fixed batch.
    ///
    /// - Parameters:
    ///   - name: the name on the command line.
    ///   - architecture: the architecture in a few words.
    ///   - unit: what a batch counts.
    ///   - usualBatch: the batch that is taken where none is given.
    ///   - tokensPerUnit: the tokens of a unit, where it is a sequence of them.
    ///   - make: makes a copy of the model, equal each time, and its batch of so many units.
    public init(
        _ name: String, _ architecture: String, unit: String = "image", usualBatch: Int,
        tokensPerUnit: Int? = nil,
        make: @escaping @Sendable (_ batch: Int) throws -> StepSubject
    ) {
        (self.name, self.architecture, self.unit, self.usualBatch) = (name, architecture, unit, usualBatch)
        self.tokensPerUnit = tokensPerUnit
        prepare = { count in { try make(count) } }
    }

    /// The network of a task with synthetic data, whose batches are made anew in every step.
    ///
    /// - Parameters:
    ///   - name: the name on the command line.
    ///   - architecture: the architecture in a few words.
    ///   - unit: what a batch counts.
    ///   - usualBatch: the batch that is taken where none is given.
    ///   - tokensPerUnit: the tokens of a unit, where it is a sequence of them.
    ///   - task: makes the task with batches of so many units.
    public init<Task: TrainingTask & SendableMetatype>(
        _ name: String, _ architecture: String, unit: String, usualBatch: Int, tokensPerUnit: Int? = nil,
        task: @escaping @Sendable (_ batch: Int) throws -> Task
    ) {
        (self.name, self.architecture, self.unit, self.usualBatch) = (name, architecture, unit, usualBatch)
        self.tokensPerUnit = tokensPerUnit
        prepare = { count in
            let task = try task(count)
            return { try StepSubject(task) }
        }
    }
}

/// A model with the batches and the objective of its steps.
public struct StepSubject {
    let model: any Module
    /// Makes a step and gives its report with the time that making the batch took.
    let step: (Optimizer) throws -> (report: StepReport, data: Duration)

    /// A model that is trained on one batch again and again.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - batch: the batch.
    ///   - objective: the objective of the batch or of a slice of it.
    public init<Batch: SliceableBatch>(
        _ model: any Module, on batch: Batch, objective: @escaping (Batch) throws -> Objective
    ) {
        self.init(model, onEachOf: [batch], objective: objective)
    }

    /// A model that is trained on some batches in turn, so that averages over steps see more than one batch's rank.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - batches: at least one.
    ///   - objective: the objective of a batch or of a slice of it.
    public init<Batch: SliceableBatch>(
        _ model: any Module, onEachOf batches: [Batch], objective: @escaping (Batch) throws -> Objective
    ) {
        precondition(!batches.isEmpty, "a step needs a batch")
        self.model = model
        var steps = 0
        step = { optimizer in
            defer { steps += 1 }
            return (try optimizer.step(on: batches[steps % batches.count], objective), .zero)
        }
    }

    /// A task's model and batches, both of the seed 0.
    init<Task: TrainingTask>(_ task: Task) throws {
        let model = try task.makeModel(seed: 0)
        var batches = try task.makeBatches(seed: 0)
        self.model = model
        step = { optimizer in
            let clock = ContinuousClock()
            let begin = clock.now
            let batch = try batches.next()
            let data = begin.duration(to: clock.now)
            return (try optimizer.step(on: batch) { try task.objective(of: model, on: $0) }, data)
        }
    }
}
