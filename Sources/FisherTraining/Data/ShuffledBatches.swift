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
        guard position.count == indices.count, position.batch == indices.batch else {
            throw .foreignPosition(count: position.count, batch: position.batch)
        }
        indices = position
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

/// An error in examples or in the size of batches.
public enum BatchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Inputs and targets with different numbers of examples.
    case unpaired(inputs: [Int], targets: [Int])
    /// A batch without examples, or with more than there are.
    case badSize(Int, exampleCount: Int)
    /// A position in a stream of other examples or batches.
    case foreignPosition(count: Int, batch: Int)

    /// What is wrong, in one sentence.
    public var description: String {
        switch self {
        case .unpaired(let inputs, let targets):
            "inputs of shape \(inputs) and targets of shape \(targets) have not one first axis of examples"
        case .badSize(let size, let count): "a batch of \(size) cannot be taken from \(count) examples"
        case .foreignPosition(let count, let batch):
            "the position is that of a stream of \(count) examples in batches of \(batch)"
        }
    }
}

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
