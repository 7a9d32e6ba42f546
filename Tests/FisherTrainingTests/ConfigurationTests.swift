import Fisher
import FisherOptions
import Foundation
import Testing

@testable import FisherTraining

/// Layers override each other, mistakes name the key and its origin, and what is printed gives the same again.
@Suite struct ConfigurationTests {
    struct Example: ConfigurableOptions {
        @Configurable("data.text", "paths") var paths: [String] = []
        @Configurable("model.width", .atLeast(1), aliases: ["model.hidden"], "width") var width = 8
    }

    static let long = ConfigurationPreset("long", ["training.steps": "5000", "optimizer.rule": "adamw"])

    typealias Resolved = ResolvedConfiguration<Example>

    private func message(_ values: [(key: String, pieces: [String])]) -> String {
        do {
            _ = try Resolved([ConfigurationLayer(.file("a.toml"), values)])
            return ""
        } catch { return "\(error)" }
    }

    @Test func laterLayersWinAndOriginsAreKept() throws {
        let resolved = try Resolved([
            Self.long.layer,
            ConfigurationLayer(
                .file("a.toml"), [("training.steps", ["70"]), ("data.text", ["x y", "z\"w"])]),
            ConfigurationLayer(.commandLine, [("optimizer.beta2", ["0.99"])]),
        ])
        #expect(resolved.value.training.steps == 70)
        #expect(resolved.value.optimizer.rule == "adamw")
        let origins = Dictionary(uniqueKeysWithValues: resolved.entries.map { ($0.key, $0.origin) })
        #expect(origins["training.steps"] == .file("a.toml"))
        #expect(origins["optimizer.rule"] == .preset("long"))
        #expect(origins["optimizer.beta2"] == .commandLine)
        #expect(origins["optimizer.beta1"] == .standard)
        #expect(resolved.toml.contains("text = [ \"x y\", \"z\\\"w\" ]"))
        #expect(resolved.explained.contains("# preset long"))
        #expect(resolved.toml.split(separator: "\n").filter { $0 == "[optimizer]" }.count == 1)
        let candidate = try resolved.value.optimizer.candidate(steps: 70)
        #expect(candidate.rule.learningRate == .cosine(1e-3, steps: 70))
    }

