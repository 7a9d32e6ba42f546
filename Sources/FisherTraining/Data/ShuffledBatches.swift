import Fisher

/// An endless stream of batches of examples that are held in memory: each example once per epoch, in a new
/// order in every epoch.
///
///     let batches = try ShuffledBatches(inputs: images, targets: labels, batchSize: 32, seed: 0)
///     for batch in batches.prefix(10 * batches.batchesPerEpoch) {
///         try optimizer.step(on: batch) { batch in
///             try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets)
///         }
///     }
///
/// Equal seeds give equal streams on every machine. A batch continues into the next epoch where one ends, so that all
/// have the same size. ``position`` can be saved and restored; every loop over the stream continues from there, because
/// the stream is a reference.
public final class ShuffledBatches: BatchStream, Sequence {
    private let inputs: Tensor
    private let targets: Tensor
    private var indices: ShuffledIndices

    /// The position in the stream; that of a stream with equally many examples can be restored.
    public var position: ShuffledIndices {
        get { indices }
        set {
            precondition(newValue.count == indices.count, "a position among another number of examples")
            indices = newValue
        }
    }

    /// Continues from a position that was saved; throws `BatchError` for one among other examples or of another batch.
    public func restore(_ position: ShuffledIndices) throws(BatchError) {
        try indices.move(to: position)
    }

    /// Creates a stream of the examples along the first axis of two tensors.
    ///
    /// Throws `BatchError` if the axes differ or a batch does not fit, and `TorchError` for a failed tensor.
    ///
    /// - Parameters:
    ///   - inputs: the model's inputs, [examples, ...].
    ///   - targets: the values to predict, [examples, ...].
    ///   - batchSize: the examples of a batch, from 1 to all.
    ///   - seed: the seed of the orders.
    public init(inputs: Tensor, targets: Tensor, batchSize: Int, seed: UInt64 = 0) throws {
        try inputs.check()
        try targets.check()
        guard let count = inputs.shape.first, count == targets.shape.first else {
            throw BatchError.unpaired(inputs: inputs.shape, targets: targets.shape)
        }
        guard batchSize > 0, batchSize <= count else {
            throw BatchError.badSize(batchSize, exampleCount: count)
        }
        self.inputs = inputs
        self.targets = targets
        indices = ShuffledIndices(seed: seed, count: count, batch: batchSize)
    }

    /// Creates a stream of two tensors of a safetensors file; throws `SafetensorsError` if it cannot be read.
    public convenience init(
        contentsOf path: String, inputs: String = "inputs", targets: String = "targets", batchSize: Int,
        seed: UInt64 = 0
    ) throws {
        let file = try SafetensorsFile(path: path)
        try self.init(
            inputs: try file.tensor(named: inputs), targets: try file.tensor(named: targets),
            batchSize: batchSize, seed: seed)
    }

    /// The batches that hold as many examples as there are, rounded up.
    public var batchesPerEpoch: Int { (indices.count + indices.batch - 1) / indices.batch }

    /// The number of epochs that are over.
    public var epoch: Int { indices.pass }

    /// The next batch.
    public func next() -> SupervisedBatch {
        let chosen = Tensor(indices.next().map(Int64.init), shape: [indices.batch])
        return SupervisedBatch(inputs: Self.rows(inputs, chosen), targets: Self.rows(targets, chosen))
    }

    private static func rows(_ tensor: Tensor, _ chosen: Tensor) -> Tensor {
        tensor.gathering(chosen.to(device: tensor.device), along: 0)
    }

    /// The batches from the present position on; drawing from them moves the stream.
    public func makeIterator() -> AnyIterator<SupervisedBatch> { AnyIterator { self.next() } }
}
