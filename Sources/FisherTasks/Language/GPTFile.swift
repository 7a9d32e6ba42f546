import Fisher
import FisherTraining
import Foundation

/// A GPT's weights in a safetensors file with the model's sizes as metadata.
public enum GPTFile {
    package static let key = "swift_fisher_gpt"
    /// The key of the sizes of a GPT over other tokens than bytes: the codes of images.
    static let codesKey = "swift_fisher_codes"

    /// The file's metadata: the model's sizes as JSON.
    package static func metadata(of configuration: GPT.Configuration) -> [String: String] {
        [key: String(decoding: StoredJSON.encode(configuration, indented: false), as: UTF8.self)]
    }

    /// Reads a model.
    ///
    /// Throws `SafetensorsError` for an invalid file or one without the model's sizes, and `WeightError` for
    /// weights that do not fit.
    public static func read(_ path: String) throws -> GPT {
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
        let counts = file.tensors.map { entry in entry.shape.reduce(1.0) { $0 * Double($1) } }
        let count = counts.reduce(0, +)
        guard count == configuration.parameterCount else {
            throw WeightError(
                description: "\(path) holds \(Int(count)) numbers; the GPT that its metadata describe has "
                    + String(format: "%.0f", configuration.parameterCount))
        }
        let tensors = try file.allTensors()
        let model = GPT(configuration, using: try RandomGenerator(seed: 0))
        do {
            try model.load(tensors)
        } catch let error as WeightError {
            throw WeightError(description: "\(path): \(error.description)")
        }
        return model
    }
}
