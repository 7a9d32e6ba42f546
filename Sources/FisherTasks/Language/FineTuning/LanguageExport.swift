import Fisher
import FisherTraining
import Foundation

/// Writes a language model as transformers reads it, and low-rank updates as PEFT does.
public enum LanguageExport {
    /// The folder of a run's exported model.
    static func folder(ofRun run: String) -> String { run + "/export" }
    /// The folder of a run's low-rank updates.
    static func adapterFolder(ofRun run: String) -> String { run + "/adapter" }

    /// Writes a saved model into a new folder that transformers loads: `config.json`, `model.safetensors` and the files of the
    /// tokenizer. Low-rank updates are added to the weights.
    ///
    /// A byte-level model gets a tokenizer whose tokens are the 256 bytes. The folder appears complete or not at all; in one
    /// that is there, which only `replacing` permits, each file is replaced atomically. Throws `StorageError` for a folder that
    /// is there already, and what reading and writing throw.
    ///
    /// - Parameters:
    ///   - path: what ``SavedLanguageModel`` reads.
    ///   - target: the folder.
    ///   - replacing: whether the folder may be there.
    /// - Returns: the names of the files that were written.
    @discardableResult
    public static func write(_ path: String, to target: String, replacing: Bool = false) throws -> [String] {
        let saved = try SavedLanguageModel(at: path, requiringTokenizer: false)
        // Before anything is written.
        let files = try tokenizerFiles(of: saved)
        if let folder = saved.folder {
            try folder.write(saved.model, to: target, replacing: replacing)
        } else {
            try GPT2Folder.write(saved.model, to: target, replacing: replacing)
        }
        for (name, contents) in files {
            try DurableStorage.replaceFile(at: target + "/" + name, with: Data(contents))
        }
        return [GPT2Folder.configurationName, SafetensorsShards.fileName] + files.map(\.name)
    }

    /// Writes what a finished fine-tuning is for, beside its checkpoints: `export/`, its best checkpoint as transformers loads
    /// it, and `adapter/`, its low-rank updates as PEFT loads them, if it has any. Returns a line about each; nothing is
    /// written for a run that drew its first weights.
    static func conclude(_ run: RunDirectory) throws -> [String] {
        guard let layer = try? ConfigurationLayer(tomlFile: run.configurationFile, followingLinks: false),
            let from = layer.values.first(where: { $0.key == "finetune.from" })?.pieces.joined()
        else { return [] }
        let weights = try SavedModel(at: run.path).weights
        let export = folder(ofRun: run.path)
        try write(weights, to: export, replacing: true)
        var lines = ["for transformers: \(export)"]
        if let plan = try GPTFile.updates(of: weights) {
            let adapter = adapterFolder(ofRun: run.path)
            try writeAdapter(
                of: try GPTFile.readWithUpdates(weights), plan,
                base: URL(filePath: from).standardizedFileURL.path,
                to: adapter)
            lines.append("low-rank updates for peft: \(adapter)")
        }
        return lines
    }

    private static func tokenizerFiles(of saved: SavedLanguageModel) throws -> [(
        name: String, contents: [UInt8]
    )] {
        guard let folder = saved.tokenizerFolder else {
            return saved.model.configuration.vocabulary == 256
                ? [("tokenizer.json", byteTokenizer()), ("tokenizer_config.json", Array(byteSettings.utf8))]
                : []
        }
        var files: [(name: String, contents: [UInt8])] = []
        for name in BytePairTokenizer.fileNames {
            let file = folder + "/" + name
            guard try DurableStorage.kind(of: file, followingLinks: true) != nil else { continue }
            files.append((name, try FileReader(file).contents(limit: BytePairTokenizer.mostBytes)))
        }
        return files
    }

    private static let byteSettings = """
        {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": false, "bos_token": null, "eos_token": null, \
        "unk_token": null}

        """

    /// A `tokenizer.json` whose tokens are the bytes and are never merged.
    static func byteTokenizer() -> [UInt8] {
        let tokens = ByteAlphabet.scalars.enumerated().map { byte, scalar in
            "\(jsonText(String(scalar))): \(byte)"
        }
        return Array(
            """
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "post_processor": null,
            "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
            "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": {\(tokens.joined(separator: ", "))}, "merges": []}}

            """.utf8)
    }

    private static func jsonText(_ text: String) -> String {
        String(decoding: StoredJSON.encode([text], indented: false).dropFirst().dropLast(), as: UTF8.self)
    }

    /// The contents of `adapter_config.json`.
    private struct AdapterConfiguration: Encodable {
        let peft_type = "LORA"
        let task_type = "CAUSAL_LM"
        let base_model_name_or_path: String
        let r: Int
        let lora_alpha: Double
        let lora_dropout = 0.0
        let bias = "none"
        // GPT-2's layers keep the transpose of a linear map's weight.
        let fan_in_fan_out = true
        let inference_mode = true
        let target_modules: [String]
    }

    /// Writes low-rank updates as PEFT keeps them: `adapter_model.safetensors` and `adapter_config.json`.
    static func writeAdapter(of model: GPT, _ plan: LowRankPlan, base: String, to folder: String) throws {
        let names = LowRankPlan.names(in: model.configuration)
        var sources: [SafetensorsSource] = []
        var targets: [String] = []
        for (path, update) in model.lowRankUpdates {
            guard let name = names["\(path)"] else { continue }
            targets.append(name)
            for (factor, tensor) in [("A", update.down.weight), ("B", update.up.weight)] {
                sources.append(
                    try SafetensorsSource(
                        name: "base_model.model.\(name).lora_\(factor).weight", tensor: tensor.detached()))
            }
        }
        let configuration = AdapterConfiguration(
            base_model_name_or_path: base, r: plan.rank, lora_alpha: plan.alpha, target_modules: targets)
        try DurableStorage.makeFolder(folder)
        try SafetensorsWriter(metadata: ["format": "pt"]).write(
            sources, to: folder + "/adapter_model.safetensors")
        try DurableStorage.replaceFile(
            at: folder + "/adapter_config.json", with: StoredJSON.encode(configuration))
    }
}
