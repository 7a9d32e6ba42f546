import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining

/// `fisher transcribe`: what is spoken in sound files, by a trained speech recognizer.
struct Transcribe: DeviceCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcribe",
        abstract: "Write what is spoken in sound files, with a model of fisher train speech.",
        discussion: "Each line is a file's path, a tab and its text, as --speech reads them.")

    @Argument(help: "A run's folder (its best checkpoint), a checkpoint's folder, or a safetensors file.")
    var model: String
    @Argument(help: "Sound files: WAV, or what libsndfile decodes.")
    var files: [String]
    @Option(help: "Hypotheses that decoding keeps; 1: the likeliest label of each frame; default: the run's.")
    var beam: Int?
    @Flag(help: "Average several channels, which are an error otherwise.")
    var mixDown = false
    @OptionGroup var place: DeviceArguments

    func validate() throws {
        guard (1...1024).contains(beam ?? 1) else {
            throw ValidationError("--beam must lie between 1 and 1024.")
        }
    }

    func compute() throws {
        Interruption.install()
        let transcriber = try Transcriber(
            modelAt: try SavedModel(at: model).weights, beam: beam, mixesDown: mixDown)
        for file in files {
            try Interruption.poll()
            print("\(file)\t\(try transcriber(file))")
        }
    }
}
