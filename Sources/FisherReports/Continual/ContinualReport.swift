import FisherStudies

extension ContinualComparison: ReportedStudy {
    /// The comparison as one self-contained HTML page, readable without a network and without scripts.
    public func report(_ options: PageOptions) -> String {
        ContinualReport(result: self, options: options).page.source
    }

    /// The accuracy by stage, and that of every seed.
    public var figures: [StudyFigure] {
        ContinualReport(result: self).figures.map { StudyFigure(name: $0.name, $0.figure) }
    }

    /// The names of all figures that a comparison can have.
    public static var figureNames: [String] { ["stages", "finals"] }
}

/// Assembles the page of a comparison of continual-learning methods.
struct ContinualReport {
    let result: ContinualComparison
    var options = PageOptions()

    var page: ReportPage {
        let text = NumberText.typographic
        let head: [Markup?] = [
            .opening(
                "Continual learning", title: options.title ?? result.task.name,
                description: result.task.description, headline: headline,
                facts: [
                    text.counted(result.entries.count, "method"),
                    text.counted(result.entries.reduce(0) { $0 + $1.runs.count }, "run"),
                    text.grouped(result.task.parameterCount) + " parameters",
                    result.environment.readableDate,
                ]),
            .section("Results", [.table(result.overview)], notes: [result.legend]),
            .warnings(result.warnings),
        ]
        let tail: [Markup?] = [
            matrices, trials, .configuration(result.task, result.environment),
            .footer(result.environment, options.source),
        ]
        return ReportPage(
            title: options.title ?? "\(result.task.name): methods against forgetting",
            head + figures.map(\.markup) + tail)
    }

    /// The figures, the main one first.
    var figures: [NamedFigure] {
        [
            NamedFigure(
                "stages", LineChart(continual: result),
                note:
                    "The mean over the tasks trained on so far, on held-out images; bands reach from the "
                    + "lowest to the highest seed."),
            NamedFigure(
                "finals", DotChart(continual: result),
                note: "One mark a completed run; the upright line is the mean. Equal heights are equal "
                    + "seeds."),
        ].compactMap(\.self)
    }

    /// The best average accuracy among the methods that train on each task once.
    private var headline: String {
        func mean(_ entry: ContinualEntry) -> Double? {
            SampleSummary(entry.runs.compactMap(\.averageAccuracy))?.mean
        }
        let scored = result.entries.filter { mean($0) != nil }
        let sequential = scored.filter { $0.method != "joint" }
        guard let best = sequential.max(by: { (mean($0) ?? 0) < (mean($1) ?? 0) }) else {
            return "No run completed."
        }
        func phrase(_ entry: ContinualEntry) -> String { entry.meanText(\.averageAccuracy, .typographic) }
        var sentence =
            "Of the methods that train on each task once, \(best.method) is best: an average accuracy of "
            + phrase(best)
        if let none = scored.first(where: { $0.method == "none" }), none.method != best.method {
            sentence += ", against \(phrase(none)) without protection"
        }
        if let joint = scored.first(where: { $0.method == "joint" }) {
            sentence += "; training on all tasks together reaches \(phrase(joint))"
        }
        return sentence + "."
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
                        + row.enumerated().map { task, value in accuracy(value, isLearned: task <= stage) })
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
        return .section(
            "Accuracy on each task after each task", [.tag("div", ["class": "matrices"], cards)],
            notes: [
                "Rows are stages of the training, columns the tasks; tasks not yet trained on are pale. "
                    + "Means over the completed runs."
            ])
    }

    private func accuracy(_ value: Double, isLearned: Bool) -> Markup {
        let share = NumberText.plain.fixed(isLearned ? max(0, min(1, value)) * 60 : 0, decimals: 0)
        return .tag(
            "td",
            [
                "class": isLearned ? "learned" : "minor",
                "style": "background:color-mix(in srgb, var(--series-0) \(share)%, transparent)",
            ], NumberText.typographic.fixed(value, decimals: 2))
    }

    /// The accuracy by strength, method by method.
    private var trials: Markup? {
        guard !result.trials.isEmpty else { return nil }
        let strengths = Set(result.trials.map(\.strength)).sorted()
        let methods = result.entries.map(\.method).filter { name in
            result.trials.contains { $0.method == name }
        }
        let columns = strengths.map { strength in
            StudyColumn<String>(["λ", NumberText.short(strength)]) { method in
                guard result.trials.contains(where: { $0.method == method && $0.strength == strength }) else {
                    return "–"
                }
                let text = result.trialAccuracy(of: method, strength: strength).map {
                    NumberText.plain.fixed($0, decimals: 3)
                }
                return .init(text ?? "diverged", isStrong: strength == result.bestStrength(of: method))
            }
        }
        let table = StudyTable(methods, [StudyColumn(["Method"], .left) { .init($0) }] + columns)
        return .section(
            "Tuning", [.table(table, class: "trials", style: { _ in nil })],
            notes: [
                "The average accuracy by strength (lambda), on a split of the training images, the mean over "
                    + "\(NumberText.plain.counted(Set(result.trials.map(\.run.seed)).count, "seed")) that no comparison "
                    + "uses; every method with the same strengths. The best is bold."
            ])
    }
}

extension LineChart {
    /// The average accuracy over the tasks trained on so far; nil if no run completed.
    init?(continual result: ContinualComparison) {
        let curves = result.entries.enumerated().compactMap { index, entry -> LossCurve? in
            let runs = entry.runs.filter { $0.status == .completed }.map(\.averagesByStage)
            guard let first = runs.first else { return nil }
            let points = first.indices.compactMap { stage -> LossCurve.Point? in
                guard let summary = SampleSummary(runs.map { $0[stage] }) else { return nil }
                return LossCurve.Point(
                    x: Double(stage + 1), mean: summary.mean, low: summary.range.lowerBound,
                    high: summary.range.upperBound)
            }
            return LossCurve(
                label: entry.method, style: SeriesStyle(index: index), points: points, runCount: runs.count)
        }
        guard let range = LossRange.whole(curves), let end = curves.compactMap({ $0.points.last?.x }).max()
        else { return nil }
        self.init(
            title: "Average accuracy by tasks trained on", horizontalTitle: "tasks trained on",
            verticalTitle: "accuracy over the tasks so far", curves: curves, range: range,
            domain: 1...max(end, 1.001), hasWholeSteps: true, ordinate: .accuracy)
    }
}

extension DotChart {
    /// The average accuracy at the end, a dot per seed; nil if no run completed.
    init?(continual result: ContinualComparison) {
        let rows = result.entries.enumerated().map { index, entry in
            let dots = entry.runs.compactMap { run in
                run.averageAccuracy.map { (seed: run.seed, value: $0) }
            }
            return Row(
                label: entry.method, style: SeriesStyle(index: index),
                dots: dots.sorted { $0.seed < $1.seed }, mean: SampleSummary(dots.map(\.value))?.mean,
                interval: nil, notes: [entry.meanText(\.averageAccuracy, .typographic)])
        }
        let values = rows.flatMap { $0.dots.map(\.value) }
        guard let low = values.min(), let high = values.max() else { return nil }
        self.init(
            title: "Average accuracy of every seed", horizontalTitle: "average accuracy over all tasks",
            rows: rows, domain: LossRange.padded(low...high), reference: nil,
            seeds: Set(rows.flatMap { $0.dots.map(\.seed) }).sorted())
    }
}
