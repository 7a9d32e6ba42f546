import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining
import Foundation

/// `fisher sample`: text from a trained language model.
struct Sample: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write text with a language model, from a run, a checkpoint or a file of weights.")

    @Argument(help: "A run's folder (its best checkpoint), a checkpoint's folder, or a safetensors file.")
    var model: String
    @Option(help: "The text to continue.")
    var prompt = ""
    @Option(help: "Bytes to write.")
    var length = 500
    @Option(help: "Logits are divided by it; 0 takes the likeliest byte always.")
    var temperature = 0.8
    @Option(help: "The number of likeliest bytes to draw from.")
    var topK: Int?
    @Option(help: "Equal seeds give equal text.")
    var seed: UInt64 = 0

    func validate() throws {
        guard length >= 0 else { throw ValidationError("--length must not be negative.") }
        guard temperature >= 0, temperature.isFinite else {
            throw ValidationError("--temperature must be zero or more.")
        }
        guard topK ?? 1 > 0 else { throw ValidationError("--top-k must be at least 1.") }
    }

    func run() throws {
        Interruption.install()
        let sampler = try LanguageSampler(
            try GPTFile.read(try SavedModel(at: model).weights), temperature: temperature, topK: topK,
            seed: seed)
        try StandardDescriptors.writeOutput(Array(prompt.utf8))
        try sampler(after: Array(prompt.utf8), count: length) { byte in
            try StandardDescriptors.writeOutput([byte])
        }
        try StandardDescriptors.writeOutput([UInt8(ascii: "\n")])
    }
}
