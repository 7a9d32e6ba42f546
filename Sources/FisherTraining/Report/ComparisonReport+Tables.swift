extension ComparisonReport {
    /// One row an optimizer: what a reader came for.
    var resultsTable: Markup {
        let unit = summary.lossUnit
        let titles = [
            ("Optimizer", ""), ("Final val. loss", "nats/\(unit)"), ("Bits", "per \(unit)"),
            ("Δ to first", "paired, 95 % interval"), ("Fwd + bwd", "ms/step"), ("Optimizer", "ms/step"),
            ("State", "MiB"), ("Runs", ""),
        ]
        let rows = summary.rows.indices.map { resultRow($0, titles.map(longTitle)) }
        var notes = summary.bestIndex == nil ? [] : ["The lowest mean is set bold."]
        if summary.rows.contains(where: { $0.finalLoss?.standardDeviation != nil }) {
            notes.append("± is the sample standard deviation over seeds.")
        }
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Results"),
                table(titles, rows, class: "results"),
                .tag("p", ["class": "note"], notes.joined(separator: " ")),
            ])
    }

    private func resultRow(_ index: Int, _ titles: [String]) -> Markup {
        let row = summary.rows[index]
        let text = NumberText.typographic
        let decimals = NumberText.decimals(for: summary)
        let mebibytes = text.fixed(Double(row.stateBytes) / 1_048_576, decimals: 2)
        let cells: [[Markup]] = [
            [SeriesStyle(index: index).swatch, .tag("span", ["class": "name"], row.label)],
            row.finalLoss.map { loss in
                stacked(
                    text.fixed(loss.mean, decimals: decimals),
                    loss.standardDeviation.map { ["± " + text.fixed($0, decimals: decimals)] } ?? []
                )
            } ?? absent,
            row.finalLoss.map { loss in
                [.text(text.fixed(ComparisonSummary.bits(fromNats: loss.mean), decimals: decimals))]
            } ?? absent,
            row.difference.map { difference in
                stacked(
                    text.signed(difference.mean, decimals: decimals),
                    [difference.interval.map { text.interval($0, decimals: decimals) } ?? "one seed"]
                )
            } ?? (index == 0 ? [.tag("span", ["class": "minor"], "first")] : absent),
            row.forwardBackwardMilliseconds.map { [.text(text.milliseconds($0))] } ?? absent,
            row.optimizerMilliseconds.map { [.text(text.milliseconds($0))] } ?? absent,
            stacked(
                mebibytes,
                summary.bytesPerParameter(row).map { [text.fixed($0, decimals: 2) + " B/param."] } ?? []
            ),
            stacked("\(row.runCount)", failures(row)),
        ]
        let marked = zip(cells, titles).enumerated().map { column, pair in
            Markup.tag(column == 0 ? "th" : "td", ["data-title": pair.1], pair.0)
        }
        return .tag("tr", ["class": index == summary.bestIndex ? "best" : ""], marked)
    }

    private func failures(_ row: ComparisonSummary.Row) -> [String] {
        ["\(row.divergedCount) diverged"]
            + (row.interruptedCount > 0 ? ["\(row.interruptedCount) interrupted"] : [])
    }

    /// One row a run: what the means hide.
    var runsTable: Markup {
        let unit = summary.lossUnit
        let text = NumberText.typographic
        let decimals = NumberText.decimals(for: summary)
        let titles = [
            ("Run", ""), ("Final", "nats/\(unit)"), ("Best", "nats/\(unit)"), ("Bits", "per \(unit)"),
            ("Perplexity", "per \(unit)"), ("Steps", ""), ("Time", "training"), ("Outcome", ""),
        ]
        let rows = result.entries.enumerated().flatMap { index, entry in
            entry.runs.map { run -> Markup in
                let loss = run.completedLoss
                func number(_ value: Double?) -> [Markup] {
                    value.map { [.text(text.fixed($0, decimals: decimals))] } ?? absent
                }
                let name: [Markup] = [
                    SeriesStyle(index: index).swatch,
                    .tag(
                        "span", ["class": "name"],
                        [
                            .text(entry.label + " "),
                            .tag("span", ["class": "minor seed"], "seed \(run.seed)"),
                        ]),
                ]
                let cells: [[Markup]] = [
                    name, number(loss), number(run.bestValidationLoss),
                    number(loss.map(ComparisonSummary.bits)), number(loss.map(ComparisonSummary.perplexity)),
                    [.text(text.grouped(run.curve.last?.step ?? 0))],
                    [.text(text.duration(seconds: run.seconds))], [.text(run.status.description)],
                ]
                return .tag(
                    "tr", ["class": loss == nil ? "failed" : ""],
                    zip(cells, titles).enumerated().map {
                        column, pair in
                        return .tag(column == 0 ? "th" : "td", ["data-title": longTitle(pair.1)], pair.0)
                    })
            }
        }
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Every run"), table(titles, rows, class: "runs"),
            ])
    }

    /// A column's title and unit in one, for narrow pages where they stand before the number.
    func longTitle(_ title: (String, String)) -> String {
        title.1.isEmpty ? title.0 : "\(title.0), \(title.1)"
    }

    var absent: [Markup] { [.tag("span", ["class": "minor"], "–")] }

    /// A number with smaller remarks below.
    private func stacked(_ number: String, _ remarks: [String]) -> [Markup] {
        let lines = remarks.map { Markup.tag("span", ["class": "minor below"], $0) }
        return [.tag("span", ["class": "stacked"], [.tag("span", ["class": "number"], number)] + lines)]
    }

    func table(_ titles: [(String, String)], _ rows: [Markup], class name: String) -> Markup {
        .table(titles, rows, class: name)
    }
}
