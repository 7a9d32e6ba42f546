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
    var tokensPerStep: Int { get }

    /// A model whose first weights depend on the seed only.
    func makeModel(seed: UInt64) throws -> Model
    /// Batches that depend on the seed only.
    func makeBatches(seed: UInt64) throws -> Batches
    /// What a batch asks of the model.
    func objective(of model: Model, on batch: Batch) throws -> Objective
    /// The loss on held-out data, in nats for each unit; the model is in evaluation while it runs.
    func validationLoss(of model: Model) throws -> Double
}

/// An endless stream of batches.
public protocol BatchStream<Batch> {
    /// What it gives.
    associatedtype Batch
    /// The next batch.
    mutating func next() throws -> Batch
}
