import ArgumentParser
import FisherTasks
import FisherTraining

/// A byte-level GPT on text.
enum LanguageCommands: CommandTask {
    struct Compared: ComparedTask {
        static let name = "language"
        static let model = "a byte-level GPT"
        static let remark =
            "Without --text the text is the C++ headers of the libtorch that this program runs on."
        static let defaults = ComparisonDefaults(
            steps: 400, batch: 8, examples: "windows", learningRate: 2e-3)

        @Option(parsing: .upToNextOption, help: "Files or folders to train on.")
        var text: [String] = []
        @Option(help: "The model: tiny, small or base.")
        var size: LanguageTask.Size = .tiny
        @Option(help: "Bytes in a window; by default the model's own context.")
        var context: Int?

        func validate() throws {
            guard context ?? 1 > 0 else {
                throw ValidationError("--context must be at least 1, not \(context ?? 1).")
            }
        }

        func source() throws -> Corpus { try Corpus.text(at: text) }

        func tuningSplit(of source: Corpus) -> Corpus { source.tuningSplit }

        func task(on source: Corpus, batch: Int, settings: [Setting]) throws -> LanguageTask {
            var configuration = size.configuration
            if let context { configuration.context = context }
            return try LanguageTask(configuration, corpus: source, batch: batch, settings: settings)
        }
    }

    struct Trained: TrainedTask {
        static let name = "language"
        static let model = "a byte-level GPT"
        static let example = "fisher train language --preset tiny --set optimizer.rule=fadam"

        @Option(parsing: .upToNextOption, help: "Files or folders to train on: data.text.")
        var text: [String] = []

        var values: [(key: String, pieces: [String])] { text.isEmpty ? [] : [("data.text", text)] }

        static func afterwards(_ folder: String) -> String? { "sample: fisher sample \(folder)" }

        typealias Configuration = LanguageConfiguration
    }
}

extension LanguageTask.Size: ExpressibleByArgument {}
