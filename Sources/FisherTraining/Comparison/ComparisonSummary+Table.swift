extension ComparisonSummary {
    /// The headline and the table as plain text, for a terminal or a file.
    ///
    /// - Parameters:
    ///   - width: The terminal's width; a table that is wider is split in two, losses and costs. Without a
    ///     width it stays whole.
    ///   - usesColor: Whether the best loss is colored; it is marked with a star in any case.
    public func text(width: Int? = nil, usesColor: Bool = false) -> String {
        let width = width ?? .max
        var lines = DisplayWidth.wrapped(DisplayWidth.printable(headline), width: min(width, 100))
        lines.append("")
        let labels = labelColumn(width: width)
        let whole = TextTable([labels] + lossColumns + costColumns + [runColumn])
        if whole.width <= width {
            lines += whole.lines(usesColor: usesColor)
        } else {
            lines += TextTable([labels] + lossColumns + [runColumn]).lines(usesColor: usesColor)
            lines += [""] + TextTable([labels] + costColumns).lines(usesColor: usesColor)
        }
        if let reach = reachTable(labels) { lines += [""] + reach.lines(usesColor: usesColor) }
        let warnings = warnings.flatMap {
            DisplayWidth.wrapped("Warning: " + DisplayWidth.printable($0), width: min(width, 100))
        }
        if !warnings.isEmpty { lines += [""] + warnings }
        let notes = notes(width: width)
        return (lines + (notes.isEmpty ? [] : [""] + notes)).joined(separator: "\n") + "\n"
    }

    private func labelColumn(width: Int) -> TextTable.Column {
        let limit = max(12, min(36, width / 3))
        return TextTable.Column(
            ["Optimizer"], .left,
            rows.map { .init(lines: DisplayWidth.wrapped(DisplayWidth.printable($0.label), width: limit)) }
        )
    }

    private var lossColumns: [TextTable.Column] {
        let decimals = NumberText.decimals(for: self)
        let text = NumberText.plain
        let losses = rows.enumerated().map { index, row in
            guard let loss = row.finalLoss else { return TextTable.Cell("-  ") }
            let isBest = index == bestIndex
            return TextTable.Cell(
                text.spread(loss, decimals: decimals) + (isBest ? " *" : "  "), isStrong: isBest
            )
        }
        let bits = rows.map { row in
            TextTable.Cell(
                row.finalLoss.map { text.fixed(Self.bits(fromNats: $0.mean), decimals: decimals) } ?? "-"
            )
        }
        let differences = rows.enumerated().map { index, row in
            guard let difference = row.difference else { return TextTable.Cell(index == 0 ? "first" : "-") }
            let interval = difference.interval.map { " " + text.interval($0, decimals: decimals) } ?? ""
            return TextTable.Cell(text.signed(difference.mean, decimals: decimals) + interval)
        }
        return [
            TextTable.Column(["Final val. loss  ", "nats/\(lossUnit)  "], .right, losses),
            TextTable.Column(["bits/\(lossUnit)"], .right, bits),
            TextTable.Column(["Δ to first, paired", "[95 % interval]"], .right, differences),
        ]
    }

    private var costColumns: [TextTable.Column] {
        let text = NumberText.plain
        func times(_ value: (Row) -> Double?) -> [TextTable.Cell] {
            rows.map { row in TextTable.Cell(value(row).map { text.milliseconds($0) } ?? "-") }
        }
        return [
            TextTable.Column(["fwd+bwd", "ms/step"], .right, times(\.forwardBackwardMilliseconds)),
            TextTable.Column(["optimizer", "ms/step"], .right, times(\.optimizerMilliseconds)),
            TextTable.Column(
                ["State", "MiB"], .right,
                rows.map { .init(text.fixed(Double($0.stateBytes) / 1_048_576, decimals: 2)) }
            ),
            TextTable.Column(
                ["State", "B/param."], .right,
                rows.map { row in .init(bytesPerParameter(row).map { text.fixed($0, decimals: 2) } ?? "-") }
            ),
        ]
    }

    /// What it took to reach the loss at which the first optimizer ended.
    private func reachTable(_ labels: TextTable.Column) -> TextTable? {
        guard rows.contains(where: { $0.reach != nil }) else { return nil }
        let text = NumberText.plain
        func cells(_ value: (BaselineReach) -> String) -> [TextTable.Cell] {
            rows.enumerated().map { index, row in
                .init(row.reach.map(value) ?? (index == 0 ? "first" : "not reached"))
            }
        }
        let relative = rows.enumerated().map { index, row in
            TextTable.Cell(
                row.relativeLoss.map { text.fixed($0, decimals: 3) } ?? (index == 0 ? "1.000" : "-"))
        }
        return TextTable([
            labels, TextTable.Column(["Relative", "final loss"], .right, relative),
            TextTable.Column(
                ["To the first's", "final loss: steps"], .right, cells { text.fixed($0.steps, decimals: 0) }),
            TextTable.Column(["seconds"], .right, cells { text.fixed($0.seconds, decimals: 1) }),
            TextTable.Column(["\(lossUnit)s"], .right, cells { text.compact($0.tokens) }),
            TextTable.Column(["seeds that", "reach it"], .right, cells { "\($0.reached)/\($0.count)" }),
        ])
    }

    private var runColumn: TextTable.Column {
        TextTable.Column(
            ["runs/", "diverged"], .right, rows.map { .init("\($0.runCount)/\($0.divergedCount)") })
    }

    /// Bytes of optimizer state for each trained parameter; nil where the task has none.
    func bytesPerParameter(_ row: Row) -> Double? {
        parameterCount > 0 ? Double(row.stateBytes) / Double(parameterCount) : nil
    }

    /// What the table's signs mean.
    private func notes(width: Int) -> [String] {
        let seeds = rows.contains { $0.finalLoss?.standardDeviation != nil }
        var notes: [String] = []
        if bestIndex != nil { notes.append("* lowest mean.") }
        if seeds { notes.append("± sample standard deviation over seeds.") }
        if rows.contains(where: { $0.difference?.interval != nil }) {
            notes.append(
                "Interval: Student's t over the differences seed by seed, not corrected for the number "
                    + "of optimizers compared.")
        }
        return notes.isEmpty ? [] : DisplayWidth.wrapped(notes.joined(separator: " "), width: min(width, 100))
    }
}
