import Fisher
import FisherTraining
import Foundation

/// A GPT's weights in a safetensors file with the model's sizes as metadata.
public enum GPTFile {
    package static let key = "swift_fisher_gpt"
    /// The key of the sizes of a GPT over other tokens than bytes: the codes of images.
    static let codesKey = "swift_fisher_codes"
    /// The key of a tokenizer, for a GPT over its tokens.
    private static let tokenizerKey = "swift_fisher_tokenizer"
    /// The key of low-rank updates, whose factors the file holds besides.
    private static let updatesKey = "swift_fisher_low_rank"

    /// Where a model's tokenizer was read, and which it is.
    package struct NamedTokenizer: Codable {
        let folder: String
        let fingerprint: String

        init(_ tokenizer: BytePairTokenizer, in folder: String) {
            self.folder = URL(filePath: folder).standardizedFileURL.path
            fingerprint = tokenizer.fingerprint
        }
    }

    /// The file's metadata: the model's sizes as JSON, and what else the weights depend on.
    package static func metadata(
        of configuration: GPT.Configuration, tokenizer: NamedTokenizer? = nil, updates: LowRankPlan? = nil
    ) -> [String: String] {
        func json(_ value: some Encodable) -> String {
            String(decoding: StoredJSON.encode(value, indented: false), as: UTF8.self)
        }
        var metadata = [key: json(configuration)]
        metadata[tokenizerKey] = tokenizer.map(json)
        metadata[updatesKey] = updates.map(json)
        return metadata
    }

    /// The tokenizer that a file names; nil for a model over bytes.
    static func tokenizer(of path: String) throws -> NamedTokenizer? {
        guard let text = try SafetensorsFile(path: path).metadata[tokenizerKey] else { return nil }
        return try decoded(NamedTokenizer.self, text, tokenizerKey, of: path)
    }

    /// The low-rank updates that a file holds; nil for none.
    static func updates(of path: String) throws -> LowRankPlan? {
        guard let text = try SafetensorsFile(path: path).metadata[updatesKey] else { return nil }
        return try decoded(LowRankPlan.self, text, updatesKey, of: path)
    }

    private static func decoded<Value: Decodable>(
        _ type: Value.Type, _ text: String, _ key: String, of path: String
    ) throws(SafetensorsError) -> Value {
        guard let value = try? JSONDecoder().decode(type, from: Data(text.utf8)) else {
            throw SafetensorsError(
                .malformed, path: path, reason: "its metadata \(key) are not as they were written")
        }
        return value
    }

    /// Reads a model; low-rank updates are added to its weights.
    ///
    /// Throws `SafetensorsError` for an invalid file or one without the model's sizes, and `WeightError` for
    /// weights that do not fit.
    public static func read(_ path: String) throws -> GPT {
        let adapted = try readWithUpdates(path)
        guard !adapted.lowRankUpdates.isEmpty else { return adapted }
        let model = GPT(adapted.configuration, using: try RandomGenerator(seed: 0))
        try model.load(adapted.mergedWeights)
        return model
    }

    /// Reads a model with its low-rank updates beside its weights.
    static func readWithUpdates(_ path: String) throws -> GPT {
        let file = try SafetensorsFile(path: path)
        guard let text = file.metadata[key],
            let configuration = try? JSONDecoder().decode(GPT.Configuration.self, from: Data(text.utf8))
        else {
            throw SafetensorsError(
                .malformed, path: path,
                reason: file.metadata[codesKey] == nil
                    ? "its metadata do not specify which GPT it is of (those of a checkpoint do)"
                    : "it is of a GPT over the codes of images, not over bytes: the page of its run shows what it draws"
            )
        }
        if let reason = configuration.complaint {
            throw SafetensorsError(.malformed, path: path, reason: "it holds an impossible GPT: \(reason)")
        }
        let updates = try updates(of: path)
        let own = updates == nil ? file.tensors : file.tensors.filter { !$0.name.contains(".update.") }
        let counts = own.map { entry in entry.shape.reduce(1.0) { $0 * Double($1) } }
        let count = counts.reduce(0, +)
        guard count == configuration.parameterCount else {
            throw WeightError(
                description: "\(path) holds \(Int(count)) numbers; the GPT that its metadata describe has "
                    + String(format: "%.0f", configuration.parameterCount))
        }
        let tensors = try file.allTensors()
        let generator = try RandomGenerator(seed: 0)
        let model = GPT(configuration, using: generator)
        try updates?.add(to: model, using: generator)
        do {
            try model.load(tensors)
        } catch let error as WeightError {
            throw WeightError(description: "\(path): \(error.description)")
        }
        return model
    }
}
