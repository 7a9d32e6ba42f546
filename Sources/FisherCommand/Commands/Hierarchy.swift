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
            abstract: "Measure how close each optimizer's step is to the natural gradient, and its cost.",
            discussion: """
                On one small model, a classifier of digits unless another task is named, at one point of its \
                training: the angle between a rule's step and the exact natural gradient's, what the step takes off \
                the loss, its time and its memory. Every rule first fills its averages from some batches, the \
                weights being held still.
                """,
            subcommands: TaskRegistry.tasks.filter { $0.smallestPreset != nil }.map { $0.hierarchyCommand },
            defaultSubcommand: HierarchyTask<DigitsTask>.self)
    }
}

extension ConfigurableTask {
    fileprivate static var hierarchyCommand: any ParsableCommand.Type { HierarchyTask<Self>.self }
}

/// The options of data and model alone, starting from the smallest model.
private enum HierarchyUse: ConfigurationUse {
    static func hasFlag(_ option: String) -> Bool {
        !["optimizer.", "training.", "checkpoints.", "log."].contains { option.hasPrefix($0) }
    }

    static func preset<Task: ConfigurableTask>(of task: Task.Type) -> String? { task.smallestPreset }
}

/// `fisher hierarchy`, one task.
private struct HierarchyTask<Task: ConfigurableTask>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Task.name,
            abstract: "Measure how close each optimizer's step is to the natural gradient on \(Task.subject)."
        )
    }

    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help: "An optimizer with options, as kfac:damping=1e-3; repeat it. By default one of each level.")
    var optimizers: [OptimizerSpecification] = []
    @Option(help: "Steps of AdamW before anything is compared.")
    var trainingSteps = 100
    @Option(help: "Batches from which the rules fill their averages.")
    var warmUpSteps = 10
    @Option(help: "Damping of the exact natural gradient, and of every rule that has one.")
    var damping = 1e-3
    @Option(help: "The seed of weights and batches.")
    var seed: UInt64 = 0
    @Option(help: "Turns in which the steps are timed.")
    var turns = 7
    @OptionGroup var threads: ThreadArguments
    @Flag(help: "Print the result as JSON instead of a table.")
    var json = false
    @Option(name: .shortAndLong, help: "The folder for results.csv, results.json and report.html.")
    var output = "runs/hierarchy"
    @OptionGroup var configuration: ConfigurationArguments<Task, HierarchyUse>

    func validate() throws {
        try requirePositive(["turns": turns])
        guard trainingSteps >= 0, warmUpSteps >= 0 else {
            throw ValidationError("--training-steps and --warm-up-steps must be zero or more.")
        }
        guard damping > 0, damping.isFinite else {
            throw ValidationError("--damping must be more than zero, not \(damping).")
        }
    }

    func run() throws {
        Interruption.install()
        let folder = try StudyDirectory(
            path: output, resuming: false, advice: "choose another folder with --output, or remove it")
        defer { withExtendedLifetime(folder) {} }
        threads.apply(usual: 1)
        let named =
            optimizers.isEmpty
            ? RuleRegistry.rules.map { OptimizerSpecification(name: $0.summary.name, settings: []) }
            : optimizers
        let candidates = try named.map { try $0.candidate(sharing: [("damping", "\(damping)")], clip: nil) }
        let task = try Task(try configuration.resolved().value.task)
        var summary = task.summary
        summary.settings += [
            Setting("training", "\(trainingSteps) steps of AdamW"),
            Setting("averages", "filled from \(warmUpSteps) batches"), Setting("damping", "\(damping)"),
        ]
        var study = HierarchyStudy(task)
        (study.seed, study.trainingSteps, study.warmUpSteps) = (seed, trainingSteps, warmUpSteps)
        (study.damping, study.turns) = (damping, turns)
        let levels = try study.levels(of: candidates) { done in
            if !json { say("\(done) of \(candidates.count): \(candidates[done - 1].label)") }
        }
        let result = HierarchyComparison(
            task: summary, environment: .current(), levels: levels)
        let files = folder.files
        try files.writeWithReport(result)
        if json {
            print(String(decoding: result.json(), as: UTF8.self), terminator: "")
        } else {
            print("\n" + result.text())
            print("report: \(URL(filePath: files.report).path)")
        }
    }
}
