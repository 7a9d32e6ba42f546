import Fisher

/// The indices of examples, batch by batch: each once per epoch, in a new order in every epoch.
///
/// It is the position of a stream: it determines all further batches.
public struct ShuffledIndices: Codable, Hashable, Sendable {
    private let seed: UInt64
    /// The number of examples.
    public let count: Int
    /// The number of indices in a batch.
    public let batch: Int
    /// The number of epochs that are over.
    public private(set) var pass = 0
    private var offset = 0
    /// The order of the epoch, made of the numbers above when it is first needed.
    private var order: [Int] = []

    /// A stream of batches of `batch` out of `count` examples; `batch` must lie between 1 and `count`.
    public init(seed: UInt64, count: Int, batch: Int) {
        precondition(batch > 0 && batch <= count)
        (self.seed, self.count, self.batch) = (seed, count, batch)
    }

    /// Continues from a position that was saved; throws `BatchError` for one among other examples or of another batch.
    public mutating func move(to position: ShuffledIndices) throws(BatchError) {
        guard position.count == count, position.batch == batch else {
            throw .foreignPosition(count: position.count, batch: position.batch)
        }
        self = position
    }

    /// Two positions are equal if the numbers are that determine all further batches.
    public static func == (a: ShuffledIndices, b: ShuffledIndices) -> Bool { a.numbers == b.numbers }

    /// Hashes the numbers that determine all further batches.
    public func hash(into hasher: inout Hasher) { hasher.combine(numbers) }

    private var numbers: [UInt64] { [seed] + [count, batch, pass, offset].map(UInt64.init) }

    /// The indices of the next batch.
    public mutating func next() -> [Int] {
        if order.isEmpty { order = ShuffledIndices.order(seed: seed, pass: pass, count: count) }
        var indices = Array(order[offset..<min(offset + batch, count)])
        offset += indices.count
        if offset == count {
            pass += 1
            order = ShuffledIndices.order(seed: seed, pass: pass, count: count)
            offset = batch - indices.count
            indices += order[..<offset]
        }
        return indices
    }

    private static func order(seed: UInt64, pass: Int, count: Int) -> [Int] {
        var order = Array(0..<count)
        var generator = SplitMix64(seed: seed ^ UInt64(pass) &* 0xd134_2543_de82_ef95)
        generator.shuffle(&order)
        return order
    }

    private enum CodingKeys: String, CodingKey {
        case seed, count, batch, pass, offset
    }

    /// Reads the position in the stream; throws for values that no stream can have.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        seed = try container.decode(UInt64.self, forKey: .seed)
        count = try container.decode(Int.self, forKey: .count)
        batch = try container.decode(Int.self, forKey: .batch)
        pass = try container.decode(Int.self, forKey: .pass)
        offset = try container.decode(Int.self, forKey: .offset)
        guard batch > 0, batch <= count, (0...mostSteps).contains(pass), (0..<count).contains(offset) else {
            throw DecodingError.dataCorruptedError(
                forKey: .offset, in: container, debugDescription: "no stream has these numbers")
        }
    }

    /// Writes the state that determines all further batches.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(seed, forKey: .seed)
        try container.encode(count, forKey: .count)
        try container.encode(batch, forKey: .batch)
        try container.encode(pass, forKey: .pass)
        try container.encode(offset, forKey: .offset)
    }
}
