import ArgumentParser
import Fisher
import FisherReports
import FisherTraining
import Foundation

/// `fisher train`, one task.
struct TrainTask<Own: TrainedTask>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Own.name,
            abstract: "Train \(Own.model).",
            discussion: """
                The run's folder holds its configuration, metrics, TensorBoard events and checkpoints. A run that \
                was stopped or killed goes on with --resume, to the same bits as if it had not been (with the same \
                number of threads). Presets: \(Own.Configuration.presets.map(\.name).joined(separator: ", ")).

                \(Own.example) --output runs/first
                """)
    }

    @OptionGroup var arguments: ConfigurationArguments
    @OptionGroup var own: Own
    @Option(name: .shortAndLong, help: "The run's folder.")
    var output: String?
    @Flag(help: "Go on from the newest whole checkpoint.")
    var resume = false
    @Flag(help: "Show sizes, time and space that the run would take, and end.")
    var dryRun = false

    func run() throws {
        Interruption.install()
        let directory = RunDirectory(path: output ?? "runs/\(Own.name)")
        let resolved = try ResolvedConfiguration<Own.Configuration>(try layers(directory))
        if arguments.printConfig {
            print(resolved.explained, terminator: "")
            return
        }
        let configuration = resolved.value
        if configuration.training.threads > 0 { Engine.threadCount = configuration.training.threads }
        let candidate = try configuration.optimizer.candidate(steps: configuration.training.steps)
        if !dryRun && !resume && directory.holdsRun { throw AlreadyHoldsRun(path: directory.path) }
        let task = try configuration.task()
        if dryRun {
            try DryRun(
                task: task, candidate: candidate, training: configuration.training, directory: directory
            )
            .show()
            return
        }
        say(task.summary.description)
        let kept = DurableRun(
            in: directory, task, candidate, configuration: configuration.training, toml: resolved.toml,
            values: Dictionary(uniqueKeysWithValues: resolved.entries.map { ($0.key, $0.toml) }),
            environment: .current(command: CommandLine.arguments))
        do {
            let document = try kept(resumes: resume, progress: ProgressDisplay())
            try OptimizerComparison([(directory, document)]).writeReport(to: directory.path + "/report.html")
            say(outcome(of: document, in: directory))
        } catch let error as Interrupted {
            throw Resumable(signal: error.signal, command: resumption(directory))
        }
    }

    /// A resumed run's own configuration comes first, and only what does not change its course may be set.
    private func layers(_ directory: RunDirectory) throws -> [ConfigurationLayer] {
        var first: [ConfigurationLayer] = []
        let isKept = FileManager.default.fileExists(atPath: directory.configurationFile)
        if resume && isKept {
            first.append(try ConfigurationLayer(tomlFile: directory.configurationFile))
            let free = ["training.steps", "training.evaluate_every", "training.patience", "training.threads"]
            for setting in arguments.settings
            where !free.contains(setting.name) && !setting.name.hasPrefix("checkpoints.")
                && !setting.name.hasPrefix("log.")
            {
                throw ConfigurationError(
                    "\(setting.name) cannot be changed in a run that is resumed "
                        + "(\(free.joined(separator: ", ")), checkpoints.* and log.* can)")
            }
            if arguments.config != nil || arguments.preset != nil || !own.values.isEmpty {
                let options =
                    ["--config", "--preset"]
                    + own.values.map { "--" + ($0.key.split(separator: ".").last ?? "") }
                throw ConfigurationError(
                    "a run that is resumed has its configuration: \(options.joined(separator: ", ")) are for "
                        + "new ones")
            }
        }
        let layers = try arguments.layers(of: Own.Configuration.self, after: first)
        return own.values.isEmpty ? layers : layers + [ConfigurationLayer(.commandLine, own.values)]
    }

    private func resumption(_ directory: RunDirectory) -> String {
        "fisher train \(Own.name) --resume --output " + EnvironmentSummary.quoted(directory.path)
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
        let next = Own.afterwards(EnvironmentSummary.quoted(directory.path))
        return (lines + [next].compactMap { $0 }).joined(separator: "\n")
    }
}

/// A run was stopped by a signal and saved.
struct Resumable: Error, CustomStringConvertible {
    let signal: String
    let command: String
    var description: String { "stopped by \(signal), everything is saved; go on with: \(command)" }
}

/// A new run was to begin where another one is.
struct AlreadyHoldsRun: Error, CustomStringConvertible {
    let path: String
    var description: String {
        "\(path) already holds a run: go on with --resume, or choose another folder with --output"
    }
}
