import Fisher
import FisherTraining
import Foundation

/// A language model from wherever one is saved, with the tokenizer of its tokens: a run or checkpoint of ours, a file of
/// weights, or a folder of the transformers library.
///
///     let saved = try SavedLanguageModel(at: "runs/headers")
///     let sampler = try LanguageSampler(saved.model, seed: 0)
public struct SavedLanguageModel {
    /// The model; low-rank updates have been added to its weights.
    public let model: GPT
    /// The tokenizer; nil where tokens are bytes.
    public let tokenizer: BytePairTokenizer?
    /// The path that was given.
    let path: String
    /// The folder of the tokenizer's files, if it has any.
    let tokenizerFolder: String?
    /// The folder, if it is one of the transformers library.
    let folder: GPT2Folder?

    /// Reads a run's folder (its best checkpoint, else its newest), a checkpoint's folder, a safetensors file of ours, a folder of
    /// `fisher convert`, or a folder with `config.json`, weights and tokenizer.
    ///
    /// Throws what reading each of them throws, and `StorageError` of kind `damaged` for a tokenizer with more tokens than the
    /// model.
    public init(at path: String) throws { try self.init(at: path, requiringTokenizer: true) }

    /// Reads a model; without a tokenizer of its tokens only where none is required, as for writing it elsewhere.
    init(at path: String, requiringTokenizer: Bool) throws {
        self.path = path
        if try DurableStorage.kind(of: path + "/" + GPT2Folder.configurationName, followingLinks: true) != nil
        {
            let folder = try GPT2Folder(path: path)
            self.folder = folder
            let tokenizer = try BytePairTokenizer(folder: path)
            guard tokenizer.vocabularySize <= folder.configuration.vocabulary else {
                throw StorageError(
                    .damaged, path: path,
                    reason: "has a tokenizer of \(tokenizer.vocabularySize) tokens for a model of "
                        + "\(folder.configuration.vocabulary)")
            }
            // What export made of a byte-level model is one again.
            let isOfBytes = tokenizer.isOfBytes && folder.configuration.vocabulary == 256
            self.tokenizer = isOfBytes ? nil : tokenizer
            tokenizerFolder = isOfBytes ? nil : path
            model = try folder.makeModel(using: try RandomGenerator(seed: 0))
            return
        }
        folder = nil
        let converted = "\(path)/\(PlainNetwork.weightsName)"
        let isConverted = try DurableStorage.kind(of: converted, followingLinks: true) == .file
        let saved = try isConverted ? nil : SavedModel(at: path)
        let file = saved?.weights ?? converted
        do {
            model = try GPTFile.read(file)
        } catch {
            // A file of codes says itself what it is.
            guard let task = try saved?.task, task != LanguageTask.name,
                try SafetensorsFile(path: file).metadata[GPTFile.codesKey] == nil
            else { throw error }
            throw StorageError(.damaged, path: path, reason: "is of the task \(task), not a language model")
        }
        (tokenizer, tokenizerFolder) = try Self.tokenizer(ofFile: file)
        guard tokenizer != nil || model.configuration.vocabulary == 256 || !requiringTokenizer else {
            throw StorageError(
                .damaged, path: file,
                reason: "is of a GPT over \(model.configuration.vocabulary) tokens and names no tokenizer: "
                    + "give the folder that holds its tokenizer")
        }
    }

    /// The metadata of a file with the weights of a folder of transformers: the tokenizer is named if the folder has one.
    package static func metadata(
        ofFolder path: String, _ configuration: GPT.Configuration
    ) throws -> [String: String] {
        guard let tokenizer = try? BytePairTokenizer(folder: path), !tokenizer.isOfBytes else {
            return GPTFile.metadata(of: configuration)
        }
        return GPTFile.metadata(of: configuration, tokenizer: .init(tokenizer, in: path))
    }

    /// The tokenizer that a file of weights names: that beside its run, or else in the folder from which it was read.
    private static func tokenizer(ofFile file: String) throws -> (BytePairTokenizer?, folder: String?) {
        guard let named = try GPTFile.tokenizer(of: file) else { return (nil, nil) }
        let checkpoint = DurableStorage.folder(of: file)
        let run = DurableStorage.folder(of: DurableStorage.folder(of: checkpoint))
        for folder in [LanguageExport.folder(ofRun: run), checkpoint, named.folder] {
            if let found = try? BytePairTokenizer(folder: folder), found.fingerprint == named.fingerprint {
                return (found, folder)
            }
        }
        throw StorageError(
            .notFound, path: named.folder,
            reason:
                "does not hold the tokenizer with which \(file) was trained (any more): put its files there, or into "
                + "\(checkpoint)")
    }

    /// A hash of the weights: equal ones mean an equal start.
    func fingerprint() throws -> String { String(try ModelPoint(of: model, network: "").weights.prefix(16)) }
}
