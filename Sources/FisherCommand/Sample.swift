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
    @Option(help: "The text to go on from.")
    var prompt = ""
    @Option(help: "Bytes to write.")
    var length = 500
    @Option(help: "Logits are divided by it; 0 takes the likeliest byte always.")
    var temperature = 0.8
    @Option(help: "Draw from so many of the likeliest bytes.")
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
            try GPTFile.read(try weights()), temperature: temperature, topK: topK, seed: seed)
        let screen = FileHandle.standardOutput
        try screen.write(contentsOf: Data(prompt.utf8))
        try sampler(after: Array(prompt.utf8), count: length) { byte in
            try screen.write(contentsOf: Data([byte]))
        }
        try screen.write(contentsOf: Data("\n".utf8))
    }

    /// The file of weights that the argument means.
    private func weights() throws -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: model, isDirectory: &isFolder) else {
            throw StorageError(.notFound, path: model, reason: "is not there")
        }
        guard isFolder.boolValue else { return model }
        if FileManager.default.fileExists(atPath: model + "/MANIFEST") {
            return try Checkpoint(at: model).modelFile
        }
        let store = RunDirectory(path: model).checkpoints
        if let best = store.best { return try Checkpoint(at: best.path).modelFile }
        guard let newest = try store.newest() else {
            throw StorageError(
                .notFound, path: model, reason: "holds neither a checkpoint nor a run with one")
        }
        return newest.checkpoint.modelFile
    }
}
