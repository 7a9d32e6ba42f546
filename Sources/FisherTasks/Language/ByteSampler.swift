import Fisher

/// Draws the windows of a run: uniform starts, from a generator of its own that can be saved and continues exactly.
public struct ByteSampler: Codable, Hashable, Sendable {
    private var state: Xoshiro256
    private let starts: Int
    private let batch: Int

    /// A stream of batches of windows of `context` bytes and the byte after; the stream must hold one.
    public init(seed: UInt64, streamLength: Int, batch: Int, context: Int) {
        precondition(streamLength > context && context > 0 && batch > 0)
        state = Xoshiro256(seed: seed)
        starts = streamLength - context
        self.batch = batch
    }

    /// Whether another sampler draws equally many windows from a text of the same length.
    func draws(asManyAs other: ByteSampler) -> Bool { starts == other.starts && batch == other.batch }

    /// The starts of the next batch's windows.
    public mutating func next() -> [Int] { (0..<batch).map { _ in state.uniform(below: starts) } }
}
