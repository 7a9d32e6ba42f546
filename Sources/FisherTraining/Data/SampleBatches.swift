import Fisher

/// An endless stream of batches of samples that are read when they are needed, such as those of a file that is larger than
/// memory: each sample once per epoch, in a new order in every epoch.
///
///     var batches = SampleBatches(count: file.rowCount, batch: 32, seed: 0) { rows in
///         SupervisedBatch(inputs: try file.inputs(at: rows), targets: try file.targets(at: rows))
///     }
///
/// Equal seeds give equal streams on every machine. ``ShuffledBatches`` is the stream of examples that are in memory.
public struct SampleBatches: BatchStream {
    private let read: ([Int]) throws -> SupervisedBatch
    /// The place in the stream.
    public var position: ShuffledIndices

    /// A stream of batches of `batch` out of `count` samples; `batch` must lie between 1 and `count`.
    ///
    /// - Parameters:
    ///   - count: the number of samples.
    ///   - batch: the samples of a batch.
    ///   - seed: the seed of the orders.
    ///   - read: gives the samples with some indices, from 0 to `count` - 1, in that order.
    public init(
        count: Int, batch: Int, seed: UInt64 = 0, reading read: @escaping ([Int]) throws -> SupervisedBatch
    ) {
        self.read = read
        position = ShuffledIndices(seed: seed, count: count, batch: batch)
    }

    /// Continues from a position that was saved; throws `BatchError` for one among other samples or of another batch.
    public mutating func restore(_ position: ShuffledIndices) throws(BatchError) {
        try self.position.move(to: position)
    }

    /// The next batch; throws what reading it throws.
    public mutating func next() throws -> SupervisedBatch { try read(position.next()) }

    /// Reads some samples of the next batch; throws what reading them throws.
    public mutating func next(
        reading part: (_ unitCount: Int) -> Range<Int>
    ) throws -> PartialBatch<SupervisedBatch> {
        let chosen = position.next()
        let own = part(chosen.count)
        return PartialBatch(try read(Array(chosen[own])), first: own.lowerBound, of: chosen.count)
    }
}
