import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher hierarchy`: every level from the identity to the whole Fisher information, with numbers.
struct Hierarchy: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "hierarchy",
            abstract:
                "Measure how close each optimizer's direction is to the natural gradient, and its cost.",
            discussion: """
                On a small model, a classifier of digits unless another task is named, after some steps of several \
                trainings: the angle between a rule's direction and the exact natural gradient's in the metric of the \
                Fisher information, and what a step of a given divergence in that direction takes off the loss, on \
                the samples it was made from and on held-out ones.

                All levels have the same gradient, the mean over an estimation set of some mini-batches, and one exact \
                damping; momentum, decay and clips are off. The same measurements over a range of dampings are \
                curves. The cost is timed in turns of all levels and gradient descent, and over a range of sizes.

                Where the whole matrix does not fit, the reference is solved by conjugate gradients, with a stated \
                residual: fisher hierarchy language. Where a likelihood's information has no closed form, it is made of \
                --samples draws of the model's own labels, and rules that need the closed form are left out.
                """,
            subcommands: TaskRegistry.tasks.map { $0.hierarchyCommand },
            defaultSubcommand: HierarchyTask<DigitsTask>.self)
    }
}

extension ConfigurableTask {
    fileprivate static var hierarchyCommand: any ParsableCommand.Type { HierarchyTask<Self>.self }
}

/// The options of data and model alone, starting from the smallest model.
enum HierarchyUse: ConfigurationUse {
    /// What only trainings have.
    static let sectionsOfRuns = ["optimizer.", "training.", "checkpoints.", "log."]

    static func hasFlag(_ option: String) -> Bool { !sectionsOfRuns.contains { option.hasPrefix($0) } }

    static func preset<Task: ConfigurableTask>(of task: Task.Type) -> String? {
        task.smallestPreset ?? task.presets.first?.name
    }
}

/// `fisher hierarchy`, one task.
private struct HierarchyTask<Task: ConfigurableTask>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Task.name,
            abstract:
                "Measure how close each optimizer's direction is to the natural gradient on \(Task.subject)."
        )
    }

    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help:
            "An optimizer with options, as kfac:damping_style=factored; repeat it. By default one of each level."
    )
    var optimizers: [OptimizerSpecification] = []
    @Option(help: "Steps of AdamW before the levels are compared, with commas between several.")
    var trainingSteps = CountList([10, 100, 400])
    @Option(
        help: "Mini-batches from which averages and the exact information are; the last gives the gradient.")
    var batches = 1
    @Option(help: "The damping of the ladder, the same for every level.")
    var damping = 1e-3
    @Option(help: "The dampings of the curves, with commas between them.")
    var dampings = PositiveList([1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1])
    @Option(help: "The divergence, in nats per observation, to which every step is scaled.")
    var divergence = 0.01
    @Option(
        help: ArgumentHelp(
            "Draws of labels a unit for the information of the reference, an even number; 0: its closed form. By default the "
                + "closed form where there is one, else \(HierarchyStudy<Task>.usualDraws.dense) draws, "
                + "\(HierarchyStudy<Task>.usualDraws.products) where the matrix does not fit."))
    var samples: Int?
    @OptionGroup var seeds: SeedArguments
    @Option(help: "Turns in which the steps are timed.")
    var turns = 7
    @Flag(inversion: .prefixedNo, help: "Measure time and memory over a range of sizes.")
    var sizes = true
    @Flag(help: "One seed, two points of training, three dampings, and no range of sizes: seconds.")
    var quick = false
    @OptionGroup var threads: ThreadArguments
    @OptionGroup var figures: FigureArguments
    @Flag(help: "Print the result as JSON instead of a table.")
    var json = false
    @Flag(help: "Continue the same study, where none is begin it: points that are finished are not repeated.")
    var resume = false
    @Option(name: .shortAndLong, help: "The folder for results.csv, results.json and report.html.")
    var output = "runs/hierarchy"
    @OptionGroup(title: "Names") var marks: MarkArguments
    @OptionGroup var configuration: ConfigurationArguments<Task, HierarchyUse>

    func validate() throws {
        try requirePositive(["turns": turns, "batches": batches])
        for (name, value) in [("damping", damping), ("divergence", divergence)] {
            guard value > 0, value.isFinite else {
                throw ValidationError("--\(name) must be more than zero, not \(value).")
            }
        }
        guard (0...10_000).contains(samples ?? 0), (samples ?? 0).isMultiple(of: 2) else {
            throw ValidationError("--samples must be an even number of at most 10000, not \(samples ?? 0).")
        }
        guard batches <= 100_000 else {
            throw ValidationError("--batches must be at most 100000, not \(batches).")
        }
    }

    func run() throws {
        Interruption.install()
        try figures.check(names: HierarchyComparison.figureNames)
        threads.apply(usual: 1)
        try requireNothingOfRuns()
        let options = try configuration.resolved().value.task
        if resume {
            try Invocation.requireSomething(
                toResumeIn: output, !configuration.isGiven && Invocation.onlyResumes())
        }
        let folder = try StudyDirectory(
            path: output, kind: .hierarchy, resuming: resume,
            advice: "continue with --resume, choose another folder with --output, or remove it")
        defer { withExtendedLifetime(folder) {} }
        let files = folder.files
        let task = try Task(options)
        let study = HierarchyStudy(task, try HierarchyStudy<Task>.fitting(settings, to: task))
        let (candidates, omitted) = try study.measurable(try self.candidates(study.settings))
        var result = HierarchyComparison(
            task: task.summary, environment: .current(), settings: study.settings,
            levels: candidates.map(\.level), omitted: omitted)
        if resume, files.hasResult {
            let old = try files.read(HierarchyComparison.self)
            guard old.continues(result) else {
                throw UsageError(
                    description:
                        "\(output) holds a hierarchy of other levels or settings: choose another --output")
            }
            result = old
        }
        let seeds = try seeds.numbers(quick ? 1 : 5)
        let progress = ProgressDisplay(runCount: seeds.count + 1)
        let title = try marks.apply(to: folder.path).title
        let status = StudyStatus(
            .hierarchy, of: result.task, by: .current(),
            planned: seeds.count * study.settings.trainingSteps.count)
        do {
            try status.recorded(in: folder.path) {
                defer { progress.finish() }
                do {
                    for seed in seeds {
                        try measure(seed, study, candidates, into: &result, files, progress)
                    }
                    try measureCosts(candidates, on: task, seed: seeds[0], into: &result, progress)
                } catch let error as Interrupted {
                    try files.writeWithReport(result, title: title)
                    throw error
                }
                try files.writeWithReport(result, title: title)
            }
        } catch let error as Interrupted {
            throw Resumable(
                reason: "stopped by \(error.signal)",
                kept: result.points.isEmpty
                    ? "no point was measured yet" : "the points that were measured are saved",
                command: Invocation.repeated(with: "--resume"))
        }
        if json {
            print(String(decoding: result.json(), as: UTF8.self), terminator: "")
        } else {
            print("\n" + shown(result))
            print("report: \(URL(filePath: files.report).path)")
        }
        try figures.write(result, quietly: json)
    }

    /// Throws for a value that only trainings have: here it would have no effect. A file may be that of a run.
    private func requireNothingOfRuns() throws {
        let known = RunConfiguration<Task.Options>.options.map(\.name)
        let keys: [String] = configuration.values.map { $0.key }
        func hasNoEffect(_ key: String) -> Bool {
            if key.hasPrefix("optimizer.") { return true }
            return known.contains(key) && !HierarchyUse.hasFlag(key)
        }
        guard let key = keys.first(where: hasNoEffect) else { return }
        throw UsageError(
            description:
                "\(key) has no effect on a hierarchy, whose training before is AdamW's: the options of a rule stand behind its "
                + "name, as in --optimizer kfac:damping_style=factored")
    }

    private var settings: HierarchySettings {
        var settings = HierarchySettings()
        settings.damping = damping
        settings.dampings =
            quick && dampings == .init([1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]) ? [1e-4, 1e-2] : dampings.values
        settings.divergence = divergence
        settings.trainingSteps =
            quick && trainingSteps == .init([10, 100, 400]) ? [10, 100] : trainingSteps.values
        settings.batchCount = batches
        settings.draws = samples
        return settings
    }

    private func candidates(_ settings: HierarchySettings) throws -> [HierarchyCandidate] {
        if optimizers.isEmpty { return try HierarchyCandidate.usual(settings) }
        var named = Set<String>()
        for optimizer in optimizers where !named.insert(optimizer.text).inserted {
            throw UsageError(description: "\(optimizer.text) is named twice: name each optimizer once")
        }
        return try optimizers.map { try HierarchyCandidate($0.name, $0.settings, in: settings) }
    }

    /// Measures the points of a seed that are not there yet; each is written once it is complete.
    private func measure(
        _ seed: UInt64, _ study: HierarchyStudy<Task>, _ candidates: [HierarchyCandidate],
        into result: inout HierarchyComparison, _ files: StudyFiles, _ progress: ProgressDisplay
    ) throws {
        let known = Set(result.points.filter { $0.seed == seed }.map(\.step))
        let steps = study.settings.trainingSteps.filter { !known.contains($0) }
        progress.begin("seed \(seed)", totalSteps: steps.count * candidates.count)
        var finished = 0
        try study.points(seed: seed, of: candidates, where: steps.contains) { done, _ in
            progress.update(step: finished + done)
        } _: { point in
            finished += candidates.count
            result.points.append(point)
            try files.write(result)
        }
        progress.endRun(
            steps.isEmpty ? "finished before" : "\(steps.count) point\(steps.count == 1 ? "" : "s")")
    }

    private func measureCosts(
        _ candidates: [HierarchyCandidate], on task: Task, seed: UInt64,
        into result: inout HierarchyComparison,
        _ progress: ProgressDisplay
    ) throws {
        var costs = LevelCosts()
        (costs.turns, costs.measuresSizes) = (turns, sizes && !quick)
        if result.levels.allSatisfy({ $0.cost != nil }) { return }
        progress.begin("costs", totalSteps: 100)
        let found = try costs.costs(of: candidates, on: task, seed: seed) { share in
            progress.update(step: Int(100 * share))
        }
        for (number, cost) in found.costs.enumerated() { result.levels[number].cost = cost }
        result.load = found.load
        progress.endRun(candidates.count == 1 ? "one level" : "\(candidates.count) levels")
    }
}

/// Numbers of steps with commas between them.
private struct CountList: DescribedArgument, Equatable {
    let values: [Int]

    init(_ values: [Int]) { self.values = values }

    init?(argument: String) {
        let pieces = argument.split(separator: ",", omittingEmptySubsequences: false)
        values = pieces.compactMap { Int($0) }.filter { (0...1_000_000_000).contains($0) }
        if values.count != pieces.count { return nil }
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        "is not whole numbers of zero or more with commas between them, such as 10,100,400"
    }

    var defaultValueDescription: String { values.map { "\($0)" }.joined(separator: ",") }
}

/// Numbers above zero with commas between them.
private struct PositiveList: DescribedArgument, Equatable {
    let values: [Double]

    init(_ values: [Double]) { self.values = values }

    init?(argument: String) {
        let pieces = argument.split(separator: ",", omittingEmptySubsequences: false)
        values = pieces.compactMap { Double($0) }.filter { $0 > 0 && $0.isFinite }
        if values.count != pieces.count { return nil }
    }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        "is not numbers above zero with commas between them, such as 1e-4,1e-2"
    }

    var defaultValueDescription: String { values.map { String(format: "%g", $0) }.joined(separator: ",") }
}
