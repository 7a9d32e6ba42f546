import Fisher

/// An endless stream of batches whose position can be saved and restored.
public protocol BatchStream<Batch> {
    /// The type of its batches.
    associatedtype Batch: SliceableBatch
    /// The state that determines all further batches.
    associatedtype Position: Codable & Sendable

    /// The position in the stream.
    var position: Position { get set }
    /// Continues from a position that was saved; throws if no stream of these data has it. By default it is taken as it is.
    mutating func restore(_ position: Position) throws
    /// The next batch.
    mutating func next() throws -> Batch
    /// The next batch, of which some units at least are read: those that `part` names by the number of all units. The stream
    /// moves as by ``next()``. By default the whole batch is read.
    mutating func next(reading part: (_ unitCount: Int) -> Range<Int>) throws -> PartialBatch<Batch>
}

extension BatchStream {
    public mutating func restore(_ position: Position) throws { self.position = position }
    public mutating func next(reading part: (_ unitCount: Int) -> Range<Int>) throws -> PartialBatch<Batch> {
        PartialBatch(whole: try next())
    }
}