    @Test func mistakesNameTheKeyItsOriginAndTheNearest() throws {
        #expect(message([("training.stepz", ["5"])]).contains("did you mean training.steps?"))
        #expect(message([("training.stepz", ["5"])]).contains("(a.toml)"))
        #expect(
            message([("training.steps", ["0"])]).contains("training.steps = 0 (a.toml) must be at least 1"))
        #expect(message([("training.steps", ["x"])]).contains("is not a whole number"))
        #expect(message([("optimizer.rho", ["3"])]).contains("optimizer.rho = 3 (a.toml)"))
        #expect(message([("optimizer.betta2", ["0.9"])]).contains("did you mean optimizer.beta2?"))
        #expect(message([("optimizer.ruel", ["sgd"])]).contains("did you mean optimizer.rule?"))
        for (key, meant) in [
            ("steps", "training.steps"), ("rule", "optimizer.rule"), ("rho", "optimizer.power"),
        ] {
            #expect(message([(key, ["1"])]).contains("did you mean \(meant)?"))
        }
        let unknown = message([("optimizer.momentum_decay", ["1"])])
        #expect(unknown.contains("did you mean optimizer.momentum_order?"))
        #expect(message([("optimizer.uses_nesterov", ["true"])]).contains("of fadam, but of sgd"))
        #expect(message([("optimizer.rule", ["fadm"])]).contains("fadam"))
        #expect(message([("log.tensorboard", ["yes"])]).contains("neither true nor false"))
        #expect(message([("training.steps", ["1", "2"])]).contains("is a list"))
    }

    /// Counts that no run can reach are refused by their names, so that no sum of them overflows.
    @Test(arguments: [
        "training.steps", "training.micro_batches", "training.evaluate_every", "training.patience",
        "checkpoints.every", "checkpoints.keep", "log.every", "optimizer.warm_up",
    ])
    func countsAreBounded(_ key: String) {
        for value in ["9223372036854775807", "1000000000001"] {
            #expect(
                message([(key, [value])]).contains("\(key) = \(value) (a.toml) must be at most 1000000000000")
            )
        }
        #expect(message([(key, ["-1"])]).contains("must be"))
    }

    /// A run is named by what its rule's options change, whether or not a file names all of them.
    @Test func aFileThatNamesEverythingChangesNoName() throws {
        let first = try Resolved([ConfigurationLayer(.commandLine, [("optimizer.beta2", ["0.99"])])])
        let label = try first.value.optimizer.candidate(steps: 10).label
        #expect(label == "fadam + beta2 0.99")
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).toml").path
        try Data(first.toml.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let again = try Resolved([try ConfigurationLayer(tomlFile: path)])
        #expect(try again.value.optimizer.candidate(steps: 10).label == label)
    }

    /// What is written is read again: the same values, from the file.
    @Test func filesGiveTheSameAgain() throws {
        let texts = ["a \"quoted\" one", "back\\slash", "tab\tand\nline", "größer", "1"]
        let values: [(key: String, pieces: [String])] = [
            ("data.text", texts), ("model.hidden", ["12"]), ("optimizer.learning_rate", ["3e-05"]),
            ("optimizer.clip_gradient_norm", ["1"]), ("optimizer.rule", ["fadam"]),
            ("optimizer.weight_decay", ["cosine(peak=0.5,steps=10)"]), ("log.histograms", ["false"]),
        ]
        let first = try Resolved([ConfigurationLayer(.commandLine, values)])
        for text in [first.toml, first.explained] {
            let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).toml").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try Data(text.utf8).write(to: URL(filePath: path))
            let again = try Resolved([try ConfigurationLayer(tomlFile: path)])
            #expect(again.value.training == first.value.training)
            #expect(again.value.task.paths == texts && again.value.task.width == 12)
            #expect(again.toml == first.toml)
        }
        #expect(first.tomlValues["optimizer.rule"] == "\"fadam\"")
        #expect(first.tomlValues["training.steps"] == "1000")
    }

    /// A value that leaves the choice to the program says what that is.
    @Test func valuesThatStandForOthersSaySo() throws {
        let resolved = try Resolved([ConfigurationLayer(.commandLine, [("checkpoints.every", ["7"])])])
        for line in [
            "evaluate_every = 0  # ten times a run", "patience = 0  # never",
            "clip_gradient_norm = \"none\"  # no clip",
            "threads = 0  # chosen by their steps' times",
        ] {
            #expect(resolved.toml.contains("\n\(line)\n"), "\(resolved.toml)")
        }
        #expect(resolved.toml.contains("\nevery = 7\n"))
        #expect(resolved.tomlValues["training.patience"] == "0")
    }

    @Test func learningRatesAreNumbersOrSchedules() throws {
        func rate(_ values: [(key: String, pieces: [String])]) throws -> Schedule {
            let resolved = try Resolved([ConfigurationLayer(.commandLine, values)])
            return try resolved.value.optimizer.candidate(steps: 100).rule.learningRate
        }
        #expect(
            try rate([("optimizer.learning_rate", ["0.1"]), ("optimizer.schedule", ["constant"])])
                == .constant(0.1))
        #expect(
            try rate([("optimizer.learning_rate", ["linear_warm_up(peak=0.2,warm_up=7)"])])
                == .linearWarmUp(0.2, warmUp: 7))
        #expect(throws: (any Error).self) { try rate([("optimizer.learning_rate", ["-1"])]) }
        #expect(throws: ConfigurationError.self) { try rate([("optimizer.warm_up", ["101"])]) }
        #expect(throws: ConfigurationError.self) { try rate([("optimizer.clip_gradient_norm", ["0"])]) }
        #expect(throws: ConfigurationError.self) { try rate([("optimizer.clip_fisher_norm", ["0"])]) }
    }
}
