import Fisher

/// Something to train: a model, its data, and a way to tell how good the model is.
public protocol TrainingTask {
    /// The network.
    associatedtype Model: Module
    /// What one step sees.
    associatedtype Batch: SliceableBatch
    /// The stream of batches of one run.
    associatedtype Batches: BatchStream<Batch>

    /// What a reader should know about it.
    var summary: TaskSummary { get }
    /// The number of tokens (examples, for other tasks) in one batch.
    var examplesPerStep: Int { get }
    /// A hash of the data: a run can only be resumed on the same.
    var dataFingerprint: String { get }

    /// What a file of the model's weights says about the model, so that it can be made again.
    var modelMetadata: [String: String] { get }

    /// A model whose first weights depend on the seed only.
    func makeModel(seed: UInt64) throws -> Model
    /// Batches that depend on the seed only.
    func makeBatches(seed: UInt64) throws -> Batches
    /// What a batch asks of the model.
    func objective(of model: Model, on batch: Batch) throws -> Objective
    /// The loss on held-out data, in nats for each unit; the model is in evaluation while it runs.
    ///
    /// Long evaluations call `Interruption.poll()` now and then. No random number is drawn.
    func validationLoss(of model: Model) throws -> Double
}

/// An endless stream of batches whose position can be saved and restored.
public protocol BatchStream<Batch> {
    /// What it gives.
    associatedtype Batch
    /// Everything that decides the batches to come.
    associatedtype Position: Codable & Sendable

    /// Where the stream is.
    var position: Position { get set }
    /// The next batch.
    mutating func next() throws -> Batch
}
