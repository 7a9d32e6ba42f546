import Fisher
import FisherTraining
import Foundation

/// A GPT's weights in a safetensors file with the model's sizes as metadata.
public enum GPTFile {
    private static let key = "swift_fisher_gpt"

    /// The file's metadata: the model's sizes as JSON.
    static func metadata(of configuration: GPT.Configuration) -> [String: String] {
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
                reason:
                    "its metadata do not specify which GPT it is of (those of a checkpoint do)")
        }
        if let reason = configuration.complaint {
            throw SafetensorsError(.malformed, path: path, reason: "it holds an impossible GPT: \(reason)")
        }
        let model = GPT(configuration, using: try RandomGenerator(seed: 0))
        try model.load(try file.allTensors())
        return model
    }
}

extension GPT.Configuration {
    /// Why no model can have these sizes; nil if one can.
    var complaint: String? {
        let sizes = [
            ("vocabulary", vocabulary), ("context", context), ("width", width), ("layers", layers),
            ("heads", heads),
        ]
        for (name, value) in sizes where !(1...1 << 20).contains(value) {
            return "\(name) \(value) must lie between 1 and \(1 << 20)"
        }
        if width % heads != 0 { return "\(heads) heads do not divide the width \(width)" }
        if !(0..<1).contains(dropout) { return "dropout \(dropout) must lie in [0, 1)" }
        return nil
    }
}
