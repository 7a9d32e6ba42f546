import Fisher
import FisherTraining

/// The place in a stream of batches of utterances: it determines all further batches, with their masks.
public struct SpeechPosition: Codable, Hashable, Sendable {
    fileprivate let seed: UInt64
    /// The number of utterances.
    public let count: Int
    /// Utterances in a batch.
    public let batch: Int
    /// Groups of like length.
    public let buckets: Int
    /// The number of epochs that are over.
    public fileprivate(set) var pass = 0
    /// The number of batches of the epoch that were drawn.
    public fileprivate(set) var offset = 0
    fileprivate var masks: Xoshiro256

    init(seed: UInt64, count: Int, batch: Int, buckets: Int) {
        (self.seed, self.count, self.batch, self.buckets) = (seed, count, batch, buckets)
        masks = Xoshiro256(seed: seed ^ 0x5bec_a06e)
    }

    private enum CodingKeys: String, CodingKey {
        case seed, count, batch, buckets, pass, offset, masks
    }

    /// Reads a position; throws for values that no stream can have.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        seed = try container.decode(UInt64.self, forKey: .seed)
        count = try container.decode(Int.self, forKey: .count)
        batch = try container.decode(Int.self, forKey: .batch)
        buckets = try container.decode(Int.self, forKey: .buckets)
        pass = try container.decode(Int.self, forKey: .pass)
        offset = try container.decode(Int.self, forKey: .offset)
        masks = try container.decode(Xoshiro256.self, forKey: .masks)
        guard batch > 0, batch <= count, buckets > 0, (0...1_000_000_000_000).contains(pass),
            (0..<count / batch).contains(offset)
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .offset, in: container, debugDescription: "no stream has these numbers")
        }
    }

    /// Whether a stream draws from equally many utterances in batches of the same kind.
    fileprivate func draws(like other: SpeechPosition) -> Bool {
        count == other.count && batch == other.batch && buckets == other.buckets
    }

    /// The utterances of each batch of the epoch, by their numbers.
    ///
    /// They are shuffled, sorted into groups of like length, cut into batches, and the batches shuffled. Utterances that do not
    /// fill a batch, others in every epoch, are left out until the next.
    fileprivate func order(groups: [Int]) -> [[Int]] {
        var generator = SplitMix64(seed: seed ^ UInt64(pass) &* 0xd134_2543_de82_ef95)
        var order = Array(0..<count)
        generator.shuffle(&order)
        order.removeLast(count % batch)
        let sorted = order.enumerated().sorted {
            (groups[$0.element], $0.offset) < (groups[$1.element], $1.offset)
        }
        var batches = stride(from: 0, to: sorted.count, by: batch).map { start in
            sorted[start..<start + batch].map(\.element)
        }
        generator.shuffle(&batches)
        return batches
    }
}

/// An endless stream of batches of utterances of like length, each utterance at most once an epoch, with masked features.
public struct SpeechBatches: BatchStream {
    private let utterances: [Utterance]
    private let bands: Int
    private let augment: SpecAugment
    /// The group of like length of each utterance.
    private let groups: [Int]
    /// The batches of the epoch, made when they are first needed.
    private var order: [[Int]] = []

    /// The position in the stream.
    public var position: SpeechPosition {
        didSet { order = [] }
    }

    /// A stream of the batches of some utterances.
    ///
    /// Throws `BatchError` where a batch does not fit.
    ///
    /// - Parameters:
    ///   - utterances: what is trained on.
    ///   - bands: the bands of their features.
    ///   - batch: utterances in a batch.
    ///   - buckets: groups of like length, each of about equally many utterances.
    ///   - augment: the masks.
    ///   - seed: determines order and masks.
    public init(
        _ utterances: [Utterance], bands: Int, batch: Int, buckets: Int, augment: SpecAugment, seed: UInt64
    ) throws(BatchError) {
        guard batch > 0, batch <= utterances.count else {
            throw .badSize(batch, exampleCount: utterances.count)
        }
        self.utterances = utterances
        self.bands = bands
        self.augment = augment
        let byLength = utterances.indices.sorted { (utterances[$0].frames, $0) < (utterances[$1].frames, $1) }
        var groups = [Int](repeating: 0, count: utterances.count)
        for (rank, index) in byLength.enumerated() { groups[index] = rank * buckets / utterances.count }
        self.groups = groups
        position = SpeechPosition(seed: seed, count: utterances.count, batch: batch, buckets: buckets)
    }

    /// Continues from a position that was saved; throws `BatchError` for one among other utterances or of another batch.
    public mutating func restore(_ position: SpeechPosition) throws(BatchError) {
        guard position.draws(like: self.position) else {
            throw .foreignPosition(count: position.count, batch: position.batch)
        }
        self.position = position
    }

    /// The next batch.
    public mutating func next() -> SpeechBatch {
        let order = self.order.isEmpty ? position.order(groups: groups) : self.order
        var next = position
        let chosen = order[next.offset].map { utterances[$0] }
        let batch = SpeechBatch(chosen, bands: bands, augment: augment, using: &next.masks)
        next.offset += 1
        let isOver = next.offset == order.count
        if isOver { (next.pass, next.offset) = (next.pass + 1, 0) }
        position = next
        self.order = isOver ? [] : order
        return batch
    }
}
