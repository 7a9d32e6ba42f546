import ArgumentParser
import Fisher
import FisherTraining

/// `fisher ablate`, one task.
struct AblateTask<Own: ComparedTask>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: Own.name,
            abstract: "Compare values of one optimizer's options on \(Own.model).",
            discussion: """
                fisher ablate \(Own.name) --optimizer fadam --option rho=0.5,0.4,0.6,0.7,1

                Several options give every combination. The first value is what the others are compared to.
                """)
    }

    @Option(help: "The optimizer, with options that stay as they are after a colon.")
    var optimizer: OptimizerSpecification
    @Option(
        name: .customLong("option"), parsing: .singleValue,
        help: "option=v1,v2,...: values to try; repeatable.")
    var axes: [GridArgument]
    @OptionGroup var arguments: ComparisonArguments<Own>

    func run() throws {
        let base = try optimizer.candidate(sharing: arguments.shared, clip: arguments.clipGradientNorm)
        try arguments.requireUse(of: [base])
        // Options have no dots: what stands before one is part of the name here.
        let grid = OptionGrid(axes.map { OptionGrid.Axis(option: $0.name, values: $0.values) })
        let candidates = try grid.combinations.map { settings in
            let name = settings.map { "\($0.name) \($0.value)" }.joined(separator: " + ")
            return try base.setting(settings, label: "\(base.label) + \(name)")
        }
        try TaskComparison(
            arguments: arguments, folder: arguments.output ?? "runs/ablate-\(arguments.own.folder)",
            comparison: TunedComparison(
                candidates.map { TunedComparison.Entrant($0) }, length: arguments.length,
                seeds: arguments.seedNumbers)
        ).run()
    }
}
