import Fisher
import FisherData
import FisherOptions
import FisherTraining
import Foundation

/// Which of a model's weights a network begins with.
public enum ModelStart: String, CaseIterable, OptionValue {
    /// All, where there are some.
    case weights
    /// All but those of the last layer, which has the outputs that the targets need and is drawn.
    case body
    /// None: the network is the model's, and each seed draws its first weights.
    case drawn
}

/// The weights that a network begins with.
struct DataStart {
    /// Where they are.
    enum Source {
        /// Weights under this program's names.
        case file(String)
        /// Those of a `state_dict` of PyTorch.
        case state(SafetensorsShards, ConvertedNetwork)
    }

    let source: Source
    /// Whether the last layer is drawn.
    let isBody: Bool

    /// The file or index.
    var path: String {
        switch source {
        case .file(let path): path
        case .state(let files, _): files.path
        }
    }

    /// The weights under this program's names.
    private func weights() throws -> [String: Tensor] {
        switch source {
        case .file(let path): try SafetensorsFile(path: path).allTensors()
        case .state(let files, let network): try network.weights(from: files, dtype: .float32)
        }
    }

    /// The network of a description with these weights; those that are drawn are drawn by a seed.
    func makeModel(_ specification: NetworkSpecification, seed: UInt64) throws -> Sequential {
        var weights = try weights()
        if isBody {
            let head = "\(specification.layers.count - 1)."
            let drawn = specification.makeNetwork(using: try RandomGenerator(seed: seed)).weights
            weights = weights.filter { !$0.key.hasPrefix(head) }
            weights.merge(drawn.filter { $0.key.hasPrefix(head) }) { _, new in new }
        }
        do {
            let model = try specification.makeNetwork(weights: weights)
            model.setTraining(true)
            return model
        } catch let error as WeightError {
            throw WeightError(description: "\(path): \(error.description)")
        }
    }

    /// A hash of all the weights.
    func fingerprint() throws -> String {
        var fingerprint = Fingerprint()
        for (name, tensor) in try weights().sorted(by: { $0.key < $1.key }) {
            try fingerprint.add(name, tensor)
        }
        return fingerprint.text
    }

    /// What seeds differ in, for readers.
    var text: String {
        "the weights of \(path) for every seed"
            + (isBody
                ? ", but for the last layer, which each seed draws"
                : ": seeds differ in the order of the data only")
    }
}

extension DataNetwork.Given {
    /// The network of a `state_dict` with what options say of it; throws `ConfigurationError` for what they do not say.
    static func network(of files: SafetensorsShards, _ options: DataOptions) throws -> ConvertedNetwork {
        let metadata = files.files.first?.metadata ?? [:]
        guard metadata[GPTFile.key] == nil else {
            throw ConfigurationError(
                "\(files.path) holds a language model, which fisher train language trains")
        }
        guard options.structure.isEmpty || options.activation.isEmpty else {
            throw ConfigurationError("--structure and --activation say the same thing: give one")
        }
        var (layers, activation): ([LayerDraft]?, String?)
        do throws(ConversionError) {
            if !options.structure.isEmpty {
                layers = try LayerDraft.list(text: options.structure, place: "--structure")
            }
            if !options.activation.isEmpty {
                _ = try LayerDraft.list(text: options.activation, place: "--activation")
                activation = options.activation
            }
        } catch { throw ConfigurationError(error.description) }
        // The targets decide on the likelihood later.
        switch try StateNetwork(
            try StateDictionary(files), layers: layers, activation: activation,
            likelihood: .text(Categorical.name),
            option: "--structure")
        {
        case .known(let network):
            // Layers that leave tensors out are a mistake even where the weights are not used.
            _ = try network.weights(from: files, dtype: .float32)
            return network
        case .asked(_, let question): throw ConfigurationError("\(files.path): \(question)")
        }
    }

    /// The `state_dict` at a path; nil for what is none.
    static func state(at path: String) throws -> SafetensorsShards? {
        if try DurableStorage.kind(of: path, followingLinks: true) == .folder {
            let names = [SafetensorsShards.indexName, SafetensorsShards.fileName]
            let isThere = try names.contains {
                try DurableStorage.kind(of: "\(path)/\($0)", followingLinks: true) != nil
            }
            return isThere ? try SafetensorsShards(path: path) : nil
        }
        try StateNetwork.refusePickle(path)
        switch try FileReader(path).format() {
        case .safetensors:
            let file = try SafetensorsFile(path: path)
            return file.metadata[PlainNetwork.metadataKey] == nil ? try SafetensorsShards(path: path) : nil
        case .json:
            let isIndex =
                (try? SafetensorsShards.weightMap([UInt8](DurableStorage.readFile(at: path)))) != nil
            return isIndex ? try SafetensorsShards(path: path) : nil
        default: return nil
        }
    }
}
