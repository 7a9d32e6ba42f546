import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining

/// `fisher ablate`: one subcommand per task.
struct Ablate: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract: "Train with one optimizer and several values of its options, and compare the results.",
            subcommands: TaskRegistry.tasks.map { $0.ablateCommand })
    }
}

extension ConfigurableTask {
    fileprivate static var ablateCommand: any ParsableCommand.Type { AblateTask<Self>.self }
}

/// `fisher ablate`, one task.
private struct AblateTask<Task: ConfigurableTask>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Task.name,
            abstract: "Compare values of one optimizer's options on \(Task.subject).",
            discussion: """
                fisher ablate \(Task.name) --optimizer fadam --option rho=0.5,0.4,0.6,0.7,1

                Several options give every combination. The first value is what the others are compared to.
                """)
    }

    @Option(help: "The optimizer, with options that stay as they are after a colon.")
    var optimizer: OptimizerSpecification
    @Option(
        name: .customLong("option"), parsing: .singleValue,
        help: "option=v1,v2,...: values to try; repeatable.")
    var axes: [GridArgument]
    @OptionGroup var arguments: ComparisonArguments<Task>

    func run() throws {
        let setup = try arguments.setup()
        let base = try setup.candidates([optimizer])[0]
        // Options have no dots: the part before one belongs to the name here.
        let grid = OptionGrid(axes.map { OptionGrid.Axis(option: $0.name, values: $0.values) })
        try requireBounded(grid)
        let candidates = try grid.combinations.map { settings in
            let name = settings.map { "\($0.name) \($0.value)" }.joined(separator: " + ")
            return try base.setting(settings, label: "\(base.label) + \(name)")
        }
        try ComparisonSetup<Task>.requireDistinct(candidates)
        let summary = try setup.run(
            TunedComparison(
                candidates.map { .init($0) }, runs: setup.runs, seeds: try arguments.seeds.numbers(5)),
            named: "ablate")
        if arguments.judgement.json { printJSON(summary.json()) }
    }
}
