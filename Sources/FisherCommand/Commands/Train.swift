import ArgumentParser
import Fisher
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher train`: a task a subcommand.
struct Train: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Train a model in a run folder that can be stopped, killed and resumed exactly.",
            subcommands: TaskRegistry.tasks.map { $0.trainCommand })
    }
}

extension ConfigurableTask {
    fileprivate static var trainCommand: any ParsableCommand.Type { TrainTask<Self>.self }
}

/// Flags for all but checkpoints and logs.
private enum TrainUse: ConfigurationUse {
    static func hasFlag(_ option: String) -> Bool {
        !option.hasPrefix("checkpoints.") && !option.hasPrefix("log.")
    }
}

/// `fisher train`, one task.
private struct TrainTask<Task: ConfigurableTask>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Task.name,
            abstract: "Train \(Task.subject).",
            discussion: """
                The run's folder holds its configuration, metrics, TensorBoard events and checkpoints. A run that \
                was stopped or killed goes on with --resume, to the same bits as if it had not been (with the same \
                number of threads). \(Task.remark)

                fisher train \(Task.name) --set optimizer.rule=fadam --output runs/first
                """)
    }

    @OptionGroup var arguments: ConfigurationArguments<Task, TrainUse>
    @Flag(help: "Print the configuration, with where each value came from, and end.")
    var printConfig = false
    @Option(name: .shortAndLong, help: "The run's folder.")
    var output: String?
    @Flag(help: "Go on from the newest whole checkpoint.")
    var resume = false
    @Flag(help: "Show sizes, time and space that the run would take, and end.")
    var dryRun = false

    func run() throws {
        Interruption.install()
        let directory = RunDirectory(path: output ?? "runs/\(Task.name)")
        let resolved = try ResolvedConfiguration<Task.Options>(try layers(directory))
        if printConfig {
            print(resolved.explained, terminator: "")
            return
        }
        let training = resolved.value.training
        if training.threads > 0 { Engine.threadCount = training.threads }
        let candidate = try resolved.value.optimizer.candidate(steps: training.steps)
        if !dryRun && !resume && directory.holdsRun { throw AlreadyHoldsRun(path: directory.path) }
        let task = try Task.make(resolved.value)
        if dryRun {
            try DryRun(task: task, candidate: candidate, training: training, directory: directory).show()
            return
        }
        say(task.summary.description)
        let run = DurableRun(
            task, candidate, in: directory, training: training, toml: resolved.toml,
            values: resolved.tomlValues)
        do {
            let document = try run(resuming: resume, progress: ProgressDisplay())
            try OptimizerComparison([(directory, document)]).writeReport(to: directory.path + "/report.html")
            say(outcome(of: document, in: directory))
        } catch let error as Interrupted {
            let command = "\(EnvironmentSummary.programName) train \(Task.name) --resume --output "
            throw Resumable(
                signal: error.signal, command: command + EnvironmentSummary.quoted(directory.path))
        }
    }

    /// A resumed run's own configuration comes first, and only what does not change its course may be set.
    private func layers(_ directory: RunDirectory) throws -> [ConfigurationLayer] {
        guard resume, FileManager.default.fileExists(atPath: directory.configurationFile) else {
            return try arguments.layers()
        }
        if arguments.config != nil || arguments.preset != nil {
            throw ConfigurationError(
                "a run that is resumed has its configuration: --config and --preset are for new ones")
        }
        let free = ["training.steps", "training.evaluate_every", "training.patience", "training.threads"]
        for (key, _) in arguments.values
        where !free.contains(key) && !key.hasPrefix("checkpoints.") && !key.hasPrefix("log.") {
            throw ConfigurationError(
                "\(key) cannot be changed in a run that is resumed "
                    + "(\(free.joined(separator: ", ")), checkpoints.* and log.* can)")
        }
        return try arguments.layers(after: [try ConfigurationLayer(tomlFile: directory.configurationFile)])
    }

    private func outcome(of document: RunDocument, in directory: RunDirectory) -> String {
        let name = document.task.lossUnit
        let unit = ("aeiou".contains(name.prefix(1)) ? "an " : "a ") + name
        let loss = document.record.curve.last?.validationLoss ?? .nan
        let best = document.record.bestValidationLoss ?? .nan
        let bits = ComparisonSummary.bits(fromNats: best)
        let perplexity = ComparisonSummary.perplexity(fromNats: best)
        let numbers = String(
            format: "validation loss %.4f nats \(unit), best %.4f (%.3f bits \(unit), perplexity %.2f)",
            loss, best, bits, perplexity)
        let ended = document.phase == .stoppedEarly ? ", stopped early" : ""
        let lines = [
            "step \(document.record.curve.last?.step ?? 0)\(ended): \(numbers)",
            "checkpoints: \(directory.checkpoints.folder)", "report: \(directory.path)/report.html",
        ]
        let next = Task.afterwards(EnvironmentSummary.quoted(directory.path))
        return (lines + [next].compactMap { $0 }).joined(separator: "\n")
    }
}
