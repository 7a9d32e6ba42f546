import ArgumentParser
import Fisher
import FisherReports
import FisherTraining
import Foundation

/// The arguments common to `compare` and `ablate`: the task, the length, the files.
struct ComparisonArguments<Task: ConfigurableTask>: ParsableArguments {
    @OptionGroup var seeds: SeedArguments
    @Flag(
        help: """
            Continue what an earlier start left in the folder: finished runs are kept, asked for or not, others go on from \
            their checkpoints, and new ones are added.
            """)
    var resume = false
    @OptionGroup var judgement: JudgementArguments<TaskJudgement<Task>>
    @OptionGroup var figures: FigureArguments
    @Flag(help: "Resume runs although checkpoints that were saved, or part of metrics.jsonl, are gone.")
    var acceptDamage = false
    @Option(
        name: .shortAndLong,
        help: """
            The folder for results.csv, results.json, report.html and the runs. Each run keeps its last and its best \
            checkpoint, each as large as weights and optimizer state together.
            """)
    var output: String?
    @Flag(help: "Print the configuration with the origin of each value, and exit.")
    var printConfig = false
    @Flag(help: "Show the number of runs, their time and space, and exit.")
    var dryRun = false
    @OptionGroup var parallel: JobArguments
    @OptionGroup(title: "Processes") var sharing: ProcessArguments
    @OptionGroup(title: "Names") var marks: MarkArguments
    @OptionGroup var configuration: ConfigurationArguments<Task, ComparisonUse>

    /// Resolves the configuration: that of the folder if the comparison is resumed, and what the command line sets anew.
    ///
    /// - Parameters:
    ///   - kind: a comparison or an ablation.
    ///   - own: the values of the command's own flags, by key.
    ///   - optimizers: what is compared if nothing says so.
    func setup(
        _ kind: StudyKind, own: [(key: String, pieces: [String])], usual optimizers: [String] = []
    ) throws -> ComparisonSetup<Task> {
        Interruption.install()
        let seedValues =
            [("comparison.seeds", seeds.count.map { "\($0)" })]
            + [("comparison.first_seed", seeds.first.map { "\($0)" })]
        let flags = own + judgement.values + seedValues.compactMap { key, text in text.map { (key, [$0]) } }
        let stored = try resume ? output.flatMap { try self.stored(in: $0, kind) } : nil
        if resume, stored == nil, flags.isEmpty, !configuration.isGiven, let output,
            StudyFiles(folder: output).hasResult
        {
            throw UsageError(
                description:
                    "\(output) holds results of a former version, which kept no config.toml: repeat the whole command line "
                    + "with --resume")
        }
        // A setting without a section is an option of rules; the learning rate is that of all, and a number has no course.
        let settings = configuration.ruleSettings.flatMap { setting -> [(key: String, pieces: [String])] in
            guard ["lr", "learning_rate"].contains(setting.name) else {
                return [("optimizer." + setting.name, [setting.value])]
            }
            return [
                ("optimizer.learning_rate", [setting.value]), ("optimizer.schedule", ["constant"]),
                ("optimizer.warm_up", ["0"]),
            ]
        }
        let layers =
            try configuration.layers(after: stored.map { [$0] })
            + [ConfigurationLayer(.commandLine, settings + flags)]
        let resolved = try ResolvedComparison<Task.Options>(layers, usual: optimizers)
        if resolved.comparison.pilot != nil, seeds.count != nil {
            throw UsageError(
                description:
                    "\(output ?? "the folder") is of a pilot, which has seeds of its own: leave --seeds out, or choose another "
                    + "--output")
        }
        let value = resolved.run.value
        return ComparisonSetup(
            arguments: self, kind: resolved.comparison.pilot == nil ? kind : .pilot, resolved: resolved,
            isBare: stored == nil && !configuration.isGiven && flags.isEmpty, configuration: value,
            learningRate: try value.optimizer.learningRate(steps: value.training.steps))
    }

    /// The configuration of an earlier start in a folder; nil if there is none.
    private func stored(in folder: String, _ kind: StudyKind) throws -> ConfigurationLayer? {
        let directory = RunDirectory(path: folder)
        let names = try DurableStorage.names(inFolder: folder) ?? []
        guard !names.contains("run.json"), try directory.hasConfiguration() else { return nil }
        if let (command, task) = directory.configuredWords,
            task != Task.name || command != (kind == .ablation ? "ablate" : "compare")
        {
            throw UsageError(
                description:
                    "\(folder) holds a study of \(task): \(EnvironmentSummary.programName) \(command) \(task) --resume "
                    + "continues it")
        }
        return try ConfigurationLayer(tomlFile: directory.configurationFile, followingLinks: false)
    }
}

/// All options except those that a comparison sets itself: the rules, the seeds.
enum ComparisonUse: ConfigurationUse {
    static func hasFlag(_ option: String) -> Bool {
        let own = ["optimizer.rule", "training.seed", "training.patience"]
        return !option.hasPrefix("checkpoints.") && !option.hasPrefix("log.") && !own.contains(option)
    }

    static var takesRuleOptions: Bool { true }

    /// Many runs share a disk, and short ones must not wait for it: fewer checkpoints, no histograms.
    static var base: [ConfigurationLayer] {
        let values = ["checkpoints.keep": "1", "checkpoints.seconds": "10", "log.histograms": "false"]
        return [ConfigurationLayer(.standard, values.map { ($0.key, [$0.value]) })]
    }
}

/// Throws for a grid of more combinations than anybody can try, and for a value that is given twice.
func requireBounded(_ grid: OptionGrid) throws {
    guard grid.count <= SeedArguments.most else {
        let axes = grid.axes.map { "\($0.option) \($0.values.count)" }.joined(separator: ", ")
        throw UsageError(
            description:
                "more than \(SeedArguments.most) combinations of values are to be tried (\(axes)): name fewer"
        )
    }
    for axis in grid.axes {
        var values = Set<String>()
        for value in axis.values where !values.insert(value).inserted {
            throw UsageError(
                description: "\(axis.option) is to be tried with \(value) twice: name each value once")
        }
    }
}

/// Prints JSON as it is.
func printJSON(_ data: Data) { print(String(decoding: data, as: UTF8.self), terminator: "") }
