/// A configuration that says all that a run needs: the data, the model, the optimizer, the course of the training.
public protocol TaskConfiguration: RunConfiguration {
    /// What is trained.
    associatedtype Task: TrainingTask

    /// The optimizer.
    var optimizer: OptimizerConfiguration { get }
    /// Steps, checkpoints, logs.
    var training: TrainingConfiguration { get }
    /// Reads the data and makes the task.
    func task() throws -> Task
}

extension TaskConfiguration {
    /// Throws where a batch has fewer examples than the slices into which it is to be cut.
    public func requireMicroBatches(of batch: Int) throws(ConfigurationError) {
        guard training.microBatches <= batch else {
            throw ConfigurationError(
                "training.micro_batches = \(training.microBatches) is more than data.batch = \(batch)")
        }
    }
}
