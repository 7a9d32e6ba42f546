import Fisher
import Foundation

/// A network that cannot be timed.
public struct BenchmarkNetworkError: Error, CustomStringConvertible {
    /// Why not.
    public let reason: String
    /// The reason.
    public var description: String { reason }
}

/// A network from a file, with a synthetic batch, to be timed.
///
/// The file is that of a plain network (`NetworkSpecification`), or describes a decoder-only transformer:
/// `{"gpt": {"vocabulary": 256, "context": 64, "width": 128, "layers": 4, "heads": 4}}`.
public final class BenchmarkNetwork {
    /// The network.
    public let model: any Module
    /// The number of samples or sequences in the batch.
    public let units: Int
    let targets: Tensor
    let forward: () -> Categorical

    private struct Document: Decodable {
        struct Sizes: Decodable {
            let vocabulary, context, width, layers, heads: Int
        }
        let gpt: Sizes?
    }

    /// Reads a network and draws its weights and a batch.
    ///
    /// - Parameters:
    ///   - json: the file.
    ///   - input: the shape of a sample of a plain network.
    ///   - units: the batch's size.
    public init(json: Data, input: [Int], units: Int) throws {
        precondition(units > 0, "a batch needs a unit")
        self.units = units
        let generator = try RandomGenerator(seed: 1)
        if let sizes = (try? JSONDecoder().decode(Document.self, from: json))?.gpt {
            let configuration = GPT.Configuration(
                vocabulary: sizes.vocabulary, context: sizes.context, width: sizes.width,
                layers: sizes.layers, heads: sizes.heads)
            if let complaint = configuration.complaint { throw BenchmarkNetworkError(reason: complaint) }
            try configuration.requireMemory(batch: units)
            let model = GPT(configuration, using: generator)
            let count = units * sizes.context
            let tokens = Tensor(
                (0..<count).map { Int64($0 * 7 % sizes.vocabulary) }, shape: [units, sizes.context])
            self.model = model
            targets = Tensor(
                (0..<count).map { Int64(($0 + 1) * 7 % sizes.vocabulary) }, shape: [units, sizes.context])
            forward = { Categorical(logits: model(tokens)) }
            return
        }
        let specification = try NetworkSpecification(json: json)
        let shape = try specification.outputShape(for: [units] + input)
        try specification.requireMemory()
        try requireMemory(
            ([units] + input).reduce(4.0) { $0 * Double($1) }, for: "a batch of shape \([units] + input)")
        let model = specification.makeNetwork(using: generator)
        let inputs = Tensor.normal([units] + input, using: generator)
        guard specification.likelihood == Categorical.name, shape.count == 2, let classes = shape.last else {
            throw BenchmarkNetworkError(
                reason: "a network is timed with one categorical observation a sample")
        }
        self.model = model
        targets = Tensor((0..<units).map { Int64($0 % classes) }, shape: [units])
        forward = { Categorical(logits: model(inputs)) }
    }
}
