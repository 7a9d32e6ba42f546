/// Draws the batches of a run: every example once in each pass, in an order of its own. A batch goes on into the
/// next pass where one ends, so that all have the same size.
public struct ExampleSampler: Codable, Hashable, Sendable {
    private let seed: UInt64
    private let count: Int
    private let batch: Int
    private var pass = 0
    private var offset = 0
    /// The order of the pass, made of the numbers above.
    private var order: [Int]

    /// A stream of batches of `batch` out of `count` examples; `batch` must lie between 1 and `count`.
    public init(seed: UInt64, count: Int, batch: Int) {
        precondition(batch > 0 && batch <= count)
        (self.seed, self.count, self.batch) = (seed, count, batch)
        order = ExampleSampler.order(seed: seed, pass: 0, count: count)
    }

    /// The indices of the next batch.
    public mutating func next() -> [Int] {
        var indices = Array(order[offset..<min(offset + batch, count)])
        offset += indices.count
        if offset == count {
            pass += 1
            order = ExampleSampler.order(seed: seed, pass: pass, count: count)
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

    /// Reads where the stream was; throws numbers that no stream has.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        seed = try container.decode(UInt64.self, forKey: .seed)
        count = try container.decode(Int.self, forKey: .count)
        batch = try container.decode(Int.self, forKey: .batch)
        pass = try container.decode(Int.self, forKey: .pass)
        offset = try container.decode(Int.self, forKey: .offset)
        guard batch > 0, batch <= count, pass >= 0, (0..<count).contains(offset) else {
            throw DecodingError.dataCorruptedError(
                forKey: .offset, in: container, debugDescription: "no sampler has these numbers")
        }
        order = ExampleSampler.order(seed: seed, pass: pass, count: count)
    }

    /// Writes what decides the batches to come.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(seed, forKey: .seed)
        try container.encode(count, forKey: .count)
        try container.encode(batch, forKey: .batch)
        try container.encode(pass, forKey: .pass)
        try container.encode(offset, forKey: .offset)
    }
}
