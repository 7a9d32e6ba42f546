import ArgumentParser
import Fisher
import FisherReports
import FisherTraining
import Foundation

/// What `compare` and `ablate` have in common: the task, the length, the files.
struct ComparisonArguments<Own: ComparedTask>: ParsableArguments {
    @OptionGroup var own: Own
    @Option(help: "Steps of a run.")
    var steps = Own.defaults.steps
    @Option(help: "The number of \(Own.defaults.examples) in a batch.")
    var batch = Own.defaults.batch
    @Option(help: "The number of seeds.")
    var seeds = 5
    @Option(help: "The first seed.")
    var firstSeed: UInt64 = 0
    @Option(help: "The largest learning rate, the same for all.")
    var learningRate = Own.defaults.learningRate
    @Option(help: "Its course: constant or cosine.")
    var schedule: Course = .cosine
    @Option(help: "Steps of linear warm-up.")
    var warmUp = 0
    @Option(help: "Clip the norm of the whole gradient, for all.")
    var clipGradientNorm: Double?
    @Option(name: .customLong("set"), parsing: .singleValue, help: "option=value for every rule that has it.")
    var settings: [SettingArgument] = []
    @Option(help: "Cut each batch into so many slices to save memory.")
    var microBatches = 1
    @Option(help: "Validate every so many steps; by default 10 times a run.")
    var evaluateEvery: Int?
    @Option(help: "Threads to compute with; by default libtorch's choice.")
    var threads: Int?
    @Flag(help: "Keep the runs that an earlier, interrupted start of the same comparison finished.")
    var resume = false
    @Option(name: .shortAndLong, help: "The folder for results.csv, results.json and report.html.")
    var output: String?

    func validate() throws {
        let counts = [
            ("steps", steps), ("batch", batch), ("seeds", seeds), ("micro-batches", microBatches),
            ("evaluate-every", evaluateEvery ?? 1), ("threads", threads ?? 1),
        ]
        for (name, value) in counts where value < 1 {
            throw ValidationError("--\(name) must be at least 1, not \(value).")
        }
        guard (0...steps).contains(warmUp) else {
            throw ValidationError("--warm-up must lie between 0 and --steps, not \(warmUp).")
        }
        guard microBatches <= batch else {
            throw ValidationError("--micro-batches \(microBatches) is more than --batch \(batch).")
        }
    }

    /// What every rule takes that has it.
    var shared: [(name: String, value: String)] {
        [("learning_rate", "\(learningRateCourse)")] + settings.map { ($0.name, $0.value) }
    }

    /// Throws a shared option that none of the optimizers has.
    func requireUse(of candidates: [OptimizerCandidate]) throws {
        for setting in settings where !candidates.contains(where: { $0.rule.hasOption(setting.name) }) {
            throw UsageError(description: "--set \(setting.name): none of the optimizers has this option")
        }
    }

    func task(on source: Own.Source) throws -> Own.Task {
        try own.task(on: source, batch: batch, settings: sharedForReaders)
    }

    var length: RunLength {
        RunLength(
            steps: steps, evaluateEvery: evaluateEvery ?? max(1, steps / 10), microBatches: microBatches)
    }

    var seedNumbers: [UInt64] { (0..<UInt64(seeds)).map { firstSeed &+ $0 } }

    private var learningRateCourse: Schedule {
        switch schedule {
        case .cosine: .cosine(learningRate, steps: steps, warmUp: warmUp)
        case .constant: warmUp > 0 ? .linearWarmUp(learningRate, warmUp: warmUp) : .constant(learningRate)
        }
    }

    private var sharedForReaders: [Setting] {
        [
            Setting("steps", "\(steps)"),
            Setting("learning rate", "\(learningRateCourse), unless tuned or named"),
            Setting("warm-up", warmUp == 0 ? "none" : "\(warmUp) steps"),
            Setting("gradient clipping", clipGradientNorm.map { "\($0)" } ?? "none, unless named"),
        ]
    }
}

/// The course of the learning rate that all optimizers of a comparison share.
enum Course: String, CaseIterable, ExpressibleByArgument {
    case constant, cosine
}

/// Runs a comparison on a task, keeps its files and shows what came of it.
struct TaskComparison<Own: ComparedTask> {
    let arguments: ComparisonArguments<Own>
    let folder: String
    let comparison: TunedComparison

    func run() throws {
        Interruption.install()
        if let threads = arguments.threads { Engine.threadCount = threads }
        let source = try arguments.own.source()
        let task = try arguments.task(on: source)
        let files = StudyFiles(folder: folder)
        var result = OptimizerComparison(
            task: task.summary, environment: .current(command: CommandLine.arguments), entries: [])
        if arguments.resume { result = try continued(result, files) }
        say(task.summary.description)
        let progress = ProgressDisplay(runCount: comparison.runCount)
        do {
            result = try comparison(
                on: task, tuningOn: { try arguments.task(on: try arguments.own.tuningSplit(of: source)) },
                into: result, progress: progress
            ) { try files.writeWithReport($0) }
            progress.finish()
        } catch let error as Interrupted {
            progress.finish()
            throw Resumable(signal: error.signal, command: "the same command with --resume")
        }
        show(result, files)
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

extension HyperparameterPolicy: ExpressibleByArgument {}
