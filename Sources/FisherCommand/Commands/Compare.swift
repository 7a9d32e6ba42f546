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
            commandName: "compare",
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
    @Option(help: "Seeds of each tuning trial; by default 3.")
    var tuningSeeds: Int?
    @Option(
        help:
            "The most values by which the grid of one optimizer grows while its best lies at the edge; by default 4."
    )
    var extensions: Int?
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
        help: "own, the default: each optimizer's own options; drop-in: the first one's; both side by side.")
    var hyperparameters: HyperparameterPolicy?

    func validate() throws {
        try SeedArguments.require(tuningSeeds: tuningSeeds ?? 1)
        guard (0...100).contains(extensions ?? 0) else {
            throw ValidationError("--extensions must lie between 0 and 100, not \(extensions ?? 0).")
        }
        if let pilot, !(2...ReservedSeeds.most).contains(pilot) {
            throw ValidationError("--pilot must lie between 2 and \(ReservedSeeds.most), not \(pilot).")
        }
        // Resumed, or with a file, the pilot may be named there.
        if pilot == nil, !arguments.resume, arguments.configuration.config == nil,
            pilotAll || differences != nil || power != nil
        {
            throw ValidationError(
                "--pilot-all, --differences and --power are of a pilot: name its seeds with --pilot.")
        }
        if pilot != nil, arguments.seeds.count != nil || (hyperparameters ?? .own) != .own {
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

    /// The values of the flags, by key.
    private var values: [(key: String, pieces: [String])] {
        let lists: [(String, [String])] = [
            ("optimizers", optimizers.map(\.text)), ("learning_rates", learningRates.map(\.text)),
            ("tune", tune.map(\.text)), ("differences", differences?.texts ?? []),
            ("power", power?.texts ?? []),
        ]
        let single: [(String, String?)] = [
            ("tuning_seeds", tuningSeeds.map { "\($0)" }), ("extensions", extensions.map { "\($0)" }),
            ("pilot", pilot.map { "\($0)" }), ("pilot_all", pilotAll ? "true" : nil),
            ("unequal_budgets", unequalBudgets ? "true" : nil), ("protocol", hyperparameters?.rawValue),
        ]
        return lists.filter { !$0.1.isEmpty }.map { ("comparison." + $0.0, $0.1) }
            + single.compactMap { key, text in text.map { ("comparison." + key, [$0]) } }
    }

    func run() throws {
        let whole = try arguments.setup(.comparison, own: values, usual: Compare.usualOptimizers)
        guard whole.options.axes.isEmpty else {
            throw UsageError(
                description:
                    "comparison.options is of an ablation: fisher ablate \(Task.name) --config tries them")
        }
        if arguments.printConfig { return print(whole.resolved.explained, terminator: "") }
        let parts = try Task.comparisons(of: whole.configuration.task).map { part in
            let setup = try whole.with(part.options)
            let (comparison, pilot) = try comparison(setup)
            return (name: part.name, setup: setup, comparison: comparison, pilot: pilot)
        }
        guard parts.count > 1 else {
            let (_, setup, comparison, pilot) = parts[0]
            if arguments.dryRun { return try setup.dryRun(comparison) }
            return try ComparisonSetup.sharing([(setup, nil)]) { shared in
                let summary = try setup.run(comparison, pilot: pilot, with: shared)
                if arguments.judgement.json { printJSON(summary.json()) }
            }
        }
        if let output = arguments.output, StudyFiles(folder: output).hasResult {
            throw UsageError(
                description:
                    "\(output) holds a comparison on one text, which --corpus names: headers, if it was not "
                    + "named then; choose another --output for both")
        }
        if arguments.dryRun {
            return try parts.forEach { try $0.setup.dryRun($0.comparison, part: $0.name) }
        }
        try ComparisonSetup.sharing(parts.map { ($0.setup, $0.name) }) { shared in
            if let output = arguments.output { try keepConfiguration(of: whole, in: output) }
            let summaries = try parts.enumerated().map { number, part in
                (
                    name: part.name,
                    summary: try part.setup.run(
                        part.comparison, pilot: part.pilot, part: part.name, study: number, with: shared)
                )
            }
            show(summaries)
        }
    }

    /// Shows the results of several comparisons.
    private func show(_ summaries: [(name: String, summary: ComparisonSummary)]) {
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

    /// Keeps what was asked for of several comparisons in the folder above them, where `--resume` looks for it.
    private func keepConfiguration(of whole: ComparisonSetup<Task>, in output: String) throws {
        if arguments.resume { try Invocation.requireSomething(toResumeIn: output, whole.isBare) }
        let directory = RunDirectory(path: output)
        let names = try DurableStorage.names(inFolder: output) ?? []
        if names.contains("config.toml"), try !directory.hasConfiguration() || names.contains("run.json") {
            throw StorageError(
                .cannotCreate, path: output,
                reason: "already holds a run: choose another folder with --output")
        }
        try DurableStorage.makeFolder(output)
        try directory.writeConfiguration(whole.toml)
    }

    /// What is trained, and what is to be read from the runs of a pilot.
    private func comparison(_ setup: ComparisonSetup<Task>) throws -> (TunedComparison, PilotPlan?) {
        let options = setup.options
        let candidates = try setup.candidates(try setup.specifications())
        let rates = try setup.grids(options.learningRates, of: "learning_rates")
        let grids = try rates + setup.grids(options.tune, of: "tune")
        for argument in grids where argument.name != "all" {
            guard candidates.contains(where: { type(of: $0.rule).summary.name == argument.name }) else {
                let names = candidates.map { type(of: $0.rule).summary.name }
                let kind = argument.option == nil ? "--learning-rates" : "--tune"
                throw UsageError(
                    description:
                        "\(kind) \(argument.name): no optimizer of the comparison is \(argument.name); they are "
                        + names.joined(separator: ", "))
            }
        }
        let plan = options.pilot.map { _ in
            PilotPlan(
                differences: options.differences.compactMap(Double.init),
                powers: options.power.isEmpty ? [0.8, 0.9] : options.power.compactMap(Double.init),
                comparisons: max(1, candidates.count - 1))
        }
        let entrants =
            options.pilot == nil || options.pilotAll ? candidates : Array(candidates.prefix(1))
        let comparison = TunedComparison(
            try entrants.map { .init($0, grid: try grid($0, grids)) }, policy: options.hyperparameters,
            runs: setup.runs, seeds: try options.pilot.map(ReservedSeeds.pilot) ?? setup.seeds(),
            tuningSeeds: options.tuningSeeds, mostExtensions: options.extensions)
        if !options.unequalBudgets { try requireEqualBudgets(comparison) }
        return (comparison, plan)
    }

    /// The grid of one candidate: arguments that name its rule, or all.
    private func grid(_ candidate: OptimizerCandidate, _ grids: [GridArgument]) throws -> OptionGrid {
        let rule = type(of: candidate.rule).summary.name
        let axes = grids.filter { $0.name == rule || $0.name == "all" }.compactMap {
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
        guard Set(budgets.map(\.trials)).count > 1 else { return }
        let list = budgets.map { "\($0.label) \($0.trials)" }.joined(separator: ", ")
        throw UsageError(
            description:
                "tuning needs equal budgets, but the trials are: \(list) (--unequal-budgets allows it)")
    }
}

extension HyperparameterPolicy: ExpressibleByArgument {}
