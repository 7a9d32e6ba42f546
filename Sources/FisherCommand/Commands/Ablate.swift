import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining

/// `fisher ablate`: one subcommand per task.
struct Ablate: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "ablate",
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
    var optimizer: OptimizerSpecification?
    @Option(
        name: .customLong("option"), parsing: .singleValue,
        help: "option=v1,v2,...: values to try; repeatable.")
    var axes: [GridArgument] = []
    @OptionGroup var arguments: ComparisonArguments<Task>

    func run() throws {
        let values = [
            ("comparison.optimizers", [optimizer].compactMap { $0?.text }),
            ("comparison.options", axes.map(\.text)),
        ].filter { !$0.1.isEmpty }
        let setup = try arguments.setup(.ablation, own: values.map { (key: $0.0, pieces: $0.1) })
        if setup.isBare, arguments.resume, let output = arguments.output {
            try Invocation.requireSomething(toResumeIn: output, true)
        }
        let named = try setup.specifications()
        guard named.count == 1 else {
            throw UsageError(
                description: named.isEmpty
                    ? "no optimizer is named: --optimizer NAME"
                    : "an ablation is of one optimizer, not \(named.count)")
        }
        // Options have no dots: the part before one belongs to the name here.
        let grid = OptionGrid(
            try setup.grids(setup.options.axes, of: "options").map {
                OptionGrid.Axis(option: $0.name, values: $0.values)
            })
        guard !grid.axes.isEmpty else {
            throw UsageError(description: "no values are to be tried: --option option=v1,v2")
        }
        if arguments.printConfig { return print(setup.resolved.explained, terminator: "") }
        let base = try setup.candidates(named)[0]
        try requireBounded(grid)
        let candidates = try grid.combinations.map { settings in
            let name = settings.map { "\($0.name) \($0.value)" }.joined(separator: " + ")
            return try base.setting(settings, label: "\(base.label) + \(name)")
        }
        try ComparisonSetup<Task>.requireDistinct(candidates)
        let comparison = TunedComparison(
            candidates.map { .init($0) }, runs: setup.runs, seeds: try setup.seeds())
        if arguments.dryRun { return try setup.dryRun(comparison) }
        try ComparisonSetup.sharing([(setup, nil)]) { shared in
            let summary = try setup.run(comparison, with: shared)
            if arguments.judgement.json { printJSON(summary.json()) }
        }
    }
}
