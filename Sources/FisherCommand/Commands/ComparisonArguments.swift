import ArgumentParser
import Fisher
import FisherReports
import FisherTraining
import Foundation

/// What `compare` and `ablate` have in common: the task, the length, the files.
struct ComparisonArguments<Task: ConfigurableTask>: ParsableArguments {
    @OptionGroup var seeds: SeedArguments
    @Flag(help: "Keep the runs that an earlier, interrupted start of the same comparison finished.")
    var resume = false
    @Option(name: .shortAndLong, help: "The folder for results.csv, results.json and report.html.")
    var output: String?
    @OptionGroup var configuration: ConfigurationArguments<Task, ComparisonUse>

    /// Resolves the configuration.
    func setup() throws -> ComparisonSetup<Task> {
        let value = try configuration.resolved().value
        return ComparisonSetup(
            arguments: self, configuration: value,
            learningRate: try value.optimizer.learningRate(steps: value.training.steps))
    }
}

/// All options but those that a comparison has of its own: the rules, the seeds.
enum ComparisonUse: ConfigurationUse {
    static func hasFlag(_ option: String) -> Bool {
        let own = ["optimizer.rule", "training.seed", "training.patience"]
        return !option.hasPrefix("checkpoints.") && !option.hasPrefix("log.") && !own.contains(option)
    }
}

/// A comparison on a task, ready to be run: it keeps its files and shows what came of it.
struct ComparisonSetup<Task: ConfigurableTask> {
    let arguments: ComparisonArguments<Task>
    let configuration: RunConfiguration<Task.Options>
    let learningRate: Schedule

    /// How long each run is. Runs that are compared are of one length: patience ends none.
    var length: RunLength {
        var length = configuration.training.length
        length.patience = nil
        return length
    }

    /// The optimizers as they are named, with what all of them share.
    ///
    /// Throws a shared option that none of them has.
    func candidates(_ specifications: [OptimizerSpecification]) throws -> [OptimizerCandidate] {
        let settings = arguments.configuration.ruleSettings
        let shared =
            [("learning_rate", "\(learningRate)")]
            + configuration.optimizer.ruleSettings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            + settings.map { ($0.name, $0.value) }
        let candidates = try specifications.map {
            try $0.candidate(sharing: shared, clip: configuration.optimizer.clipGradientNorm)
        }
        for setting in settings where !candidates.contains(where: { $0.rule.hasOption(named: setting.name) })
        {
            throw UsageError(description: "--set \(setting.name): none of the optimizers has this option")
        }
        return candidates
    }

    /// Makes the comparison; without `--output` it is kept in a folder that is named after the command and the task.
    func run(_ comparison: TunedComparison, named command: String) throws {
        Interruption.install()
        if configuration.training.threads > 0 { Engine.threadCount = configuration.training.threads }
        let task = try Task.make(configuration)
        var summary = task.summary
        summary.settings += sharedForReaders
        let name = task.summary.name.split { !$0.isLetter && !$0.isNumber }.joined(separator: "-")
        let files = StudyFiles(folder: arguments.output ?? "runs/\(command)-\(name)")
        var result = OptimizerComparison(task: summary, environment: .current(), entries: [])
        if arguments.resume { result = try continued(result, files) }
        say(summary.description)
        let progress = ProgressDisplay(runCount: comparison.runCount)
        do {
            result = try comparison(
                on: task, tuningOn: { try task.tuningTask() }, into: result, progress: progress
            ) { try files.writeWithReport($0) }
            progress.finish()
        } catch let error as Interrupted {
            progress.finish()
            throw Resumable(signal: error.signal, command: "the same command with --resume")
        }
        show(result, files)
    }

    private var sharedForReaders: [Setting] {
        let (optimizer, steps) = (configuration.optimizer, configuration.training.steps)
        return [
            Setting("steps", "\(steps)"),
            Setting("learning rate", "\(learningRate), unless tuned or named"),
            Setting("warm-up", optimizer.warmUp == 0 ? "none" : "\(optimizer.warmUp) steps"),
            Setting(
                "gradient clipping", optimizer.clipGradientNorm.map { "\($0)" } ?? "none, unless named"),
        ]
    }

    /// The result of an earlier start, if it was the same comparison.
    private func continued(
        _ fresh: OptimizerComparison, _ files: StudyFiles
    ) throws -> OptimizerComparison {
        guard files.hasResult else { return fresh }
        let old = try files.read(OptimizerComparison.self)
        guard old.task == fresh.task else {
            throw UsageError(
                description: "\(files.json) is of another task or length: choose another --output")
        }
        return old
    }

    private func show(_ result: OptimizerComparison, _ files: StudyFiles) {
        let screen = ProgressOutput.standardOutput()
        let summary = ComparisonSummary(of: result)
        if !summary.tuning.isEmpty { print("\n" + summary.tuningText) }
        print(
            "\n" + summary.text(width: screen.isTerminal ? screen.width() : nil, usesColor: screen.usesColor))
        print("report: \(URL(filePath: files.report).path)")
    }
}
