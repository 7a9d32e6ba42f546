extension ContinualComparison {
    /// The comparison as one HTML page that needs nothing else: no network, no script to be read.
    public func report() -> String { ContinualReport(result: self).page }
}

/// Puts the page of a comparison of methods against forgetting together.
struct ContinualReport {
    let result: ContinualComparison

    var page: String {
        ReportPage(
            title: "\(result.task.name): methods against forgetting",
            sections: [opening, resultsTable, warnings].compactMap { $0 } + charts
                + [matrices, trials, configuration, footer].compactMap { $0 }
        ).source
    }

    private var opening: Markup {
        let text = NumberText.typographic
        let runs = result.entries.reduce(0) { $0 + $1.runs.count }
        let facts = [
            text.counted(result.entries.count, "method"), text.counted(runs, "run"),
            text.grouped(result.task.parameterCount) + " parameters", result.environment.readableDate,
        ]
        return .tag(
            "header", [:],
            [
                .tag("p", ["class": "eyebrow"], "Learning one task after another"),
                .tag("h1", [:], result.task.name),
                .tag("p", ["class": "description"], result.task.description),
                .tag("p", ["class": "headline"], headline),
                .tag("p", ["class": "facts"], facts.filter { !$0.isEmpty }.map { .tag("span", [:], $0) }),
            ])
    }

    /// Who keeps most, among the methods that see each task once.
    private var headline: String {
        let style = NumberText.typographic
        func mean(_ entry: ContinualEntry) -> Double? {
            SampleSummary(entry.runs.compactMap(\.averageAccuracy))?.mean
        }
        let scored = result.entries.filter { mean($0) != nil }
        let sequential = scored.filter { $0.method != "joint" }
        guard let best = sequential.max(by: { (mean($0) ?? 0) < (mean($1) ?? 0) }) else {
            return "No run completed."
        }
        func phrase(_ entry: ContinualEntry) -> String {
            ContinualComparison.Figure(entry, \.averageAccuracy).text(style)
        }
        var sentence =
            "Of the methods that see each task once, \(best.method) keeps most: an average accuracy of "
            + phrase(best)
        if let none = scored.first(where: { $0.method == "none" }), none.method != best.method {
            sentence += ", against \(phrase(none)) without protection"
        }
        if let joint = scored.first(where: { $0.method == "joint" }) {
            sentence += "; training on all tasks at once reaches \(phrase(joint))"
        }
        return sentence + "."
    }

    private var resultsTable: Markup {
        let style = NumberText.typographic
        let titles = [
            ("Method", ""), ("Strength", "lambda"), ("Average accuracy", "all tasks, at the end"),
            ("Forgetting", "tasks but the last"), ("Just learned", "accuracy"), ("Time", "seconds a run"),
            ("Runs", ""),
        ]
        let rows = result.entries.enumerated().map { index, entry -> Markup in
            func figure(_ value: (ContinualRecord) -> Double?) -> [Markup] {
                [.text(ContinualComparison.Figure(entry, value).text(style))]
            }
            let seconds = SampleSummary(entry.runs.map(\.seconds))?.mean
            let cells: [[Markup]] = [
                [
                    SeriesStyle(index: index).swatch,
                    .tag(
                        "span", ["class": "name"],
                        [
                            .text(entry.method), .tag("span", ["class": "minor below"], entry.explanation),
                        ]),
                ],
                [.text(entry.strength.map(NumberText.short) ?? "–")], figure(\.averageAccuracy),
                figure(\.forgetting), figure(\.learningAccuracy),
                [.text(seconds.map { style.fixed($0, decimals: 1) } ?? "–")], [.text("\(entry.runs.count)")],
            ]
            return .tableRow(cells, titles)
        }
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Results"), .table(titles, rows, class: "results"),
                .tag("p", ["class": "note"], ContinualComparison.legend),
            ])
    }

    private var warnings: Markup? {
        guard !result.warnings.isEmpty else { return nil }
        return .tag(
            "ul", ["class": "warnings"],
            result.warnings.map { .tag("li", [:], $0.prefix(1).uppercased() + $0.dropFirst() + ".") })
    }

    private var charts: [Markup] {
        let stages = LineChart(continual: result).map {
            $0.figure(
                id: "stages",
                note: "The mean over the tasks trained on so far, on held-out images; bands reach from the "
                    + "lowest to the highest seed.")
        }
        let finals = DotChart(continual: result).map {
            $0.figure(
                id: "finals",
                note: "One mark a completed run; the upright line is the mean. Equal heights are equal seeds."
            )
        }
        return [stages, finals].compactMap { $0 }
    }

    /// The accuracy on every task after every stage, method by method.
    private var matrices: Markup {
        let cards = result.entries.enumerated().compactMap { index, entry -> Markup? in
            let means = entry.meanAccuracies
            guard let first = means.first else { return nil }
            let head =
                [Markup.tag("th", ["scope": "col"], "after")]
                + first.indices.map { .tag("th", ["scope": "col"], "task \($0 + 1)") }
            let rows = means.enumerated().map { stage, row in
                Markup.tag(
                    "tr", [:],
                    [.tag("th", ["scope": "row"], "task \(stage + 1)")]
                        + row.enumerated().map { task, value in
                            cell(value, isLearned: task <= stage)
                        })
            }
            return .tag(
                "div", ["class": "matrix"],
                [
                    .tag("h3", [:], [SeriesStyle(index: index).swatch, .tag("span", [:], entry.method)]),
                    .tag(
                        "table", ["class": "heat"],
                        [.tag("thead", [:], [.tag("tr", [:], head)]), .tag("tbody", [:], rows)]),
                ])
        }
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Accuracy on each task after each task"),
                .tag("div", ["class": "matrices"], cards),
                .tag(
                    "p", ["class": "note"],
                    "Rows are stages of the training, columns the tasks; tasks not yet trained on are pale. "
                        + "Means over the completed runs."),
            ])
    }

    private func cell(_ value: Double, isLearned: Bool) -> Markup {
        let share = NumberText.plain.fixed(isLearned ? max(0, min(1, value)) * 60 : 0, decimals: 0)
        return .tag(
            "td",
            [
                "class": isLearned ? "learned" : "minor",
                "style": "background:color-mix(in srgb, var(--series-0) \(share)%, transparent)",
            ], NumberText.typographic.fixed(value, decimals: 2))
    }

    private var trials: Markup? {
        guard !result.trials.isEmpty else { return nil }
        let strengths = Set(result.trials.map(\.strength)).sorted()
        let titles = [("Method", "")] + strengths.map { (NumberText.short($0), "") }
        let methods = result.entries.map(\.method).filter { name in
            result.trials.contains { $0.method == name }
        }
        let rows = methods.map { method -> Markup in
            let best = result.bestStrength(of: method)
            let cells = strengths.map { strength -> [Markup] in
                let trial = result.trials.first { $0.method == method && $0.strength == strength }
                guard let trial else { return [.text("–")] }
                let text = trial.run.averageAccuracy.map { NumberText.typographic.fixed($0, decimals: 3) }
                return [.tag(strength == best ? "b" : "span", [:], text ?? "diverged")]
            }
            return .tableRow([[.tag("span", ["class": "name"], method)]] + cells, titles)
        }
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Tuning"), .table(titles, rows, class: "trials"),
                .tag(
                    "p", ["class": "note"],
                    "The average accuracy by strength (lambda), on a split of the training images, one run each "
                        + "with a seed of its own; every method with the same strengths. The best is bold."),
            ])
    }

    private var configuration: Markup { .configuration(result.task, result.environment) }

    private var footer: Markup { .reportFooter(result.environment) }
}
