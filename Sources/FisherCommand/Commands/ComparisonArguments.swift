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
    @OptionGroup var judgement: JudgementArguments
    @Flag(help: "Resume runs although checkpoints that were saved, or part of metrics.jsonl, are gone.")
    var acceptDamage = false
    @Option(
        name: .shortAndLong,
        help: """
            The folder for results.csv, results.json, report.html and the runs. Each run keeps its last and its best \
            checkpoint, each as large as weights and optimizer state together.
            """)
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

/// A comparison on a task, ready to be run: it writes its files and shows its results.
struct ComparisonSetup<Task: ConfigurableTask> {
    let arguments: ComparisonArguments<Task>
    let configuration: RunConfiguration<Task.Options>
    let learningRate: Schedule

    /// The length, checkpoints and logs of each run.
    var runs: StudyRuns {
        var runs = StudyRuns(configuration)
        if arguments.acceptDamage { runs.allowances = .damage }
        return runs
    }

    /// The same on other data or with another model.
    func with(_ options: Task.Options) throws -> ComparisonSetup {
        var changed = configuration
        changed.task = options
        return ComparisonSetup(arguments: arguments, configuration: changed, learningRate: learningRate)
    }

    /// The optimizers as they are named, with what all of them share.
    ///
    /// Throws for a shared option that none of them has.
    func candidates(_ specifications: [OptimizerSpecification]) throws -> [OptimizerCandidate] {
        let settings = arguments.configuration.ruleSettings
        guard !arguments.configuration.values.contains(where: { $0.key == "optimizer.rule" }) else {
            throw UsageError(
                description:
                    "--set optimizer.rule: the optimizers are named by --optimizer NAME, repeated for several"
            )
        }
        let shared =
            [("learning_rate", "\(learningRate)")]
            + configuration.optimizer.ruleSettings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
            + settings.map { ($0.name, $0.value) }
        let candidates = try specifications.map {
            try $0.candidate(
                sharing: shared, clip: configuration.optimizer.clipGradientNorm,
                fisherClip: configuration.optimizer.clipFisherNorm)
        }
        for setting in settings where !candidates.contains(where: { $0.rule.hasOption(named: setting.name) })
        {
            let keys = RunConfiguration<Task.Options>.options.map(\.name).filter {
                $0.hasSuffix(".\(setting.name)")
            }
            let names = keys + candidates.flatMap { $0.rule.options.map(\.name) }
            let hint = keys.first ?? nearestName(to: setting.name, among: names)
            throw UsageError(
                description: "--set \(setting.name): none of the optimizers has this option"
                    + (hint.map { "; did you mean \($0)?" } ?? ""))
        }
        try Self.requireDistinct(candidates)
        return candidates
    }

    /// Throws for an optimizer that is named twice: its runs would be the same.
    static func requireDistinct(_ candidates: [OptimizerCandidate]) throws {
        var labels = Set<String>()
        for candidate in candidates where !labels.insert(candidate.label).inserted {
            throw UsageError(description: "\(candidate.label) is named twice: name each optimizer once")
        }
    }

    /// Makes the comparison; without `--output` it is kept in a folder that is named after the command and the task.
    ///
    /// - Parameters:
    ///   - comparison: what is trained.
    ///   - command: the command's name.
    ///   - pilot: what is to be read from the runs of a pilot; nil for a comparison.
    ///   - part: the folder's name below that of the command, where it makes several comparisons.
    func run(
        _ comparison: TunedComparison, named command: String, pilot: PilotPlan? = nil, part: String? = nil
    ) throws -> ComparisonSummary {
        if let shared = comparison.sharedSeeds.first {
            throw UsageError(
                description: "seed \(shared) is one of those that tune: choose another --first-seed")
        }
        Interruption.install()
        if configuration.training.threads > 0 { Engine.threadCount = configuration.training.threads }
        // A folder that cannot be used is reported before data are read, unless it is named after them.
        func place(_ path: String) -> String { path + (part.map { "/" + $0 } ?? "") }
        let named = try arguments.output.map {
            try StudyDirectory(path: place($0), resuming: arguments.resume)
        }
        let task = try Task.make(configuration)
        var summary = task.summary
        summary.settings += sharedForReaders
        let name = task.summary.name.split { !$0.isLetter && !$0.isNumber }.joined(separator: "-")
        let folder =
            try named
            ?? StudyDirectory(path: place("runs/\(command)-\(name)"), resuming: arguments.resume)
        defer { withExtendedLifetime(folder) {} }
        let files = folder.files
        var result = OptimizerComparison(task: summary, environment: .current(), entries: [])
        if arguments.resume { result = try continued(result, files) }
        if result.entries.contains(where: { !$0.runs.isEmpty }), (result.plan?.pilot == nil) != (pilot == nil)
        {
            let kind = pilot == nil ? "a pilot, whose seeds no comparison takes" : "a comparison, not a pilot"
            throw UsageError(description: "\(files.json) is of \(kind): choose another --output")
        }
        var plan = arguments.judgement.plan(result.plan)
        plan.pilot = pilot
        result.plan = plan
        say(summary.description)
        let progress = ProgressDisplay(runCount: comparison.runCount)
        do {
            result = try comparison(
                on: task, tuningOn: { try task.tuningTask() }, in: folder, into: result, progress: progress
            ) { try files.writeWithReport($0) }
            progress.finish()
        } catch let error as Interrupted {
            progress.finish()
            throw Resumable(signal: error.signal, command: "the same command with --resume")
        }
        try files.writeWithReport(result)
        let judged = ComparisonSummary(of: result)
        if !arguments.judgement.json { show(judged, files) }
        let runs = result.entries.flatMap(\.runs)
        if let first = runs.first, runs.allSatisfy({ $0.completedLoss == nil }) {
            throw AllDiverged(reason: "\(first.status)")
        }
        return judged
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

    private func show(_ summary: ComparisonSummary, _ files: StudyFiles) {
        let screen = ProgressOutput.standardOutput()
        if !summary.tuning.isEmpty { print("\n" + summary.tuningText) }
        print(
            "\n" + summary.text(width: screen.isTerminal ? screen.width() : nil, usesColor: screen.usesColor))
        print("report: \(URL(filePath: files.report).path)")
    }
}

/// Prints JSON as it is.
func printJSON(_ data: Data) { print(String(decoding: data, as: UTF8.self), terminator: "") }
