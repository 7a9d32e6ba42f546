import Foundation
import Torch

/// A plain network as text: layers one after another, and what its outputs are the parameters of.
///
///     {"layers": [{"conv2d": {"in": 1, "out": 4, "kernel": 3, "padding": 1}}, "relu", "flatten",
///                 {"linear": [256, 10]}], "likelihood": "categorical"}
///
/// The article <doc:PlainNetworks> lists the layers and their options. A value of this type is sound: each
/// layer can be made, and where the width that one gives and the next takes are both known, they agree.
public struct NetworkSpecification: Hashable, Sendable {
    /// What the outputs of the last layer are the parameters of.
    public enum Likelihood: String, Hashable, Codable, Sendable, CaseIterable {
        /// Logits of classes.
        case categorical
        /// Means of normal distributions whose variance is 1.
        case gaussian
        /// Logits of independent yes-or-no variables.
        case bernoulli
    }

    /// The layers, the one next to the input first.
    public let layers: [Layer]
    /// What the outputs are the parameters of.
    public let likelihood: Likelihood

    /// Describes a network; throws the first layer that cannot be, or that does not fit those before it.
    public init(layers: [Layer], likelihood: Likelihood) throws(NetworkSpecificationError) {
        if layers.isEmpty { throw NetworkSpecificationError(nil, "there are no layers") }
        self.layers = layers
        self.likelihood = likelihood
        for (position, layer) in layers.enumerated() { try layer.check(at: position) }
        _ = try trace(.unknown)
    }

    /// Reads the JSON of a description.
    public init(json: Data) throws(NetworkSpecificationError) {
        let value: SpecificationValue
        do {
            value = try JSONDecoder().decode(SpecificationValue.self, from: json)
        } catch {
            throw NetworkSpecificationError(nil, "this is no JSON that can be read")
        }
        try self.init(value)
    }

    /// The shape of the output for an input of this shape, the batch first; throws the first layer that
    /// cannot take what it is given.
    public func outputShape(for input: [Int]) throws(NetworkSpecificationError) -> [Int] {
        guard !input.isEmpty, input.allSatisfy({ (0...LayerOptions.sizeLimit).contains($0) }) else {
            throw NetworkSpecificationError(nil, "\(input) is not the shape of a batch of inputs")
        }
        let shape = try trace(.ranked(input))
        guard case .ranked(let sizes) = shape else { preconditionFailure("a shape lost its rank") }
        return sizes.map { size in
            guard let size else { preconditionFailure("a shape lost a size") }
            return size
        }
    }

    private func trace(_ start: TracedShape) throws(NetworkSpecificationError) -> TracedShape {
        var shape = start
        for (position, layer) in layers.enumerated() { shape = try layer.output(of: shape, at: position) }
        return shape
    }

    /// Draws the network, whose parameters have their layer's position in front: `0.weight`.
    ///
    /// Layers that differ are in training mode, as always; Fisher information wants `setTraining(false)`.
    public func makeNetwork(dtype: DType = .float32, using generator: RandomGenerator) -> Sequential {
        Sequential(layers.map { $0.make(dtype: dtype, using: generator) })
    }

    /// The network with weights by name, each converted to `dtype`.
    ///
    /// PyTorch's names for what is called otherwise here are understood: `running_mean`, `running_var`, and
    /// those of an LSTM; its `num_batches_tracked` is left out. Throws `WeightError` for a weight that is
    /// missing, left over or of another shape, and leaves nothing half done.
    public func makeNetwork(dtype: DType = .float32, weights: [String: Tensor]) throws -> Sequential {
        let network = makeNetwork(dtype: dtype, using: try RandomGenerator(seed: 0))
        try network.load(PyTorchNames.translating(weights))
        return network
    }
}

extension NetworkSpecification: Codable {
    /// Reads a description; throws `NetworkSpecificationError` for one that is wrong.
    public init(from decoder: any Decoder) throws { try self.init(SpecificationValue(from: decoder)) }

    /// Writes the description, options at their defaults left out.
    public func encode(to encoder: any Encoder) throws {
        let value = SpecificationValue.object([
            "layers": .list(layers.map(\.value)), "likelihood": .text(likelihood.rawValue),
        ])
        try value.encode(to: encoder)
    }

    private init(_ value: SpecificationValue) throws(NetworkSpecificationError) {
        let keys = ["layers", "likelihood"]
        guard case .object(let object) = value else {
            throw NetworkSpecificationError(nil, "it must be an object of layers and likelihood")
        }
        if let unknown = object.keys.sorted().first(where: { !keys.contains($0) }) {
            throw NetworkSpecificationError(nil, unknown: unknown, called: "key", among: keys)
        }
        guard case .list(let list)? = object["layers"] else {
            throw NetworkSpecificationError(nil, "layers must be a list of layers")
        }
        var layers: [Layer] = []
        for (position, item) in list.enumerated() { layers.append(try Layer(item, at: position)) }
        let names = Likelihood.allCases.map(\.rawValue)
        guard case .text(let name)? = object["likelihood"] else {
            throw NetworkSpecificationError(
                nil, "likelihood must be one of \(names.joined(separator: ", "))")
        }
        guard let likelihood = Likelihood(rawValue: name) else {
            throw NetworkSpecificationError(nil, unknown: name, called: "likelihood", among: names)
        }
        try self.init(layers: layers, likelihood: likelihood)
    }
}
