import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining
import Foundation

/// `fisher compare language`.
struct CompareLanguage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "language",
        abstract: "Compare optimizers on a byte-level GPT.",
        discussion: """
            Every optimizer gets the same first weights and the same batches for each seed. Without --text the \
            text is the C++ headers of the libtorch that this program runs on.

            An optimizer is named with its own options after a colon: \
            --optimizer adamw --optimizer adamw:clip_gradient_norm=1 --optimizer fadam:rho=0.6
            """)

    @Option(
        name: .customLong("optimizer"), parsing: .singleValue, help: "An optimizer to compare; repeat it.")
    var optimizers: [OptimizerSpecification] = []
    @Option(parsing: .upToNextOption, help: "Files or folders to train on.")
    var text: [String] = []
    @Option(help: "The model: tiny, small or base.")
    var size: LanguageTask.Size = .tiny
    @Option(help: "Steps of a run.")
    var steps = 400
    @Option(help: "Windows in a batch.")
    var batch = 8
    @Option(help: "Bytes in a window; by default the model's own context.")
    var context: Int?
    @Option(help: "The number of seeds.")
    var seeds = 2
    @Option(help: "The first seed.")
    var firstSeed: UInt64 = 0
    @Option(help: "The largest learning rate, the same for all.")
    var learningRate = 2e-3
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
    @Option(help: "The folder for results.csv, results.json and report.html.")
    var output = "runs/compare-language"

    enum Course: String, CaseIterable, ExpressibleByArgument {
        case constant, cosine
    }

    func validate() throws {
        let counts = [
            ("steps", steps), ("batch", batch), ("seeds", seeds), ("micro-batches", microBatches),
            ("evaluate-every", evaluateEvery ?? 1), ("threads", threads ?? 1), ("context", context ?? 1),
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

    func run() throws {
        if let threads { Engine.threadCount = threads }
        let candidates = try candidates()
        let task = try LanguageTask(
            configuration, corpus: Corpus.text(at: text), batch: batch, settings: sharedForReaders)
        let files = ComparisonFiles(folder: output)
        let length = RunLength(
            steps: steps, evaluateEvery: evaluateEvery ?? max(1, steps / 10), microBatches: microBatches)
        let runner = ComparisonRunner(
            task, length: length, environment: .current(command: CommandLine.arguments))
        say(task.summary.description)
        let progress = ProgressDisplay(runCount: candidates.count * seeds)
        let result = try runner(
            candidates, seeds: (0..<UInt64(seeds)).map { firstSeed &+ $0 }, progress: progress
        ) { partial in
            try files.write(partial)
        }
        let screen = ProgressOutput.standardOutput()
        let summary = ComparisonSummary(of: result)
        print(
            "\n" + summary.text(width: screen.isTerminal ? screen.width() : nil, usesColor: screen.usesColor))
        print("\nreport: \(URL(filePath: files.report).path)")
    }

    private var configuration: GPT.Configuration {
        var configuration = size.configuration
        if let context { configuration.context = context }
        return configuration
    }

    private func candidates() throws -> [OptimizerCandidate] {
        let named =
            optimizers.isEmpty
            ? ["adamw", "adamw:clip_gradient_norm=1", "fadam", "fadafactor"].compactMap(
                OptimizerSpecification.init(argument:))
            : optimizers
        let shared = [("learning_rate", "\(learningRateCourse)")] + settings.map { ($0.name, $0.value) }
        let candidates = try named.map { try $0.candidate(sharing: shared, clip: clipGradientNorm) }
        for setting in settings where !candidates.contains(where: { $0.rule.hasOption(setting.name) }) {
            throw UsageError(description: "--set \(setting.name): none of the optimizers has this option")
        }
        return candidates
    }

    private var learningRateCourse: Schedule {
        switch schedule {
        case .cosine: .cosine(learningRate, steps: steps, warmUp: warmUp)
        case .constant: warmUp > 0 ? .linearWarmUp(learningRate, warmUp: warmUp) : .constant(learningRate)
        }
    }

    private var sharedForReaders: [Setting] {
        [
            Setting("steps", "\(steps)"), Setting("learning rate", "\(learningRateCourse)"),
            Setting("warm-up", warmUp == 0 ? "none" : "\(warmUp) steps"),
            Setting("gradient clipping", clipGradientNorm.map { "\($0)" } ?? "none, unless named"),
        ]
    }
}

extension LanguageTask.Size: ExpressibleByArgument {}
