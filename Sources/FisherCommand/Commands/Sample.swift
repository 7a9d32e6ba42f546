import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining
import Foundation

/// `fisher sample`: text from a trained language model.
struct Sample: DeviceCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract:
            "Write text with a language model, from a run, a checkpoint, a file of weights or a GPT-2 folder."
    )

    @Argument(
        help:
            "A run's folder (its best checkpoint), a checkpoint's folder, a safetensors file, or a folder of transformers."
    )
    var model: String
    @Option(help: "The text to continue.")
    var prompt = ""
    @Option(help: "Bytes to write, or tokens of a model that has a tokenizer.")
    var length = 500
    @Option(help: "Logits are divided by it; 0 takes the likeliest byte always.")
    var temperature = 0.8
    @Option(help: "The number of likeliest bytes to draw from.")
    var topK: Int?
    @Option(help: "Equal seeds give equal text.")
    var seed: UInt64 = 0
    @OptionGroup var place: DeviceArguments

    func validate() throws {
        guard length >= 0 else { throw ValidationError("--length must not be negative.") }
        guard temperature >= 0, temperature.isFinite else {
            throw ValidationError("--temperature must be zero or more.")
        }
        guard topK ?? 1 > 0 else { throw ValidationError("--top-k must be at least 1.") }
    }

    func compute() throws {
        Interruption.install()
        let saved = try SavedLanguageModel(at: model)
        let sampler = try LanguageSampler(saved.model, temperature: temperature, topK: topK, seed: seed)
        try StandardDescriptors.writeOutput(Array(prompt.utf8))
        if let tokenizer = saved.tokenizer {
            try sampler(after: Array(prompt.utf8), count: length, by: tokenizer) { bytes in
                try StandardDescriptors.writeOutput(bytes)
            }
            try StandardDescriptors.writeOutput([UInt8(ascii: "\n")])
            return
        }
        try sampler(after: Array(prompt.utf8), count: length) { byte in
            try StandardDescriptors.writeOutput([byte])
        }
        try StandardDescriptors.writeOutput([UInt8(ascii: "\n")])
    }
}
