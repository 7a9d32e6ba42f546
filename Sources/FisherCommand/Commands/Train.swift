import ArgumentParser
import Fisher
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher train`: one subcommand per task.
struct Train: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "train",
            abstract: "Train a model in a run folder that can be stopped, killed and resumed exactly.",
            subcommands: TaskRegistry.tasks.map { $0.trainCommand })
    }
}

extension ConfigurableTask {
    fileprivate static var trainCommand: any ParsableCommand.Type { TrainTask<Self>.self }
}

/// Flags for all but checkpoints and logs.
enum TrainUse: ConfigurationUse {
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
                was stopped or killed resumes with --resume, bit for bit as if it had not been (with the same \
                number of threads). The same command with --resume begins a run where none is and goes on with one \
                that is there. \(Task.remark)

                fisher train \(Task.name) --set optimizer.rule=fadam --output runs/first
                """)
    }

    @OptionGroup var arguments: ConfigurationArguments<Task, TrainUse>
    @Flag(help: "Print the configuration with the origin of each value, and exit.")
    var printConfig = false
    @Option(name: .shortAndLong, help: "The run's folder.")
    var output: String?
    @Flag(help: "Resume from the newest intact checkpoint.")
    var resume = false
    @Flag(help: "Resume although checkpoints that were saved, or part of metrics.jsonl, are gone.")
    var acceptDamage = false
    @Flag(
        help: ArgumentHelp(
            "Resume although another training.steps changes the course of schedules.",
            discussion:
                "From the checkpoint on, learning rates follow the course that a run of the new length has."))
    var changeSchedule = false
    @Flag(help: "Show the sizes, time and space of the run, and exit.")
    var dryRun = false
    @OptionGroup(title: "Processes") var sharing: ProcessArguments
    @OptionGroup(title: "Names") var marks: MarkArguments

    func run() throws {
        Interruption.install()
        let directory = RunDirectory(path: output ?? "runs/\(Task.name)")
        let resolved = try configuration(directory)
        if printConfig {
            print(resolved.explained, terminator: "")
            return
        }
        let training = resolved.value.training
        try setThreads(training.threads)
        if dryRun {
            try directory.requireUsable(resuming: resume)
            try withDevice(training.chosenDevice) {
                try DryRun(
                    task: try Task.make(resolved.value),
                    candidate: try resolved.value.optimizer.candidate(steps: training.steps),
                    training: training, directory: directory
                ).show()
            }
            return
        }
        if try sharing.launches { return try launch(directory) }
        // Data are not read for a device that is not there, nor is a folder made.
        try training.chosenDevice.requireAvailable()
        // Processes exchange what lies on their device.
        let processes = try withDevice(training.chosenDevice) { try sharing.join(threads: training.threads) }
        if let processes, processes.rank > 0 { return try follow(resolved, directory, processes) }
        warnOfSlowProducts(in: training.precision)
        var title: String?
        var run = try DurableRun<Task>(resolved, in: directory) { task in
            say(task.summary.description)
            do { title = try marks.apply(to: directory.path).title } catch { warn("\(error)") }
        }
        run.choosesThreads = true
        run.processes = processes
        do {
            let document = try run(resuming: resume, allowing: allowances, progress: ProgressDisplay())
            try RunReport(document, folder: directory.path, PageOptions(title: title)).write(
                to: directory.path + "/report.html")
            if case .diverged(let step, let reason) = document.record.status {
                throw RunDiverged(reason: "\(reason) after step \(step)", kept: kept(in: directory))
            }
            say(outcome(of: document, in: directory, and: try Task.conclude(runIn: directory.path)))
        } catch let error as NonFiniteError {
            throw RunDiverged(reason: "\(error)", kept: kept(in: directory))
        } catch let error as Interrupted {
            throw Resumable(
                reason: "stopped by \(error.signal)", kept: kept(of: try? directory.document()),
                command: continuation(in: directory))
        } catch let error as ProcessGroupError {
            throw resumable(error, in: directory)
        }
    }

    /// The command line that continues the run in as many processes.
    private func continuation(in directory: RunDirectory) -> String {
        if resume { return Invocation.repeated() }
        let started = sharing.processes.map { ["--processes", "\($0)"] } ?? []
        return Invocation.resuming(["train", Task.name] + started, in: directory.path)
    }

    /// Starts the processes of this machine and waits for them.
    private func launch(_ directory: RunDirectory) throws {
        do {
            try LocalProcesses(sharing.processes ?? 1)()
        } catch let failed as FailedProcess {
            // The first cannot tell what is kept if it was killed.
            guard let reason = failed.sentence, let step = savedStep(in: directory) else { throw failed }
            throw Resumable(
                reason: reason, kept: "everything is saved up to step \(step)",
                command: continuation(in: directory))
        }
    }

    /// The work of a process beside the first, which alone writes and tells.
    private func follow(
        _ resolved: ResolvedConfiguration<Task.Options>, _ directory: RunDirectory, _ processes: ProcessGroup
    ) throws {
        var run = try DurableRun<Task>(resolved, in: directory)
        run.processes = processes
        do {
            try run(resuming: resume, allowing: allowances)
        } catch let error as Interrupted {
            throw Resumable(
                reason: "stopped by \(error.signal)", kept: "rank 0 saves everything",
                command: continuation(in: directory))
        } catch let error as ProcessGroupError {
            throw resumable(error, in: directory)
        }
    }

    /// The loss of another process, with what is kept. Nothing is lost but what followed the last checkpoint.
    private func resumable(_ error: ProcessGroupError, in directory: RunDirectory) -> any Error {
        guard let step = savedStep(in: directory) else { return error }
        return Resumable(
            reason: "\(error)", kept: "everything is saved up to step \(step)",
            command: continuation(in: directory))
    }

    /// The step of the newest checkpoint; the run's document may not tell of it yet.
    private func savedStep(in directory: RunDirectory) -> Int? {
        (try? directory.checkpoints.list().map(\.step).max()) ?? nil
    }

    /// What is kept of a run that was stopped.
    private func kept(of document: RunDocument?) -> String {
        guard let document else { return "no step was made yet" }
        if document.phase.isFinal { return "the run had come to its end" }
        return document.savedStep.map { "everything is saved up to step \($0)" } ?? "nothing was saved yet"
    }

    private var allowances: ResumeAllowances {
        var allowances: ResumeAllowances = []
        if acceptDamage { allowances.insert(.damage) }
        if changeSchedule { allowances.insert(.changedSchedule) }
        return allowances
    }

    /// The folder of the last checkpoint whose losses are finite.
    private func kept(in directory: RunDirectory) -> String? {
        guard let step = try? directory.document().finiteStep else { return nil }
        return try? directory.checkpoints.list().first { $0.step == step }?.path
    }

    /// The configuration of a new run, or that of the run in the folder with what the command line sets anew.
    private func configuration(_ directory: RunDirectory) throws -> ResolvedConfiguration<Task.Options> {
        if !resume && (acceptDamage || changeSchedule) {
            throw UsageError(
                description:
                    "--accept-damage and --change-schedule are for runs that are resumed: add --resume")
        }
        guard resume else { return try arguments.resolved() }
        if try DurableStorage.kind(of: StudyStatus.file(in: directory.path), followingLinks: false) != nil {
            throw UsageError(
                description: "\(directory.path) holds a study, not a run: continue it with its own command")
        }
        guard try directory.hasConfiguration() else {
            guard arguments.isGiven else {
                throw StorageError(
                    .notFound, path: directory.path,
                    reason: "holds no run to resume, as it has no config.toml: "
                        + "check the path, or give the configuration of a new run too")
            }
            return try arguments.resolved()
        }
        if let name = (try? directory.document().taskName) ?? directory.configuredWords?.task,
            name != Task.name
        {
            throw UsageError(
                description: "\(directory.path) holds a run of \(name): "
                    + "\(EnvironmentSummary.programName) train \(name) --resume continues it")
        }
        let stored = try ConfigurationLayer(
            tomlFile: directory.configurationFile, followingLinks: false)
        let layers = try arguments.layers(after: [stored]) + [arguments.unsectioned]
        let before = try ResolvedConfiguration<Task.Options>([stored])
        let free = TrainingConfiguration.freeOptions.filter {
            !TrainingConfiguration.determinesCourse($0, in: before.tomlValues)
        }
        func requireEqual(_ key: String, _ old: String?, _ new: String?) throws(ConfigurationError) {
            if old == new { return }
            throw ConfigurationError(
                "\(key) cannot be changed in a run that is resumed: it is \(old ?? "not set"), not "
                    + "\(new ?? "unset") (\(free.joined(separator: ", ")) can)")
        }
        // The options of one rule are not those of another: the rule comes first.
        let rules = layers.flatMap(\.values).filter { $0.key == "optimizer.rule" }
        try requireEqual("optimizer.rule", before.value.optimizer.rule, rules.last?.pieces.joined())
        let after = try ResolvedConfiguration<Task.Options>(layers)
        let (old, new) = (before.tomlValues, after.tomlValues)
        for entry in after.entries where TrainingConfiguration.determinesCourse(entry.key, in: old) {
            try requireEqual(entry.key, old[entry.key], new[entry.key])
        }
        return after
    }

    private func outcome(of document: RunDocument, in directory: RunDirectory, and written: [String])
        -> String
    {
        let name = document.task.lossUnit
        let unit = ("aeiou".contains(name.prefix(1)) ? "an " : "a ") + name
        let loss = document.record.curve.last?.validationLoss ?? .nan
        let best = document.record.bestValidationLoss ?? .nan
        let bits = ComparisonSummary.bits(fromNats: best)
        let numbers = String(
            format: "validation loss %.4f nats \(unit), best %.4f (%.3f bits \(unit))", loss, best, bits)
        let ended = document.phase == .stoppedEarly ? ", stopped early" : ""
        let lines =
            [
                "step \(document.record.curve.last?.step ?? 0)\(ended): \(numbers)"
            ]
            + (document.record.measures ?? []).map(\.line)
            + [
                "checkpoints: \(directory.checkpoints.folder)", "report: \(directory.path)/report.html",
            ] + written
        let next = Task.afterwards(EnvironmentSummary.quoted(directory.path))
        return (lines + [next].compactMap { $0 }).joined(separator: "\n")
    }
}
