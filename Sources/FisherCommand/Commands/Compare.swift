import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining

/// `fisher compare`: one subcommand per task.
struct Compare: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            abstract:
                "Train the same model on the same batches with several optimizers, and compare the results.",
            subcommands: TaskRegistry.tasks.map { $0.compareCommand })
    }
}

extension ConfigurableTask {
    fileprivate static var compareCommand: any ParsableCommand.Type { CompareTask<Self>.self }
}

/// `fisher compare`, one task.
private struct CompareTask<Task: ConfigurableTask>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Task.name,
            abstract: "Compare optimizers on \(Task.subject).",
            discussion: """
                Every optimizer gets the same first weights and the same batches for each seed. \(Task.remark)

                An optimizer is named with its own options after a colon: \
                --optimizer adamw --optimizer adamw:clip_gradient_norm=1 --optimizer fadam:rho=0.6

                Options are tuned before on a split of the training data, every optimizer with as many trials: \
                --learning-rates adamw=1e-3,2e-3 --learning-rates fadam=2e-3,4e-3 --tune all.beta2=0.99,0.999

                Every run is a folder like those of fisher train: OUTPUT/runs/OPTIMIZER/seed-N, and \
                OUTPUT/tuning/OPTIMIZER/VALUES/seed-N for trials. A comparison that was stopped or killed goes on with \
                --resume from the last checkpoints.
                """)
    }

    @Option(
        name: .customLong("optimizer"), parsing: .singleValue, help: "An optimizer to compare; repeat it.")
    var optimizers: [OptimizerSpecification] = []
    @OptionGroup var arguments: ComparisonArguments<Task>
    @Option(
        parsing: .singleValue,
        help: "NAME=v1,v2,...: learning rates to tune one rule with, or all; repeatable.")
    var learningRates: [GridArgument] = []
    @Option(
        parsing: .singleValue, help: "NAME.option=v1,v2,...: the same for any option; repeatable.")
    var tune: [GridArgument] = []
    @Option(help: "Seeds of each tuning trial.")
    var tuningSeeds = 1
    @Flag(help: "Allow optimizers to be tuned with different numbers of trials.")
    var unequalBudgets = false
    @Option(
        name: .customLong("protocol"),
        help: "own: each optimizer's own options; drop-in: the first one's; both side by side.")
    var hyperparameters = HyperparameterPolicy.own

    func validate() throws {
        guard (1...SeedArguments.most).contains(tuningSeeds) else {
            throw ValidationError(
                "--tuning-seeds must lie between 1 and \(SeedArguments.most), not \(tuningSeeds).")
        }
        if let wrong = tune.first(where: { $0.option == nil }) {
            throw ValidationError("--tune \(wrong.name) names no option: NAME.option=v1,v2,...")
        }
        if let wrong = learningRates.first(where: { $0.option != nil }) {
            throw ValidationError(
                "--learning-rates takes NAME=v1,v2,..., not \(wrong.name).\(wrong.option ?? "").")
        }
    }

    func run() throws {
        let named =
            optimizers.isEmpty
            ? ["adamw", "adamw:clip_gradient_norm=1", "fadam", "fadafactor"].compactMap(
                OptimizerSpecification.init(argument:))
            : optimizers
        let setup = try arguments.setup()
        let candidates = try setup.candidates(named)
        for argument in learningRates + tune where argument.name != "all" {
            guard candidates.contains(where: { type(of: $0.rule).summary.name == argument.name }) else {
                throw UsageError(description: "no optimizer of the comparison is \(argument.name)")
            }
        }
        let comparison = TunedComparison(
            try candidates.map { .init($0, grid: try grid($0)) }, policy: hyperparameters,
            runs: setup.runs, seeds: try arguments.seeds.numbers(5), tuningSeeds: tuningSeeds)
        try requireEqualBudgets(comparison)
        try setup.run(comparison, named: "compare")
    }

    /// The grid of one candidate: arguments that name its rule, or all.
    private func grid(_ candidate: OptimizerCandidate) throws -> OptionGrid {
        let rule = type(of: candidate.rule).summary.name
        let axes = (learningRates + tune).filter { $0.name == rule || $0.name == "all" }.compactMap {
            argument -> OptionGrid.Axis? in
            let option = argument.option ?? "learning_rate"
            if argument.name == "all", !candidate.hasOption(option) { return nil }
            return OptionGrid.Axis(option: option, values: argument.values)
        }
        let grid = OptionGrid(axes)
        try requireBounded(grid)
        // An invalid value should be reported before its trial.
        for settings in grid.combinations { _ = try candidate.setting(settings) }
        return grid
    }

    private func requireEqualBudgets(_ comparison: TunedComparison) throws {
        let budgets = comparison.budgets
        guard !unequalBudgets, Set(budgets.map(\.trials)).count > 1 else { return }
        let list = budgets.map { "\($0.label) \($0.trials)" }.joined(separator: ", ")
        throw UsageError(
            description:
                "tuning needs equal budgets, but the trials are: \(list) (--unequal-budgets allows it)")
    }
}

extension HyperparameterPolicy: ExpressibleByArgument {}
