extension OptimizerComparison {
    /// The comparison as one HTML page that needs nothing else: no network, no script to be read.
    public func report() -> String {
        ComparisonReport(self).page
    }
}

/// Puts the report's page together.
struct ComparisonReport {
    let result: OptimizerComparison
    let summary: ComparisonSummary

    init(_ result: OptimizerComparison) {
        self.result = result
        self.summary = ComparisonSummary(of: result)
    }

    /// The page's source.
    var page: String {
        ReportPage(title: "\(result.task.name): comparison of optimizers", sections: sections).source
    }

    private var sections: [Markup] {
        let tables = [opening, resultsTable, warnings, reachTable].compactMap { $0 }
        return tables + charts + [tuningTable, runsTable, configuration, footer].compactMap { $0 }
    }

    private var opening: Markup {
        let text = NumberText.typographic
        let runs = summary.rows.reduce(0) { $0 + $1.runCount }
        let facts = [
            text.counted(summary.rows.count, "optimizer"), text.counted(runs, "run"),
            text.grouped(result.task.parameterCount) + " parameters", result.environment.readableDate,
        ]
        return .tag(
            "header", [:],
            [
                .tag("p", ["class": "eyebrow"], "Comparison of optimizers"),
                .tag("h1", [:], result.task.name),
                .tag("p", ["class": "description"], result.task.description),
                .tag("p", ["class": "headline"], summary.headline),
                .tag("p", ["class": "facts"], facts.filter { !$0.isEmpty }.map { .tag("span", [:], $0) }),
            ])
    }

    private var charts: [Markup] {
        let bySteps = LineChart(result, title: "Validation loss by step", .validation, against: .step)
        let bySeconds = LineChart(result, title: "Validation loss by time", .validation, against: .seconds)
        let training = LineChart(result, title: "Training loss by step", .training, against: .step)
        let finals = DotChart.finalLosses(result, summary)
        let differences = DotChart.differences(result, summary)
        let figures = [
            bySteps.map { figure($0, id: "steps") },
            bySeconds.map {
                figure(
                    $0, id: "seconds",
                    note: "Time counts training without evaluation; it is the mean over the seeds.")
            },
            finals.map {
                figure(
                    $0, id: "finals",
                    note:
                        "One mark a completed run; the upright line is the mean, the dashed one the mean of "
                        + "the first optimizer. Equal heights are equal seeds."
                )
            },
            differences.map { figure($0, id: "differences", note: differenceNote) },
            training.map { figure($0, id: "training") },
            LineChart(result, title: "Training loss by time", .training, against: .seconds).map {
                figure($0, id: "training-seconds")
            },
            LineChart(result, title: "Size of the steps", .updateToWeight, against: .step).map {
                figure(
                    $0, id: "updates", note: "The norm of a step over the norm of the weights, whole model.")
            },
            LineChart(result, title: "Clip of the rules", .clipFactor, against: .step).map {
                figure(
                    $0, id: "clips",
                    note:
                        "max(1, RMS / c), the mean over the tensors; 1 is a step that was not clipped. Rules "
                        + "without a clip are left out.")
            },
            LineChart(result, title: "Where the weight decay falls", .decayShare, against: .step).map {
                figure(
                    $0, id: "decay",
                    note:
                        "The share of the natural decay's square on the 1 % of each tensor's elements that have "
                        + "the least information, the mean over the tensors; an even decay has about 0.01.")
            },
        ].compactMap { $0 }
        let missing = Markup.tag("p", ["class": "note"], "No run produced a loss that could be drawn.")
        return figures.isEmpty ? [missing] : figures
    }

    private var differenceNote: String {
        let hasIntervals = summary.rows.contains { $0.difference?.interval != nil }
        return "The final loss less that of the first optimizer with the same seed. "
            + (hasIntervals
                ? "The line is the 95 % interval of the mean difference by Student's t; an arrow says that "
                    + "it goes on. It is not corrected for the number of optimizers compared."
                : "A single common seed gives no interval.")
    }

    private func figure(_ chart: LineChart, id: String, note: String? = nil) -> Markup {
        chart.figure(id: id, note: note)
    }

    private func figure(_ chart: DotChart, id: String, note: String) -> Markup {
        chart.figure(id: id, note: note)
    }

    private var footer: Markup { .reportFooter(result.environment) }
}
