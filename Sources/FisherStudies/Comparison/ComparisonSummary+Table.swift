import Foundation

extension ComparisonSummary {
    /// A column of the optimizers, whose rows are their positions.
    private typealias Column = StudyColumn<Int>

    /// The headline and the tables as plain text, for a terminal or a file.
    ///
    /// - Parameters:
    ///   - width: The terminal's width; a table that is wider is split in two, losses and costs, and these are fitted into
    ///     it. Without a width everything stays whole.
    ///   - usesColor: Whether the best loss is colored; it is marked with a star in any case.
    public func text(width: Int? = nil, usesColor: Bool = false) -> String {
        func fitted(_ table: StudyTable) -> [String] { table.lines(width: width, usesColor: usesColor) }
        var lines = DisplayWidth.paragraph(headline.printable, width: width)
        lines.append("")
        if let pilot, !pilot.needs.isEmpty {
            lines += fitted(pilot.table(unit: lossUnit)) + [""]
        }
        let labels = labelColumn(width: width ?? .max)
        let whole = table([labels] + lossColumns + costColumns + [runColumn])
        if whole.width <= width ?? .max {
            lines += fitted(whole)
        } else {
            lines += fitted(table([labels] + lossColumns + [runColumn]))
            lines += [""] + fitted(table([labels] + costColumns))
        }
        if !measures.isEmpty { lines += [""] + fitted(measureTable(.plain)) }
        for more in [pairTable(labels), targetTable(labels), targetRunTable, reachTable(labels)] {
            if let more { lines += [""] + fitted(more) }
        }
        let warnings = warnings.flatMap {
            DisplayWidth.paragraph("Warning: " + $0.printable, width: width)
        }
        if !warnings.isEmpty { lines += [""] + warnings }
        if !legend.isEmpty { lines += [""] + DisplayWidth.paragraph(legend, width: width) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// One row per optimizer: final losses, differences to the first one, times and memory. Its comma-separated values have
    /// the target's steps and seconds too.
    public var table: StudyTable {
        table([labelColumn(width: .max)] + lossColumns + costColumns + [runColumn] + fields)
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
        let hasValidation = rows.contains { $0.validationError != nil }
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
            Column(["Δ to first, paired"], unit: ["[simultaneous 95 %]"]) { index in
                guard let contrast = rows[index].contrast else { return index == 0 ? "first" : "-" }
                let interval = contrast.interval.map { " " + text.interval($0, decimals: decimals) } ?? ""
                return .init(text.signed(contrast.mean, decimals: decimals) + interval)
            },
            Column(["finding"], unit: ["adjusted p"], .left) { .init(finding(rows[$0])) },
        ]
            + (hasValidation
                ? [
                    Column(["val. sample"], unit: ["± of loss; of Δ"]) { index in
                        .init(validationText(rows[index], text))
                    }
                ] : [])
    }

    /// What may be said of a row against the first one, with its p-values.
    package func finding(_ row: Row) -> String {
        guard let contrast = row.contrast else { return "" }
        let p = contrast.probability.map { " p \(Self.probability($0))" } ?? ""
        let word =
            switch contrast.verdict {
            case .lower, .higher, .equal, .points, .open: contrast.verdict.rawValue
            case .equivalent: "within margin"
            }
        let equivalence = contrast.equivalence.map { ", margin p \(Self.probability($0))" } ?? ""
        return word + p + equivalence
    }

    /// The standard errors of a loss, and of its difference to the first one, over parts of the validation data.
    package func validationText(_ row: Row, _ text: NumberText) -> String {
        [row.validationError, row.contrast?.validationError].compactMap { error in
            error.map { text.fixed($0, decimals: lossDecimals) }
        }.joined(separator: "; ")
    }

    /// What programs read besides, for `summary.csv`.
    private var fields: [Column] {
        func number(_ key: String, _ value: @escaping (Row) -> Double?) -> Column {
            .field(key) { value(rows[$0]) }
        }
        return [
            .field("optimizer") { rows[$0].label },
            number("loss_mean") { $0.finalLoss?.mean }, number("loss_sd") { $0.finalLoss?.standardDeviation },
            .field("seeds") { "\(rows[$0].completedCount)" }, .field("runs") { "\(rows[$0].runCount)" },
            .field("diverged") { "\(rows[$0].divergedCount)" },
            number("difference") { $0.contrast?.mean },
            number("difference_low") { $0.contrast?.interval?.lowerBound },
            number("difference_high") { $0.contrast?.interval?.upperBound },
            number("p_adjusted") { $0.contrast?.probability },
            number("p_equivalence") { $0.contrast?.equivalence },
            .field("finding") { rows[$0].contrast?.verdict.rawValue ?? "" },
            number("validation_error") { $0.validationError },
            number("difference_validation_error") { $0.contrast?.validationError },
            .field("target_reached") { rows[$0].target.map { "\($0.steps.reached)" } ?? "" },
            .field("target_runs") { rows[$0].target.map { "\($0.steps.count)" } ?? "" },
            number("target_steps_mean") { $0.target?.steps.mean?.mean },
            number("target_steps_median") { $0.target?.steps.median },
            number("target_seconds_mean") { $0.target?.seconds.mean?.mean },
            number("target_seconds_median") { $0.target?.seconds.median },
            number("target_steps_ratio") { $0.targetSteps?.value },
            number("target_steps_ratio_low") { $0.targetSteps?.interval?.lowerBound },
            number("target_steps_ratio_high") { $0.targetSteps?.interval?.upperBound },
        ]
            + measures.flatMap { measure -> [Column] in
                [
                    .field("\(measure.key)_mean", number: { measure.values[$0]?.mean }),
                    .field("\(measure.key)_sd", number: { measure.values[$0]?.standardDeviation }),
                ]
            }
    }

    private var costColumns: [Column] {
        let text = NumberText.plain
        func times(_ title: String, _ value: @escaping (Row) -> Double?) -> Column {
            Column([title], unit: ["ms/step"]) { index in
                .init(value(rows[index]).map { text.milliseconds($0) + rows[index].timeMark } ?? "-")
            }
        }
        return [
            times("fwd+bwd", \.forwardBackwardMilliseconds), times("optimizer", \.optimizerMilliseconds),
            Column(["State"], unit: [stateUnit.name]) {
                .init(text.fixed(Double(rows[$0].stateBytes) / stateUnit.bytes, decimals: 2))
            },
            Column(["State"], unit: ["B/param."]) {
                .init(bytesPerParameter(rows[$0]).map { text.fixed($0, decimals: 2) } ?? "-")
            },
        ]
    }

    /// The unit of the optimizers' states.
    package var stateUnit: (name: String, bytes: Double) {
        NumberText.binaryUnit(for: rows.map(\.stateBytes).max() ?? 0)
    }

    /// What the runs are judged by besides the loss, a column a measure.
    package func measureTable(_ text: NumberText) -> StudyTable {
        table(
            [labelColumn(width: .max)]
                + measures.map { measure in
                    Column(
                        [measure.name],
                        unit: [measure.unit, measure.better.rawValue + " is better"].filter { !$0.isEmpty }
                    ) { .init(measure.text($0, text)) }
                })
    }

    /// What the numbers of ``measureTable(_:)`` are.
    package var measureNote: String {
        rows.contains { $0.completedCount > 1 }
            ? "Mean and sample standard deviation over the seeds; of a single run its value, with the 95 % interval "
                + "over the held-out examples in brackets."
            : "The value with the 95 % interval over the held-out examples in brackets."
    }

    /// The differences of the optimizers after the first one.
    private func pairTable(_ labels: Column) -> StudyTable? {
        pairs.contains { $0.probability != nil } ? pairTable(NumberText.plain) : nil
    }

    /// The differences of all pairs without the first optimizer, with Holm's p-values.
    package func pairTable(_ text: NumberText) -> StudyTable {
        StudyTable(
            pairs,
            [
                StudyColumn(["Pair"], .left) {
                    .init("\(rows[$0.index].label) less \(rows[$0.reference].label)")
                },
                StudyColumn(["Δ, paired"], unit: ["nats/\(lossUnit)"]) {
                    .init(text.signed($0.difference.mean, decimals: lossDecimals))
                },
                StudyColumn(["Holm's p"]) { .init($0.probability.map(Self.probability) ?? "-") },
            ])
    }

    /// Steps and time to the target.
    private func targetTable(_ labels: Column) -> StudyTable? {
        guard let target = plan.target else { return nil }
        return table(
            [labels] + targetColumns(NumberText.plain, title: "To \(NumberText.short(target)) nats:"))
    }

    /// The columns on steps and time to the target; a row's value is its position.
    package func targetColumns(_ text: NumberText, title: String?) -> [StudyColumn<Int>] {
        func ratio(_ heading: String, _ value: @escaping (Row) -> LossReach.Ratio?) -> Column {
            Column([heading, "to first"], unit: ["[95 %]"]) { index in
                guard let found = value(rows[index]) else { return index == 0 ? "first" : "-" }
                let ends = found.interval.map {
                    " [\(text.fixed($0.lowerBound, decimals: 2)), \(text.fixed($0.upperBound, decimals: 2))]"
                }
                return .init(text.fixed(found.value, decimals: 2) + (ends ?? ""))
            }
        }
        return [
            Column([title, "runs that reach it"].compactMap(\.self)) { index in
                .init(rows[index].target.map { "\($0.steps.reached)/\($0.steps.count)" } ?? "-")
            },
            Column(["steps, mean"], unit: ["[95 %]"]) { censoredMean(rows[$0].target?.steps, 0, text) },
            Column(["steps,", "median"], unit: ["[95 %]"]) {
                censoredMedian(rows[$0].target?.steps, 0, text)
            },
            Column(["seconds, mean"], unit: ["[95 %]"]) {
                censoredMean(rows[$0].target?.seconds, secondsDecimals, text)
            },
            Column(["seconds,", "median"], unit: ["[95 %]"]) {
                censoredMedian(rows[$0].target?.seconds, secondsDecimals, text)
            },
            ratio("steps", \.targetSteps), ratio("seconds", \.targetSeconds),
        ]
    }

    /// Seconds are shown to a tenth, those of short runs to a thousandth.
    private var secondsDecimals: Int {
        rows.compactMap { $0.target?.seconds.median }.contains { $0 < 1 } ? 3 : 1
    }

    private func censoredMean(_ times: CensoredSummary?, _ decimals: Int, _ text: NumberText)
        -> StudyTable.Cell
    {
        guard let times else { return "-" }
        guard let mean = times.mean else { return "censored" }
        let ends = times.meanInterval.map {
            " [\(text.fixed($0.lowerBound, decimals: decimals)), \(text.fixed($0.upperBound, decimals: decimals))]"
        }
        return .init(text.fixed(mean.mean, decimals: decimals) + (ends ?? ""))
    }

    private func censoredMedian(_ times: CensoredSummary?, _ decimals: Int, _ text: NumberText)
        -> StudyTable.Cell
    {
        guard let times else { return "-" }
        func end(_ value: Double?) -> String { value.map { text.fixed($0, decimals: decimals) } ?? "never" }
        let ends = times.count >= 6 ? " [\(end(times.medianFrom)), \(end(times.medianTo))]" : ""
        return .init(end(times.median) + ends)
    }

    /// Steps and time to the target, run by run.
    package var targetRunTable: StudyTable? {
        guard plan.target != nil else { return nil }
        let runs = rows.flatMap { row in (row.target?.runs ?? []).map { (row.label, $0) } }
        let text = NumberText.plain
        return StudyTable(
            runs,
            [
                StudyColumn(["Run"], .left) { .init("\($0.0), seed \($0.1.seed)") },
                StudyColumn(["steps to target"]) { run in
                    .init(run.1.steps.map { text.fixed($0, decimals: 0) } ?? "not within \(run.1.length)")
                },
                StudyColumn(["seconds"]) {
                    .init($0.1.seconds.map { text.fixed($0, decimals: secondsDecimals) } ?? "-")
                },
            ])
    }

    /// Steps, tokens and time to the final loss of the first optimizer.
    private func reachTable(_ labels: Column) -> StudyTable? {
        guard rows.contains(where: { $0.reach != nil }) else { return nil }
        let text = NumberText.plain
        func column(
            _ title: [String], _ value: @escaping (LossReach) -> CensoredSummary,
            _ written: @escaping (Double) -> String
        ) -> Column {
            Column(title) { index in
                guard let reach = rows[index].reach else { return index == 0 ? "first" : "-" }
                return .init(value(reach).median.map(written) ?? "not reached")
            }
        }
        return table([
            labels,
            Column(["Relative", "final loss"]) { index in
                let relative = rows[index].relativeLoss.map { text.fixed($0, decimals: 3) }
                return .init(relative ?? (index == 0 ? "1.000" : "-"))
            },
            column(["Median steps to", "the first's loss"], \.steps) { text.fixed($0, decimals: 0) },
            column(["median", "seconds"], \.seconds) { text.fixed($0, decimals: 1) },
            column(["median", examples], \.tokens, text.compact),
            Column(["seeds that", "reach it"]) { index in
                .init(rows[index].reach.map { "\($0.steps.reached)/\($0.steps.count)" } ?? "")
            },
        ])
    }

    private var runColumn: Column {
        Column(["runs/diverged"]) { "\(rows[$0].runCount)/\(rows[$0].divergedCount)" }
    }

    /// Bytes of optimizer state for each trained parameter; nil if the task has none.
    package func bytesPerParameter(_ row: Row) -> Double? {
        parameterCount > 0 ? Double(row.stateBytes) / Double(parameterCount) : nil
    }

    /// The decimals that distinguish the losses: three, more where they differ by less.
    package var lossDecimals: Int {
        let spread = rows.compactMap { $0.finalLoss?.standardDeviation }.max()
        let differences = rows.compactMap { $0.contrast.map { abs($0.mean) } }
        let means = rows.compactMap { $0.finalLoss.map { abs($0.mean) } }
        // Two digits of the largest spread, one of the smallest difference, four of the smallest mean.
        let needed = [spread.map { $0 / 10 }] + differences.map { $0 } + means.map { $0 / 1000 }
        let finest = needed.compactMap { $0 }.filter { $0 > 0 }.min() ?? 1e-3
        return min(max(Int((-log10(finest)).rounded(.up)), 3), 6)
    }

    /// The meaning of the table's signs: which intervals these are, and what they do not contain.
    public var legend: String {
        var notes: [String] = []
        if bestIndex != nil { notes.append("* lowest mean.") }
        if rows.contains(where: { $0.finalLoss?.standardDeviation != nil }) {
            notes.append("± sample standard deviation over seeds.")
        }
        if rows.contains(where: { $0.contrast?.interval != nil }) { notes.append(intervalNote) }
        if pairs.contains(where: { $0.probability != nil }) {
            notes.append(
                "Pairs: paired t tests with Holm's correction, none below the smallest p to the first."
            )
        }
        if plan.margin != nil {
            notes.append("Margin p: two one-sided t tests, Holm's correction.")
        }
        if rows.contains(where: { $0.validationError != nil }) { notes.append(validationNote) }
        if plan.target != nil { notes.append(targetNote) }
        if let timingNote { notes.append(timingNote) }
        return notes.joined(separator: " ")
    }

    /// Where times are from that were taken after the runs; nil if they are those of the runs.
    package var timingNote: String? {
        let steps = rows.compactMap(\.stepsTimedAlone)
        guard let least = steps.min(), let most = steps.max() else { return nil }
        let count = least == most ? "\(least)" : "\(least) to \(most)"
        return
            "Runs were made side by side: milliseconds are medians of \(count) steps made alone after them, and seconds "
            + "are those of the runs in the same ratio."
    }

    /// Which simultaneous intervals these are.
    package var intervalNote: String {
        let count = rows.compactMap(\.contrast).count
        let family = NumberText.plain.counted(count, "difference")
        switch plan.variances {
        case .own:
            return
                "Interval: Student's t over the differences seed by seed, each with its own variance, at Šidák's level for "
                + "\(family); all hold together with 95 %, whatever the variances."
        case .pooled:
            return
                "Interval: Dunnett's for \(family), paired by seed, with the variance pooled over all optimizers; all "
                + "hold together with 95 % if all scatter alike."
        }
    }

    /// What the noise of the validation sample is.
    package var validationNote: String {
        "Val. sample: the standard error over parts of the validation data, taken as independent. All runs are measured on "
            + "the same data, so the interval over seeds does not contain it: other validation data would move a difference "
            + "by about the second figure."
    }

    /// How runs that do not reach the target are counted.
    package var targetNote: String {
        "Target: the first crossing, interpolated between evaluations, in runs whose schedule is that of the whole run. Runs "
            + "that never reach it are censored: no mean is made, and in a median they are later than all others. Intervals "
            + "of medians are distribution-free and need six runs; ratios are geometric means over seeds, secondary to the "
            + "final loss, with 95 % intervals that hold together among themselves."
    }
}
