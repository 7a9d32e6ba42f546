import ArgumentParser
import Fisher

/// `fisher optimizers`: the table of rules.
struct Optimizers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "optimizers",
        abstract:
            "List the rules: information, structure, power, costs, what they neglect, and their options.",
        discussion: """
            Costs are multiplications of a step besides the forward and backward pass, by order: P parameters, a \
            matrix of m rows and n columns, B samples in a batch, K classes, k gradients kept.
            """)

    @Argument(help: "Show this rule only.")
    var name: String?

    func run() throws {
        if let name {
            print(options(of: try RuleRegistry.rule(named: name)))
            return
        }
        print(table(of: RuleRegistry.rules.map { $0.summary }))
        for rule in RuleRegistry.rules { print("\n" + options(of: rule.init())) }
    }

    private func table(of rules: [RuleSummary]) -> String {
        let head = [
            "name", "information", "structure", "power", "cost per step", "state, bytes per parameter",
            "neglects",
        ]
        let rows =
            [head]
            + rules.map {
                [$0.name, $0.source, $0.structure, $0.power, $0.cost, $0.stateBytes, $0.neglects]
            }
        return alignedColumns(rows)
    }

    private func options<Rule: OptimizationRule>(of defaults: Rule) -> String {
        let summary = Rule.summary
        let rows = defaults.options.map { option in
            let aliases = option.declaration.aliases
            let others = aliases.isEmpty ? "" : " (or \(aliases.joined(separator: ", ")))"
            return [option.name, option.text, option.declaration.meaning + others]
        }
        let head = "\(summary.name): \(summary.title), \(summary.reference)"
        return paragraph("\(head); momentum: \(summary.momentum)") + "\n"
            + alignedColumns(rows, hasHeadings: false, indent: 4)
    }
}
