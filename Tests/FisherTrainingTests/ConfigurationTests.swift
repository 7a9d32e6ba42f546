import Fisher
import Testing

@testable import FisherTraining

/// Layers override each other, mistakes name the key and its origin, and what is printed gives the same again.
@Suite struct ConfigurationTests {
    struct Example: RunConfiguration, Hashable {
        var optimizer = OptimizerConfiguration()
        var training = TrainingConfiguration()
        var paths: [String] = []
        static let options: [ConfigurationOption<Example>] =
            [.list("data.text", \.paths, "paths")]
            + OptimizerConfiguration.options.map { $0.lifted(\.optimizer) }
            + TrainingConfiguration.options.map { $0.lifted(\.training) }
        static let presets: [(name: String, values: [(key: String, pieces: [String])])] = [
            ("long", [("training.steps", ["5000"]), ("optimizer.rule", ["adamw"])])
        ]
        var dependentValues: [(key: String, text: String, isBare: Bool)] {
            get throws { try optimizer.ruleValues() }
        }
        mutating func setDependent(_ key: String, to text: String) throws -> Bool {
            try optimizer.setRuleOption(key, to: text)
        }
    }

    typealias Resolved = ResolvedConfiguration<Example>

    private func message(_ values: [(key: String, pieces: [String])]) -> String {
        do {
            _ = try Resolved([ConfigurationLayer(.file("a.toml"), values)])
            return ""
        } catch { return "\(error)" }
    }

    @Test func laterLayersWinAndOriginsAreKept() throws {
        let resolved = try Resolved([
            try Resolved.preset("long"),
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
        #expect(resolved.toml.contains("text = [\"x y\", \"z\\\"w\"]"))
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
        #expect(message([("optimizer.betta2", ["0.9"])]).contains("did you mean beta2?"))
        #expect(message([("optimizer.rule", ["fadm"])]).contains("fadam"))
        #expect(message([("log.tensorboard", ["yes"])]).contains("neither true nor false"))
        #expect(message([("training.steps", ["1", "2"])]).contains("is a list"))
        #expect(throws: ConfigurationError.self) { try Resolved.preset("lung") }
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
    }
}
