import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// `fisher hierarchy`: every level from the identity to the whole Fisher information, with numbers.
struct Hierarchy: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how near each optimizer comes to the natural gradient, and what it costs.",
        discussion: """
            On one small classifier of digits, at one point of its training: the angle between a rule's step and \
            the exact natural gradient's, what the step takes off the loss, its time and its memory. Every rule \
            first fills its averages from some batches, the weights being held still.
            """)

    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help: "An optimizer with options, as kfac:damping=1e-3; repeat it. By default one of each level.")
    var optimizers: [OptimizerSpecification] = []
    @Option(help: "Steps of AdamW before anything is compared.")
    var trainingSteps = 100
    @Option(help: "Batches from which the rules fill their averages.")
    var warmUpSteps = 10
    @Option(help: "Images in a batch.")
    var batch = 128
    @Option(help: "Damping of the exact natural gradient, and of every rule that has one.")
    var damping = 1e-3
    @Option(help: "The seed of weights and batches.")
    var seed: UInt64 = 0
    @Option(help: "Turns in which the steps are timed.")
    var turns = 7
    @Option(help: "Threads to compute with; by default 1, the fastest for a network this small.")
    var threads = 1
    @Flag(help: "Print the result as JSON instead of a table.")
    var json = false
    @Option(name: .shortAndLong, help: "The folder for results.csv, results.json and report.html.")
    var output = "runs/hierarchy"

    func validate() throws {
        let counts = [("batch", batch), ("turns", turns), ("threads", threads)]
        for (name, value) in counts where value < 1 {
            throw ValidationError("--\(name) must be at least 1, not \(value).")
        }
        guard trainingSteps >= 0, warmUpSteps >= 0 else {
            throw ValidationError("--training-steps and --warm-up-steps must be zero or more.")
        }
        guard damping > 0, damping.isFinite else {
            throw ValidationError("--damping must be more than zero, not \(damping).")
        }
    }

    func run() throws {
        Interruption.install()
        Engine.threadCount = threads
        let named =
            optimizers.isEmpty
            ? RuleRegistry.rules.map { OptimizerSpecification(name: $0.summary.name, settings: []) }
            : optimizers
        let candidates = try named.map { try $0.candidate(sharing: [("damping", "\(damping)")], clip: nil) }
        let (training, test) = try Digits.all.split(test: 0.25)
        let settings = [
            Setting("training", "\(trainingSteps) steps of AdamW"),
            Setting("averages", "filled from \(warmUpSteps) batches"), Setting("damping", "\(damping)"),
        ]
        let task = try DigitsTask(
            .perceptron, training: training, test: test, batch: batch, settings: settings)
        var study = HierarchyStudy(task)
        (study.seed, study.trainingSteps, study.warmUpSteps) = (seed, trainingSteps, warmUpSteps)
        (study.damping, study.turns) = (damping, turns)
        let levels = try study.levels(of: candidates) { done in
            if !json { say("\(done) of \(candidates.count): \(candidates[done - 1].label)") }
        }
        let result = HierarchyComparison(
            task: task.summary, environment: .current(command: CommandLine.arguments), levels: levels)
        let files = StudyFiles(folder: output)
        try files.writeWithReport(result)
        if json {
            FileHandle.standardOutput.write(result.json())
        } else {
            print("\n" + result.text())
            print("report: \(URL(filePath: files.report).path)")
        }
    }
}
