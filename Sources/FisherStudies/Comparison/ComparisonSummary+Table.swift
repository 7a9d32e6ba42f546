import Foundation

extension ComparisonSummary {
    /// A column of the optimizers, whose rows are their positions.
    private typealias Column = StudyColumn<Int>

    /// The headline and the table as plain text, for a terminal or a file.
    ///
    /// - Parameters:
    ///   - width: The terminal's width; a table that is wider is split in two, losses and costs. Without a
    ///     width it stays whole.
    ///   - usesColor: Whether the best loss is colored; it is marked with a star in any case.
    public func text(width: Int? = nil, usesColor: Bool = false) -> String {
        let width = width ?? .max
        let textWidth = min(width, 100)
        var lines = DisplayWidth.wrapped(headline.printable, width: textWidth)
        lines.append("")
        let labels = labelColumn(width: width)
        let whole = table([labels] + lossColumns + costColumns + [runColumn])
        if whole.width <= width {
            lines += whole.lines(usesColor: usesColor)
        } else {
            lines += table([labels] + lossColumns + [runColumn]).lines(usesColor: usesColor)
            lines += [""] + table([labels] + costColumns).lines(usesColor: usesColor)
        }
        if let reach = reachTable(labels) { lines += [""] + reach.lines(usesColor: usesColor) }
        let warnings = warnings.flatMap {
            DisplayWidth.wrapped("Warning: " + $0.printable, width: textWidth)
        }
        if !warnings.isEmpty { lines += [""] + warnings }
        if !legend.isEmpty { lines += [""] + DisplayWidth.wrapped(legend, width: textWidth) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// One row per optimizer: final losses, differences to the first one, times and memory.
    public var table: StudyTable {
        table([labelColumn(width: .max)] + lossColumns + costColumns + [runColumn])
    }

    private func table(_ columns: [Column]) -> StudyTable { StudyTable(Array(rows.indices), columns) }

    private func labelColumn(width: Int) -> Column {
        let limit = max(12, min(36, width / 3))
        return Column(["Optimizer"], .left) { index in
            .init(lines: DisplayWidth.wrapped(rows[index].label.printable, width: limit))
        }
    }

    private var lossColumns: [Column] {
        let decimals = lossDecimals
        let text = NumberText.plain
        return [
            Column(["Final val. loss  "], unit: ["nats/\(lossUnit)  "]) { index in
                guard let loss = rows[index].finalLoss else { return "-  " }
                let isBest = index == bestIndex
                return .init(
                    text.spread(loss, decimals: decimals) + (isBest ? " *" : "  "), isStrong: isBest)
            },
            Column(["bits/\(lossUnit)"]) { index in
                let loss = rows[index].finalLoss
                return .init(loss.map { text.fixed(Self.bits(fromNats: $0.mean), decimals: decimals) } ?? "-")
            },
            Column(["Δ to first, paired"], unit: ["[95 % interval]"]) { index in
                guard let difference = rows[index].difference else { return index == 0 ? "first" : "-" }
                let interval = difference.interval.map { " " + text.interval($0, decimals: decimals) } ?? ""
                return .init(text.signed(difference.mean, decimals: decimals) + interval)
            },
        ]
    }

    private var costColumns: [Column] {
        let text = NumberText.plain
        func times(_ title: String, _ value: @escaping (Row) -> Double?) -> Column {
            Column([title], unit: ["ms/step"]) { .init(value(rows[$0]).map(text.milliseconds) ?? "-") }
        }
        return [
            times("fwd+bwd", \.forwardBackwardMilliseconds), times("optimizer", \.optimizerMilliseconds),
            Column(["State"], unit: ["MiB"]) {
                .init(text.fixed(Double(rows[$0].stateBytes) / 1_048_576, decimals: 2))
            },
            Column(["State"], unit: ["B/param."]) {
                .init(bytesPerParameter(rows[$0]).map { text.fixed($0, decimals: 2) } ?? "-")
            },
        ]
    }

    /// Steps, tokens and time to the final loss of the first optimizer.
    private func reachTable(_ labels: Column) -> StudyTable? {
        guard rows.contains(where: { $0.reach != nil }) else { return nil }
        let text = NumberText.plain
        func column(_ title: [String], _ value: @escaping (BaselineReach) -> String) -> Column {
            Column(title) { .init(rows[$0].reach.map(value) ?? ($0 == 0 ? "first" : "not reached")) }
        }
        return table([
            labels,
            Column(["Relative", "final loss"]) { index in
                let relative = rows[index].relativeLoss.map { text.fixed($0, decimals: 3) }
                return .init(relative ?? (index == 0 ? "1.000" : "-"))
            },
            column(["To the first's", "final loss: steps"]) { text.fixed($0.steps, decimals: 0) },
            column(["seconds"]) { text.fixed($0.seconds, decimals: 1) },
            column(["\(lossUnit)s"]) { text.compact($0.tokens) },
            column(["seeds that", "reach it"]) { "\($0.reached)/\($0.count)" },
        ])
    }

    private var runColumn: Column {
        Column(["runs/", "diverged"]) { "\(rows[$0].runCount)/\(rows[$0].divergedCount)" }
    }

    /// Bytes of optimizer state for each trained parameter; nil if the task has none.
    package func bytesPerParameter(_ row: Row) -> Double? {
        parameterCount > 0 ? Double(row.stateBytes) / Double(parameterCount) : nil
    }

    /// The decimals that distinguish the losses: three, more where they differ by less.
    package var lossDecimals: Int {
        let spread = rows.compactMap { $0.finalLoss?.standardDeviation }.max()
        let differences = rows.compactMap { $0.difference.map { abs($0.mean) } }
        let means = rows.compactMap { $0.finalLoss.map { abs($0.mean) } }
        // Two digits of the largest spread, one of the smallest difference, four of the smallest mean.
        let needed = [spread.map { $0 / 10 }] + differences.map { $0 } + means.map { $0 / 1000 }
        let finest = needed.compactMap { $0 }.filter { $0 > 0 }.min() ?? 1e-3
        return min(max(Int((-log10(finest)).rounded(.up)), 3), 6)
    }

    /// The meaning of the table's signs.
    public var legend: String {
        var notes: [String] = []
        if bestIndex != nil { notes.append("* lowest mean.") }
        if rows.contains(where: { $0.finalLoss?.standardDeviation != nil }) {
            notes.append("± sample standard deviation over seeds.")
        }
        if rows.contains(where: { $0.difference?.interval != nil }) {
            notes.append(
                "Interval: Student's t over the differences seed by seed, not corrected for the number "
                    + "of optimizers compared.")
        }
        return notes.joined(separator: " ")
    }
}
