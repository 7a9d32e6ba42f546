import Fisher
import FisherOptions
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// What a comparison is asked for resolves like a run's configuration, and its file gives it again.
@Suite struct ComparisonConfigurationTests {
    struct Options: ConfigurableOptions {
        @Configurable("data.batch", .atLeast(1), "examples") var batch = 8
    }

    private typealias Resolved = ResolvedComparison<Options>

    private func layer(
        _ values: KeyValuePairs<String, String>, from origin: ConfigurationOrigin = .commandLine
    ) -> ConfigurationLayer {
        ConfigurationLayer(origin, values.map { ($0.key, $0.value.split(separator: ";").map(String.init)) })
    }

    @Test func theFileGivesTheComparisonAgain() throws {
        let given = layer([
            "comparison.optimizers": "adamw:clip_gradient_norm=1,beta2=0.99;fadam",
            "comparison.learning_rates": "adamw=1e-3,2e-3;fadam=2e-3,4e-3",
            "comparison.tune": "all.beta1=0.8,0.9",
            "comparison.seeds": "3", "comparison.first_seed": "18446744073709551610",
            "comparison.protocol": "both", "comparison.target": "2.25", "comparison.variances": "pooled",
            "optimizer.beta2": "0.95", "optimizer.learning_rate": "0.01", "data.batch": "4",
            "training.steps": "30",
        ])
        let whole = try Resolved([given])
        let file = try ConfigurationLayer(toml: Data(whole.toml.utf8), path: "config.toml")
        let again = try Resolved([layer(["data.batch": "9"], from: .preset("x")), file])
        #expect(again.comparison == whole.comparison && again.run.value == whole.run.value)
        #expect(again.shared.map(\.name) == ["beta2"] && again.shared.map(\.value) == ["0.95"])
        #expect(again.rule == nil && again.toml == whole.toml)
        #expect(whole.comparison.optimizers.count == 2 && whole.run.value.task.batch == 4)
        #expect(whole.explained.contains("seeds = 3") && whole.explained.contains("# command line"))
        #expect(!whole.toml.contains("rule ="))
        #expect(try Resolved([], usual: ["adamw", "fadam"]).comparison.optimizers == ["adamw", "fadam"])
        // What an earlier start asked for stays unless it is asked for anew.
        let more = try Resolved([file, layer(["comparison.seeds": "7"])])
        #expect(more.comparison.seeds == 7 && more.comparison.optimizers == whole.comparison.optimizers)
    }

    /// The file of a run names its rule: the options of its section are that rule's.
    @Test func theFileOfARunNamesItsRule() throws {
        let file = layer(
            ["optimizer.rule": "fadam", "optimizer.beta2": "0.99"], from: .file("run/config.toml"))
        let resolved = try Resolved([file, layer(["comparison.optimizers": "adamw;fadam:rho=1"])])
        #expect(resolved.rule == "fadam" && resolved.shared.count == 1)
        #expect(
            try Resolved([try ConfigurationLayer(toml: Data(resolved.toml.utf8), path: "x")]).rule == "fadam")
        let error = #expect(throws: ConfigurationError.self) {
            try Resolved([file, layer(["comparison.optimizers": "adamw;sgd"])])
        }
        #expect(error?.description.contains("optimizer.rule = fadam is none of the optimizers") == true)
        // A preset's rule is where `fisher train` starts from.
        let preset = layer(["optimizer.rule": "fadam"], from: .preset("base"))
        #expect(try Resolved([preset], usual: ["adamw"]).rule == nil)
    }

    @Test(arguments: [
        ("comparison.seds", "3", "comparison.seds = 3 (command line) is not an option"),
        ("comparison.seeds", "0", "comparison.seeds = 0 (command line) must lie between 1 and"),
        ("comparison.seeds", "many", "is not a whole number"),
        ("comparison.protocol", "drop", "is not one of own, drop-in, both"),
        ("comparison.extensions", "101", "must lie between 0 and 100"),
        ("comparison.power", "1.5", "must lie between 0 and 1"),
        ("comparison.pilot_all", "true", "is of a pilot"),
        ("comparison.margin", "0", "must be more than zero"),
        ("optimizer.bta2", "0.9", "optimizer.bta2 (command line): none of the optimizers has this option"),
        ("optimizer.warm_up", "-1", "must be zero or more"),
        ("data.bacth", "1", "did you mean data.batch?"),
        ("steps", "10", "steps (command line) is not an option"),
    ])
    func whatIsWrongIsNamed(_ key: String, _ value: String, _ reason: String) throws {
        var values: [(key: String, pieces: [String])] = [(key, [value])]
        if key == "comparison.power" { values.append(("comparison.pilot", ["3"])) }
        let error = #expect(throws: ConfigurationError.self) {
            try Resolved([ConfigurationLayer(.commandLine, values)], usual: ["adamw"])
        }
        #expect(error?.description.contains(reason) == true, "\(error.map { "\($0)" } ?? "")")
    }

    @Test func runsAreCountedForTheirCost() throws {
        let candidates = try ["adam", "sgd"].map { try ToyTask.candidate($0) }
        let grid = OptionGrid([.init(option: "learning_rate", values: ["1e-3", "2e-3", "4e-3"])])
        let comparison = TunedComparison(
            candidates.map { .init($0, grid: grid) }, policy: .both, runs: StudyCase.runs(),
            seeds: [1, 2, 3],
            tuningSeeds: 2)
        #expect(comparison.workload.map(\.runs) == [3 * 2 + 3, 3 * 2 + 6])
        #expect(comparison.workload.map(\.runs).reduce(0, +) == comparison.runCount)
    }
}
