import Foundation
import Torch

/// A plain network as text: layers one after another, and the likelihood whose parameters they compute.
///
///     {"layers": [{"conv2d": {"in": 1, "out": 4, "kernel": 3, "padding": 1}}, "relu", "flatten",
///                 {"linear": [256, 10]}], "likelihood": "categorical"}
///
/// The article <doc:PlainNetworks> lists the layers and their options. A value of this type is valid: each
/// layer can be created, and accepts the known width and channels of the one before.
public struct NetworkSpecification: Sendable {
    private let list: LayerList
    /// The name of the likelihood whose parameters the outputs are, such as `categorical`.
    public let likelihood: String
    /// The likelihood's options as they were given, which its description reads; nil for a name alone.
    package let likelihoodOptions: JSONValue?

    /// The layers, the one next to the input first.
    public var layers: [any LayerDescription] { list.layers }

    /// Describes a network; throws for the first layer that is invalid or does not fit those before it.
    public init(layers: [any LayerDescription], likelihood: String) throws(NetworkSpecificationError) {
        try self.init(LayerList(layers), likelihood, nil)
    }

    private init(
        _ list: LayerList, _ likelihood: String, _ options: JSONValue?
    ) throws(NetworkSpecificationError) {
        self.list = list
        self.likelihood = likelihood
        likelihoodOptions = options
        try list.check()
        _ = try list.outputShape(for: .unknown)
    }

    /// Reads the JSON of a description; throws what is wrong with it.
    public init(json: Data) throws(NetworkSpecificationError) {
        let value: JSONValue
        do throws(StrictJSON.Fault) {
            value = try JSONValue(parsing: [UInt8](json))
        } catch {
            throw NetworkSpecificationError(nil, "this is not valid JSON: \(error)")
        }
        try self.init(value)
    }

    /// The shape of the output for an input of this shape, the batch first; throws for the first layer that
    /// rejects its input.
    public func outputShape(for input: [Int]) throws(NetworkSpecificationError) -> [Int] {
        guard !input.isEmpty, input.allSatisfy({ (0...sizeLimit).contains($0) }) else {
            throw NetworkSpecificationError(nil, "\(input) is not the shape of a batch of inputs")
        }
        guard let sizes = try list.outputShape(for: .ranked(input)).sizes else {
            throw NetworkSpecificationError(nil, "a layer does not report the shape of its output")
        }
        return try sizes.map { size throws(NetworkSpecificationError) in
            guard let size else {
                throw NetworkSpecificationError(nil, "a layer does not report the shape of its output")
            }
            return size
        }
    }

    /// Draws the network, whose parameters have their layer's position in front: `0.weight`.
    ///
    /// Layers with two modes are in training mode; estimates of Fisher information need `setTraining(false)`.
    public func makeNetwork(dtype: DType = .float32, using generator: RandomGenerator) -> Sequential {
        list.makeLayers(dtype: dtype, using: generator)
    }

    /// The network with weights by name, each converted to `dtype`.
    ///
    /// PyTorch's names are accepted where ours differ: `running_mean`, `running_var`, and those of an LSTM;
    /// `num_batches_tracked` is ignored. Throws `WeightError` for a weight that is missing, left over or of
    /// another shape.
    public func makeNetwork(dtype: DType = .float32, weights: [String: Tensor]) throws -> Sequential {
        let translated = PyTorchNames.translating(weights)
        let expected = try parameterShapes()
        try WeightError.check(translated, fit: expected)
        try WeightError.checkFinite(translated, expected.map(\.path))
        let network = makeNetwork(dtype: dtype, using: try RandomGenerator(seed: 0))
        try network.load(translated)
        return network
    }

    /// The shapes of all parameters and buffers by path, known without drawing a network; only layers that do not
    /// declare theirs are drawn.
    private func parameterShapes() throws -> [(path: String, shape: [Int])] {
        let generator = try RandomGenerator(seed: 0)
        return layers.enumerated().flatMap { position, layer in
            let declared = layer.parameterShapes?.map { ("\(position).\($0.name)", $0.shape) }
            return declared
                ?? layer.makeLayer(dtype: .float32, using: generator).parameters.map {
                    ("\(position).\($0.path)", $0.parameter.wrappedValue.shape)
                }
        }
    }

    /// The fingerprint of the layers, options at their defaults left out: equal for texts that describe one network.
    package func networkFingerprint() -> String { Fingerprint.of("\(list.value)") }

    /// Throws `TorchError` of kind `outOfMemory` if the weights do not fit into the memory there is.
    package func requireMemory(dtype: DType = .float32) throws(TorchError) {
        let elements = layers.flatMap { $0.parameterShapes ?? [] }.reduce(0.0) { sum, parameter in
            sum + parameter.shape.reduce(1.0) { $0 * Double($1) }
        }
        try Torch.requireMemory(elements * Double(dtype.byteCount), for: "the network")
    }
}

extension NetworkSpecification: Hashable {
    /// Whether both describe the same layers and likelihood.
    public static func == (a: NetworkSpecification, b: NetworkSpecification) -> Bool { a.value == b.value }

    /// Hashes the description.
    public func hash(into hasher: inout Hasher) { hasher.combine(value) }

    private var value: JSONValue {
        .object([
            "layers": list.value,
            "likelihood": likelihoodOptions.map { .object([likelihood: $0]) } ?? .text(likelihood),
        ])
    }
}

extension NetworkSpecification: Codable {
    /// Reads a description; throws `NetworkSpecificationError` for one that is wrong.
    public init(from decoder: any Decoder) throws { try self.init(JSONValue(from: decoder)) }

    /// Writes the description, options at their defaults left out.
    public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }

    package init(_ value: JSONValue) throws(NetworkSpecificationError) {
        let keys = ["layers", "likelihood"]
        guard case .object(let object) = value else {
            throw NetworkSpecificationError(nil, "it must be an object of layers and likelihood")
        }
        if let unknown = object.keys.sorted().first(where: { !keys.contains($0) }) {
            throw NetworkSpecificationError(nil, unknownName(unknown, called: "key", among: keys))
        }
        guard let layers = object["layers"] else {
            throw NetworkSpecificationError(nil, "layers must be a list of layers")
        }
        let list = try LayerList(layers)
        switch object["likelihood"] {
        case .text(let name)?: try self.init(list, name, nil)
        case .object(let object)? where object.count == 1 && object.values.allSatisfy(\.isFinite):
            guard let (name, options) = object.first else { preconditionFailure("an object of one key") }
            try self.init(list, name, options)
        default:
            throw NetworkSpecificationError(
                nil,
                "likelihood must be a name, such as categorical, or an object of one name and its options")
        }
    }
}

/// An error in the description of a network.
public struct NetworkSpecificationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The position of the layer, from 0; nil if the error concerns the whole description.
    public let position: Int?
    /// What is wrong there, in one sentence.
    public let reason: String

    init(_ position: Int?, _ reason: String) {
        self.position = position
        self.reason = reason
    }

    /// The position and what is wrong there.
    public var description: String {
        position.map { "layers[\($0)]: \(reason)" } ?? "the network's description: \(reason)"
    }
}
