import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining
import Foundation

/// `fisher compare`: one subcommand per task.
struct Compare: ParsableCommand {
    /// The optimizers of a comparison that names none: AdamW with gradient clipping is the baseline.
    static let usualOptimizers = ["adamw:clip_gradient_norm=1", "adamw", "fadam", "fadafactor"]

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

                Options are tuned before on a split of the training data and seeds of their own, every optimizer with as many \
                trials: --learning-rates adamw=1e-3,2e-3 --learning-rates fadam=2e-3,4e-3 --tune all.beta2=0.99,0.999. A grid \
                whose best value lies at its edge grows on that side by the ratio of its last values, --extensions times at \
                most; what is then still at the edge is said in the first line.

                The first optimizer is the baseline. From three seeds on, the differences to it have 95 % intervals that hold \
                together; fewer seeds are shown as points. --pilot 8 runs the baseline from 8 seeds of their own and prints how \
                many seeds a difference needs; --pilot-all runs all.

                Every run is a folder like those of fisher train: OUTPUT/runs/OPTIMIZER/seed-N, and \
                OUTPUT/tuning/OPTIMIZER/VALUES/seed-N for trials. A comparison that was stopped or killed goes on with \
                --resume from the last checkpoints.
                """)
    }

    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help:
            "An optimizer to compare; repeat it. The first is the baseline; by default AdamW with gradient clipping."
    )
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
    var tuningSeeds = 3
    @Option(help: "The most values by which the grid of one optimizer grows while its best lies at the edge.")
    var extensions = 4
    @Option(help: "Seeds of a pilot: the baseline's spread, and how many seeds a difference needs.")
    var pilot: Int?
    @Flag(help: "Run all optimizers in the pilot, for the spread of their differences.")
    var pilotAll = false
    @Option(help: "Differences of final losses, in nats, that the comparison is to find: 0.01,0.02.")
    var differences: NumberList?
    @Option(help: "Probabilities of finding them; by default 0.8,0.9.")
    var power: NumberList?
    @Flag(help: "Allow optimizers to be tuned with different numbers of trials.")
    var unequalBudgets = false
    @Option(
        name: .customLong("protocol"),
        help: "own: each optimizer's own options; drop-in: the first one's; both side by side.")
    var hyperparameters = HyperparameterPolicy.own

    func validate() throws {
        try SeedArguments.require(tuningSeeds: tuningSeeds)
        guard (0...100).contains(extensions) else {
            throw ValidationError("--extensions must lie between 0 and 100, not \(extensions).")
        }
        if let pilot, !(2...ReservedSeeds.most).contains(pilot) {
            throw ValidationError("--pilot must lie between 2 and \(ReservedSeeds.most), not \(pilot).")
        }
        if pilot == nil, pilotAll || differences != nil || power != nil {
            throw ValidationError(
                "--pilot-all, --differences and --power are of a pilot: name its seeds with --pilot.")
        }
        if pilot != nil, arguments.seeds.count != nil || hyperparameters != .own {
            throw ValidationError(
                "--pilot has seeds of its own and knows no --protocol: leave --seeds and --protocol out.")
        }
        if let wrong = differences?.values.first(where: { $0 <= 0 }) {
            throw ValidationError("--differences must be more than zero, not \(wrong).")
        }
        if let wrong = power?.values.first(where: { $0 <= 0 || $0 >= 1 }) {
            throw ValidationError("--power must lie between 0 and 1, not \(wrong).")
        }
        if let wrong = tune.first(where: { $0.option == nil }) {
            throw ValidationError(
                "--tune \(wrong.name) names no option: write NAME.OPTION=VALUE,VALUE, such as fadam.beta2=0.99,0.999"
            )
        }
        if let wrong = learningRates.first(where: { $0.option != nil }) {
            throw ValidationError(
                "--learning-rates takes NAME=VALUE,VALUE, such as adamw=1e-3,2e-3, not \(wrong.name).\(wrong.option ?? "")"
            )
        }
    }

    func run() throws {
        let named =
            optimizers.isEmpty
            ? Compare.usualOptimizers.compactMap(OptimizerSpecification.init(argument:)) : optimizers
        let whole = try arguments.setup()
        let parts = Task.comparisons(of: whole.configuration.task)
        guard parts.count > 1 else {
            let summary = try compare(named, try whole.with(parts[0].options), part: nil)
            if arguments.judgement.json { printJSON(summary.json()) }
            return
        }
        if let output = arguments.output, StudyFiles(folder: output).hasResult {
            throw UsageError(
                description:
                    "\(output) holds a comparison on one text, which --corpus names: headers, if it was not "
                    + "named then; choose another --output for both")
        }
        var summaries: [(name: String, summary: ComparisonSummary)] = []
        for part in parts {
            summaries.append((part.name, try compare(named, try whole.with(part.options), part: part.name)))
        }
        if arguments.judgement.json {
            let members = summaries.map { name, summary in
                "\"\(name)\": " + String(decoding: summary.json(), as: UTF8.self)
            }
            printJSON(Data("{\n\(members.joined(separator: ","))}\n".utf8))
        } else {
            print("\nOn each text:")
            for (_, summary) in summaries { print("- " + summary.headline.printable) }
        }
    }

    private func compare(
        _ named: [OptimizerSpecification], _ setup: ComparisonSetup<Task>, part: String?
    ) throws -> ComparisonSummary {
        let candidates = try setup.candidates(named)
        for argument in learningRates + tune where argument.name != "all" {
            guard candidates.contains(where: { type(of: $0.rule).summary.name == argument.name }) else {
                let names = candidates.map { type(of: $0.rule).summary.name }
                let kind = argument.option == nil ? "--learning-rates" : "--tune"
                throw UsageError(
                    description:
                        "\(kind) \(argument.name): no optimizer of the comparison is \(argument.name); they are "
                        + names.joined(separator: ", "))
            }
        }
        let plan = pilot.map { _ in
            PilotPlan(
                differences: differences?.values ?? [], powers: power?.values ?? [0.8, 0.9],
                comparisons: max(1, candidates.count - 1))
        }
        let entrants = pilot == nil || pilotAll ? candidates : Array(candidates.prefix(1))
        let comparison = TunedComparison(
            try entrants.map { .init($0, grid: try grid($0)) }, policy: hyperparameters,
            runs: setup.runs, seeds: try pilot.map(ReservedSeeds.pilot) ?? arguments.seeds.numbers(5),
            tuningSeeds: tuningSeeds, mostExtensions: extensions)
        try requireEqualBudgets(comparison)
        return try setup.run(comparison, named: pilot == nil ? "compare" : "pilot", pilot: plan, part: part)
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
