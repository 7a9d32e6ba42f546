import Fisher
import FisherTasks
import FisherTraining

/// What a path given to `fisher convert` holds, by its contents.
enum ConvertibleModel {
    /// A `state_dict` of PyTorch.
    case state(SafetensorsShards)
    /// A GPT-2 as the transformers library saves it.
    case transformers(GPT2Folder)
    /// A plain network of this program.
    case network(PlainNetwork)
    /// A GPT of this program.
    case gpt(GPT)

    /// Looks at a path; `weights` are those of a description.
    ///
    /// Throws `StorageError`, `SafetensorsError`, `ConversionError` and what reading a network throws.
    init(at path: String, weights: String?) throws {
        func isThere(_ name: String) throws -> Bool {
            try DurableStorage.kind(of: "\(path)/\(name)", followingLinks: true) != nil
        }
        switch try DurableStorage.kind(of: path, followingLinks: true) {
        case nil: throw StorageError(.notFound, path: path, reason: "is not there")
        case .folder where try isThere(GPT2Folder.configurationName):
            self = .transformers(try GPT2Folder(path: path))
        case .folder where try isThere(PlainNetwork.descriptionName):
            self = .network(
                try PlainNetwork(
                    model: "\(path)/\(PlainNetwork.descriptionName)",
                    weights: weights ?? "\(path)/\(PlainNetwork.weightsName)"))
        case .folder where try isThere(SafetensorsShards.indexName):
            self = .state(try SafetensorsShards(path: path))
        case .folder where try isThere(PlainNetwork.weightsName):
            self = try Self.file("\(path)/\(PlainNetwork.weightsName)")
        case .folder: self = try Self.file(try SavedModel(at: path).weights)
        default: self = try Self.document(path, weights) ?? Self.file(path)
        }
        if weights != nil {
            guard case .network = self else {
                throw UsageError(description: "--weights are for a description in JSON, which \(path) is not")
            }
        }
    }

    /// A description of a network or an index of shards, if a file is one.
    private static func document(_ path: String, _ weights: String?) throws -> ConvertibleModel? {
        guard try FileReader(path).format() == .json else { return nil }
        let bytes = [UInt8](try DurableStorage.readFile(at: path))
        if (try? SafetensorsShards.weightMap(bytes)) != nil {
            return .state(try SafetensorsShards(path: path))
        }
        let beside = DurableStorage.folder(of: path) + "/" + PlainNetwork.weightsName
        return .network(try PlainNetwork(model: path, weights: weights ?? beside))
    }

    /// A safetensors file of this program, by its metadata, or of PyTorch.
    private static func file(_ path: String) throws -> ConvertibleModel {
        try StateNetwork.refusePickle(path)
        let metadata = try SafetensorsFile(path: path).metadata
        if metadata[PlainNetwork.metadataKey] != nil { return .network(try PlainNetwork(describedIn: path)) }
        if metadata[GPTFile.key] != nil { return .gpt(try GPTFile.read(path)) }
        return .state(try SafetensorsShards(path: path))
    }
}
