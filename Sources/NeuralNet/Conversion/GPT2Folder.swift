import FisherFiles
import Foundation
import Torch

/// A GPT-2 in a folder as the transformers library saves it: `config.json`, and `model.safetensors` or its shards with
/// `model.safetensors.index.json`.
///
///     let folder = try GPT2Folder(path: "gpt2")
///     let model = try folder.makeModel(using: try RandomGenerator(seed: 0))
///     try folder.write(model, to: "gpt2-tuned")
///
/// Names and layouts are the library's, exactly: a missing, left over or misshapen tensor is an error, and so is a key of
/// `config.json` that asks for something that ``GPT`` does not compute.
public struct GPT2Folder {
    /// The folder's path.
    public let path: String
    /// The model's sizes and what its layers compute, the dropouts included.
    public let configuration: GPT.Configuration
    /// What was found in the folder and not used, a sentence each; empty for what the library writes today.
    public let notes: [String]
    private let document: GPT2Document
    private let files: SafetensorsShards

    /// The name of the file of sizes.
    public static let configurationName = "config.json"

    /// Reads a folder's configuration and the headers of its weights, no weights yet.
    ///
    /// Throws `StorageError` for a `config.json` that cannot be read, `ConversionError` for one that is no supported
    /// GPT-2, and `SafetensorsError` for weights that cannot be read, shards that are missing among them.
    public init(path: String) throws {
        let file = "\(path)/\(Self.configurationName)"
        document = try GPT2Document(
            parsing: try FileReader(file).contents(limit: DurableStorage.documentLimit), path: file)
        files = try SafetensorsShards(path: path)
        self.path = path
        configuration = document.configuration
        notes = document.unknownKeys.map { "\(file): the key \($0) is not known here and was not used" }
        guard files.tensors.count >= 12 * configuration.layers else {
            throw ConversionError(
                "\(files.path): it holds \(files.tensors.count) tensors, too few for the "
                    + "\(configuration.layers) blocks of config.json")
        }
    }

    /// The model with the folder's weights, converted to `dtype` whatever they are stored in.
    ///
    /// It is in training mode, as every model is. The weights are in memory twice for a moment; `TorchError` of kind
    /// `outOfMemory` is thrown before they are read if they do not fit. Throws `ConversionError` for a tensor that is
    /// missing, of another shape or of an unknown name, and `WeightError` for one that holds NaN.
    ///
    /// - Parameters:
    ///   - dtype: the type in which the model computes.
    ///   - generator: the generator of the model's dropouts.
    public func makeModel(dtype: DType = .float32, using generator: RandomGenerator) throws -> GPT {
        try Torch.requireMemory(
            2 * configuration.parameterCount * Double(dtype.byteCount),
            for: "a GPT of width \(configuration.width) and \(configuration.layers) layers while it is read")
        // The model without its head is saved without the prefix.
        let prefix = files["transformer.wte.weight"] == nil ? "" : "transformer."
        let names = TensorNames.gpt2(configuration, prefix: prefix)
        let holdsHead = files[TensorNames.gpt2Head] != nil
        let weights = try names.tensors(from: files, dtype: dtype) { name in
            TensorNames.isMaskOfGPT2(name) || name == TensorNames.gpt2Head && configuration.tiesHead
        }
        if configuration.tiesHead, holdsHead, let embedding = weights["tokenEmbedding.weight"] {
            let head = try files.tensor(named: TensorNames.gpt2Head).to(dtype: dtype)
            guard head.shape == embedding.shape, try (head - embedding).magnitude().max().item() == 0 else {
                throw ConversionError(
                    "\(files.path): lm_head.weight is not \(prefix)wte.weight, although config.json ties them: "
                        + "set tie_word_embeddings to false there to read both")
            }
        }
        let model = GPT(configuration, dtype: dtype, using: generator)
        try model.load(weights)
        return model
    }

    /// Writes a model into a folder that the library loads, the keys of this folder's `config.json` that concern other
    /// things kept, such as `eos_token_id`; throws as `write(_:to:replacing:)`.
    public func write(_ model: GPT, to path: String, replacing: Bool = false) throws {
        try Self.write(model, to: path, base: document, replacing: replacing)
    }

    /// Writes a model into a folder that the library loads: `config.json` and `model.safetensors`, the type of the
    /// weights being the model's.
    ///
    /// A new folder appears complete or not at all. In one that is there, which only `replacing` permits, each file is
    /// replaced atomically, the weights first; one that holds shards of earlier weights is refused. Throws `StorageError` and
    /// `SafetensorsError` for what cannot be written.
    public static func write(_ model: GPT, to path: String, replacing: Bool = false) throws {
        try write(model, to: path, base: nil, replacing: replacing)
    }

    private static func write(_ model: GPT, to path: String, base: GPT2Document?, replacing: Bool) throws {
        let names = TensorNames.gpt2(model.configuration, prefix: "transformer.")
        let sources = try names.sources(from: model.weights)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let json = try encoder.encode(
            GPT2Document.json(
                model.configuration, dtype: model.tokenEmbedding.weight.dtype, base: base))
        try ModelFolder.write(to: path, replacing: replacing) { folder in
            let index = "\(folder)/\(SafetensorsShards.indexName)"
            guard try DurableStorage.kind(of: index, followingLinks: false) == nil else {
                throw StorageError(
                    .cannotCreate, path: index,
                    reason: "names the shards of earlier weights: remove it and them")
            }
            try SafetensorsWriter().write(sources, to: "\(folder)/\(SafetensorsShards.fileName)")
            try DurableStorage.replaceFile(at: "\(folder)/\(configurationName)", with: json)
        }
    }
}
