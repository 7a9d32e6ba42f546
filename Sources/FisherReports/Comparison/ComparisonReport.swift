import FisherStudies

extension OptimizerComparison: ReportedStudy {
    /// The comparison as one self-contained HTML page, readable without a network and without scripts.
    public func report() -> String { ComparisonReport(self).page.source }
}

/// Assembles the page of a comparison of optimizers.
struct ComparisonReport {
    let result: OptimizerComparison
    let summary: ComparisonSummary

    init(_ result: OptimizerComparison) {
        self.result = result
        self.summary = ComparisonSummary(of: result)
    }

    var page: ReportPage {
        ReportPage(
            title: "\(result.task.name): comparison of optimizers",
            style: information.isEmpty ? "" : HeatMap.style,
            [opening, pilotTable, resultsTable, .warnings(summary.warnings), measuresTable, pairTable]
                + targetTables
                + [reachTable] + charts + information + exhibits
                + [
                    tuningTable, runsTable,
                    .configuration(result.task, result.environment, more: cards),
                    .footer(result.environment),
                ])
    }

    private var opening: Markup {
        let text = NumberText.typographic
        let runs = summary.rows.reduce(0) { $0 + $1.runCount }
        return .opening(
            "Comparison of optimizers", title: result.task.name, description: result.task.description,
            headline: summary.headline,
            facts: [
                text.counted(summary.rows.count, "optimizer"), text.counted(runs, "run"),
                text.grouped(result.task.parameterCount) + " parameters", result.environment.readableDate,
            ])
    }

    /// The options of every optimizer.
    private var cards: [Markup] {
        result.entries.enumerated().map { index, entry in
            .card(
                entry.label, [Setting("rule", entry.rule)] + entry.options, style: SeriesStyle(index: index))
        }
    }

    private var charts: [Markup] {
        func chart(
            _ title: String, _ ordinate: LossCurve.Ordinate, against abscissa: LossCurve.Abscissa = .step,
            id: String, note: String? = nil
        ) -> Markup? {
            LineChart(result, title: title, ordinate, against: abscissa)?.figure(id: id, note: note)
        }
        let figures = [
            chart("Validation loss by step", .validation, id: "steps"),
            chart(
                "Validation loss by time", .validation, against: .seconds, id: "seconds",
                note: "Time counts training without evaluation: the steps times the median time of one, over the seeds."),
            DotChart.finalLosses(result, summary)?.figure(
                id: "finals",
                note:
                    "One mark a completed run; the upright line is the mean, the dashed one the mean of the "
                    + "first optimizer. Equal heights are equal seeds."),
            DotChart.differences(result, summary)?.figure(id: "differences", note: differenceNote),
            chart("Training loss by step", .training, id: "training"),
            chart("Training loss by time", .training, against: .seconds, id: "training-seconds"),
            chart(
                "Size of the steps", .updateToWeight, id: "updates",
                note: "The norm of a step over the norm of the weights, whole model."),
            chart(
                "Clip of the rules", .clipFactor, id: "clips",
                note: "max(1, RMS / c), the mean over the tensors; 1 is a step that was not clipped. Rules "
                    + "without a clip are left out."),
            chart(
                "Where the weight decay falls", .decayShare, id: "decay",
                note:
                    "The share of the natural decay's square on the 1 % of each tensor's elements that have "
                    + "the least information, the mean over the tensors; an even decay has about 0.01."),
        ].compactMap(\.self)
        let missing = Markup.tag("p", ["class": "note"], "No run produced a loss that can be drawn.")
        return figures.isEmpty ? [missing] : figures
    }

    /// The information along the runs that were looked at: all of them as lines, the diagonal of each optimizer's first.
    private var information: [Markup] {
        guard let history = InformationHistory(result) else { return [] }
        let diagonals = result.entries.enumerated().compactMap { index, entry in
            entry.runs.first { $0.information != nil }.flatMap { run in
                InformationHistogram(run, label: "\(entry.label), seed \(run.seed)")?.figure(
                    id: "diagonal-\(index)",
                    note:
                        "A column is a look, a cell the share of the parameters in half a power of ten, as strong as its root."
                )
            }
        }
        return [
            history.figure(
                id: "information",
                note:
                    "The true information of an observation on one batch, the same along the run (log.information). "
                    + "Largest eigenvalue and effective rank are those of the Gram matrix of its units' gradients, whose "
                    + "rows limit them: they compare steps, not models.")
        ] + diagonals
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
