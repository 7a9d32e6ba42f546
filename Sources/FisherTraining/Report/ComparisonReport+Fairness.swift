extension ComparisonReport {
    /// What a reader should not overlook.
    var warnings: Markup? {
        let warnings = summary.warnings
        guard !warnings.isEmpty else { return nil }
        return .tag(
            "ul", ["class": "warnings"],
            warnings.map { warning in
                .tag("li", [:], warning.prefix(1).uppercased() + warning.dropFirst())
            })
    }

    /// What it took each optimizer to reach the loss at which the first one ended.
    var reachTable: Markup? {
        guard let first = summary.rows.first, summary.rows.contains(where: { $0.reach != nil }) else {
            return nil
        }
        let text = NumberText.typographic
        let titles = [
            ("Optimizer", ""), ("Relative", "final loss"), ("Steps", ""), ("Time", "seconds"),
            ("Seen", "\(summary.lossUnit)s"), ("Seeds", "that reach it"),
        ]
        let rows = summary.rows.indices.dropFirst().map { index -> Markup in
            let row = summary.rows[index]
            func cell(_ value: (BaselineReach) -> String) -> [Markup] {
                row.reach.map { [.text(value($0))] } ?? absent
            }
            let cells: [[Markup]] = [
                [SeriesStyle(index: index).swatch, .tag("span", ["class": "name"], row.label)],
                row.relativeLoss.map { [.text(text.fixed($0, decimals: 3))] } ?? absent,
                cell { text.fixed($0.steps, decimals: 0) }, cell { text.fixed($0.seconds, decimals: 1) },
                cell { text.compact($0.tokens) }, cell { "\($0.reached) of \($0.count)" },
            ]
            return self.row(cells, titles)
        }
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Reaching the final loss of \(first.label)"),
                table(titles, rows, class: "runs"),
                .tag(
                    "p", ["class": "note"],
                    "Means over the seeds that reach it; between two evaluations losses are taken to change "
                        + "evenly. Relative is the mean final loss over that of \(first.label), over common seeds."
                ),
            ])
    }

    /// Every trial by which options were chosen.
    var tuningTable: Markup? {
        guard !summary.tuning.isEmpty else { return nil }
        let titles = [("Optimizer", ""), ("Options", ""), ("Tuning loss", "nats/\(summary.lossUnit)")]
        let rows = summary.tuning.flatMap { record in
            record.trials.map { trial -> Markup in
                let isBest = trial == record.best
                let loss = trial.meanLoss.map { NumberText.typographic.fixed($0, decimals: 4) } ?? "diverged"
                let options = trial.settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
                let cells: [[Markup]] = [
                    [.tag("span", ["class": "name"], record.label)],
                    [.text(options)], [.tag(isBest ? "b" : "span", [:], loss)],
                ]
                return row(cells, titles)
            }
        }
        return .tag(
            "section", [:],
            [
                .tag("h2", [:], "Tuning"), table(titles, rows, class: "runs"),
                .tag(
                    "p", ["class": "note"],
                    "On a split of the training data. One rule for all: the lowest mean final loss (bold) of the "
                        + "trials; the comparison itself is on data that tuning did not see."),
            ])
    }

    private func row(_ cells: [[Markup]], _ titles: [(String, String)]) -> Markup {
        .tableRow(cells, titles)
    }
}
