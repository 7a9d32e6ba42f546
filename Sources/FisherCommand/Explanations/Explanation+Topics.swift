import Fisher
import FisherOptions
import FisherTasks
import FisherTraining

extension Explanation {
    /// A rule: its article's first line and equations, its options, when to use it.
    static func rule<Rule: OptimizationRule>(_ rule: Rule.Type) -> Explanation {
        let summary = Rule.summary
        let article = RuleArticle.all[summary.name]
        var lines = ["\(summary.title) (\(summary.name)), \(summary.reference)"]
        let facts =
            "It divides by the power \(summary.power) of the information, which comes from: \(summary.source); structure: "
            + "\(summary.structure); momentum: \(summary.momentum). It neglects \(summary.neglects). State: "
            + "\(summary.stateBytes) bytes a float32 parameter; cost of a step besides the passes: \(summary.cost)."
        lines += ["", wrapped([article?.lead, facts].compactMap(\.self).joined(separator: " "))]
        if let article {
            lines += [
                "", article.equations.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"),
            ]
        }
        let options = Rule().options.map { option in
            let aliases = option.declaration.aliases
            let others = aliases.isEmpty ? "" : " (or \(aliases.joined(separator: ", ")))"
            return [option.name + others, option.text, option.declaration.meaning]
        }
        lines += ["", "Options, their defaults and meanings", list(options)]
        if let article {
            lines += ["", wrapped("When to use it: " + article.use)]
            lines += ["", "Article: Sources/Fisher/Fisher.docc/\(article.article).md"]
        }
        return Explanation(kind: .rule, name: summary.name, text: lines.joined(separator: "\n"))
    }

    /// A task: what is trained, its presets and keys.
    static func task<Task: ConfigurableTask>(_ task: Task.Type) -> Explanation {
        var lines = ["\(Task.name): \(Task.subject)"]
        if !Task.remark.isEmpty { lines.append(wrapped(Task.remark)) }
        let presets = Task.presets.map { preset in
            let values = preset.layer.values.map { "\($0.key)=\($0.pieces.joined(separator: ","))" }
            return [preset.name, values.joined(separator: " ")]
        }
        if !presets.isEmpty { lines += ["", "Presets, the first is the default", list(presets)] }
        let keys = Task.Options.options.map { [$0.name, $0.text, $0.declaration.meaning] }
        if !keys.isEmpty { lines += ["", "Keys of data and model", list(keys)] }
        lines += [
            "",
            "It is trained by fisher train \(Task.name), and compare, ablate and hierarchy take it. Its other keys are those of "
                + "all tasks: fisher explain keys",
        ].map { $0.isEmpty ? "" : wrapped($0) }
        return Explanation(kind: .task, name: Task.name, text: lines.joined(separator: "\n"))
    }

    /// Topics that are lists.
    static var overviews: [Explanation] {
        func overview(_ name: String, _ text: String) -> Explanation {
            Explanation(kind: .overview, name: name, text: text)
        }
        func names(_ head: String, _ rows: [[String]]) -> String { wrapped(head) + "\n\n" + list(rows) }
        return [
            overview(
                "rules",
                names(
                    "The rules; fisher explain NAME tells of one, fisher optimizers compares their costs.",
                    RuleRegistry.rules.map {
                        [
                            $0.summary.name,
                            RuleArticle.all[$0.summary.name]?.lead ?? $0.summary.title,
                        ]
                    })),
            overview(
                "tasks",
                names(
                    "What can be trained; fisher explain NAME tells of one.",
                    TaskRegistry.tasks.map { [$0.name, $0.subject] })),
            overview(
                "keys",
                names(
                    "The keys of configurations; fisher explain KEY tells of one.",
                    ExplainedKey.all.filter { !$0.isOfRules }.flatMap { key in
                        key.meanings.map { [key.name, $0.meaning] }
                    }) + "\n\n"
                    + wrapped(
                        "Besides, each rule has options of its own as optimizer.NAME: fisher explain rules")),
            overview(
                "exit-codes",
                names(
                    "The exit status of every command; messages are one sentence on standard error.",
                    [["0", "everything was done"]]
                        + ExitStatus.allCases.map { ["\($0.rawValue)", $0.meaning] })),
            overview("likelihoods", listed(likelihoods, "What the outputs of a network parameterize.")),
            overview("sources", listed(sources, "Where an estimate of the information comes from.")),
            overview("structures", listed(structures, "What is kept of the information.")),
            overview(
                "schedules",
                listed(schedules, "A learning rate, or another option with a course: a number, or one of")),
        ]
    }

    /// Names and what they mean, without headings.
    private static func list(_ rows: [[String]]) -> String {
        alignedColumns(rows, hasHeadings: false, indent: 4)
    }

    private static func listed(_ all: [Explanation], _ head: String) -> String {
        head + "\n\n" + all.map(\.text).joined(separator: "\n\n")
    }

    private static func entry(_ kind: Kind, _ name: String, _ text: String, title: String? = nil)
        -> Explanation
    {
        Explanation(kind: kind, name: name, text: "\(title ?? name)\n\(wrapped(text, indent: 4))")
    }

    /// The likelihoods of descriptions of networks.
    static var likelihoods: [Explanation] {
        LikelihoodRegistry.explanations.map { entry(.likelihood, $0.name, $0.text) }
    }

    /// The sources of the information.
    static var sources: [Explanation] {
        CurvatureSource.kinds.map { entry(.source, "\($0)", $0.explanation) }
    }

    /// The structures of `fisher information`.
    static var structures: [Explanation] {
        InformationEstimate.Structure.allCases.map { entry(.structure, $0.rawValue, $0.explanation) }
    }

    /// The forms of schedules.
    static var schedules: [Explanation] {
        Schedule.forms.map { entry(.schedule, $0.name, $0.meaning, title: $0.form) }
    }
}
