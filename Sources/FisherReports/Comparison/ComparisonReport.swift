import FisherStudies

extension OptimizerComparison: ReportedStudy {
    /// The comparison as one self-contained HTML page, readable without a network and without scripts.
    public func report(_ options: PageOptions) -> String { ComparisonReport(self, options).page.source }

    /// The curves, the final losses and their differences, the sensitivity to the learning rate.
    public var figures: [StudyFigure] {
        ComparisonReport(self).figures.map { StudyFigure(name: $0.name, $0.figure) }
    }

    /// The names of all figures that a comparison can have.
    public static var figureNames: [String] { ComparisonReport.figureNames }
}

/// Assembles the page of a comparison of optimizers.
struct ComparisonReport {
    let result: OptimizerComparison
    let summary: ComparisonSummary
    let options: PageOptions

    init(_ result: OptimizerComparison, _ options: PageOptions = PageOptions()) {
        self.result = result
        self.options = options
        var ended = result
        for index in ended.entries.indices {
            let label = ended.entries[index].label
            ended.entries[index].runs.removeAll {
                options.running.contains(.init(label: label, seed: $0.seed))
            }
        }
        self.summary = ComparisonSummary(of: ended)
    }

    var page: ReportPage {
        ReportPage(
            title: options.title
                ?? "\(result.task.name): \(subject.prefix(1).lowercased() + subject.dropFirst())",
            style: information.isEmpty ? "" : HeatMap.style,
            tables + charts + information + exhibits + [
                tuningTable, runsTable, .configuration(result.task, result.environment, more: cards),
                .footer(result.environment, options.source),
            ])
    }

    private var tables: [Markup?] {
        [opening, pilotTable, resultsTable, .warnings(summary.warnings), measuresTable, pairTable]
            + targetTables
            + [reachTable]
    }

    private var opening: Markup {
        let text = NumberText.typographic
        let runs = summary.rows.reduce(0) { $0 + $1.runCount }
        return .opening(
            subject, title: options.title ?? result.task.name,
            description: result.task.description,
            headline: summary.headline,
            facts: [
                hasOneRule && summary.rows.count > 1
                    ? text.counted(summary.rows.count, "setting")
                    : text.counted(summary.rows.count, "optimizer"),
                text.counted(runs, "run"),
                options.running.isEmpty ? "" : text.counted(options.running.count, "run") + " under way",
                text.grouped(result.task.parameterCount) + " parameters", result.environment.readableDate,
            ])
    }

    /// Whether all entries are of one rule, and differ in its options only.
    private var hasOneRule: Bool { Set(result.entries.map(\.rule)).count == 1 }

    /// What the page is about, for the line above its title.
    private var subject: String {
        guard hasOneRule, let rule = result.entries.first?.rule else { return "Comparison of optimizers" }
        return result.entries.count > 1 ? "Comparison of options of \(rule)" : "Runs of one optimizer"
    }

    /// The options of every optimizer.
    private var cards: [Markup] {
        result.entries.enumerated().map { index, entry in
            .card(
                entry.label, [Setting("rule", entry.rule)] + entry.options, style: SeriesStyle(index: index))
        }
    }

    private var charts: [Markup] {
        let missing = Markup.tag("p", ["class": "note"], "No run produced a loss that can be drawn.")
        let found = RunFigures(result).all + [sensitivity].compactMap(\.self)
        // What decides comes first; how the runs went there follows.
        let order = [
            "steps", "seconds", "accuracy", "finals", "differences", "rates", "training", "training-seconds",
            "gradients", "learning-rate", "updates", "clips", "decay",
        ]
        let ordered = (found + judgements).sorted {
            (order.firstIndex(of: $0.name) ?? 0) < (order.firstIndex(of: $1.name) ?? 0)
        }
        return ordered.isEmpty ? [missing] : ordered.map(\.markup)
    }

    /// The loss by learning rate, where several were tried.
    private var sensitivity: NamedFigure? {
        SeriesChart.rates(result).flatMap { NamedFigure("rates", $0.chart, note: $0.note) }
    }

    private var judgements: [NamedFigure] {
        [
            NamedFigure(
                "finals", DotChart.finalLosses(result, summary),
                note:
                    "One mark a completed run; the upright line is the mean, the dashed one the mean of the "
                    + "first optimizer. Equal heights are equal seeds."),
            NamedFigure("differences", DotChart.differences(result, summary), note: differenceNote),
        ].compactMap(\.self)
    }

    /// All figures, the main one first.
    var figures: [NamedFigure] {
        RunFigures(result).all + judgements
            + [sensitivity, RunFigures(result).information].compactMap(\.self)
    }

    /// The names of all figures that a comparison can have.
    static let figureNames = [
        "steps", "seconds", "finals", "differences", "rates", "accuracy", "training", "training-seconds",
        "gradients",
        "learning-rate", "updates", "clips", "decay", "information",
    ]

    /// The information along the runs that were looked at: all of them as lines, the diagonal of each optimizer's first.
    private var information: [Markup] {
        guard let history = RunFigures(result).information else { return [] }
        let diagonals = result.entries.enumerated().compactMap { index, entry in
            entry.runs.first { $0.information != nil }.flatMap { run in
                RunFigures.diagonal(
                    of: run, label: "\(entry.label), seed \(run.seed)", id: "diagonal-\(index)")
            }
        }
        return ([history] + diagonals).map(\.markup)
    }

    /// What the task shows of each optimizer's first run that has something to show.
    private var exhibits: [Markup] {
        result.entries.flatMap { entry in
            guard let run = entry.runs.first(where: { $0.exhibits != nil }) else { return [Markup]() }
            let isOnly = result.entries.count == 1 && entry.runs.count == 1
            return (run.exhibits ?? []).map {
                .exhibit($0, of: isOnly ? "" : "\(entry.label), seed \(run.seed)")
            }
        }
    }

    private var differenceNote: String {
        let hasIntervals = summary.rows.contains { $0.contrast?.interval != nil }
        return "The final loss less that of the first optimizer with the same seed. "
            + (hasIntervals
                ? "The line is the simultaneous 95 % interval of the mean difference; an arrow says that it continues."
                : "Fewer than three common seeds give no interval.")
    }
}
