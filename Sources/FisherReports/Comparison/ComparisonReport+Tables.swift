import FisherStudies
import Foundation

extension ComparisonReport {
    /// A column of the optimizers, whose rows are their positions.
    private typealias Column = StudyColumn<Int>

    private var text: NumberText { .typographic }

    private func labelColumn() -> Column { Column(["Optimizer"], .left) { .init(summary.rows[$0].label) } }

    /// One row per optimizer: the main results.
    var resultsTable: Markup {
        let (unit, decimals) = (summary.lossUnit, summary.lossDecimals)
        // What one optimizer alone does not have.
        let contrasts: [Column] = [
            Column(["Δ to first"], unit: ["paired, simultaneous 95 %"]) { index in
                guard let contrast = summary.rows[index].contrast else {
                    return index == 0 ? "first" : "–"
                }
                return .init(lines: [
                    text.signed(contrast.mean, decimals: decimals),
                    contrast.interval.map { text.interval($0, decimals: decimals) } ?? "no interval",
                ])
            },
            Column(["Finding"], unit: ["adjusted p"]) { index in
                .init(lines: summary.finding(summary.rows[index]).components(separatedBy: ", "))
            },
        ]
        let table = StudyTable(
            Array(summary.rows.indices),
            [
                labelColumn(),
                Column(["Final val. loss"], unit: ["nats/\(unit)"]) { index in
                    guard let loss = summary.rows[index].finalLoss else { return "–" }
                    let deviation = loss.standardDeviation.map { ["± " + text.fixed($0, decimals: decimals)] }
                    return .init(
                        lines: [text.fixed(loss.mean, decimals: decimals)] + (deviation ?? []),
                        isStrong: index == summary.bestIndex)
                },
                Column(["Bits"], unit: ["per \(unit)"]) { index in
                    guard let loss = summary.rows[index].finalLoss else { return "–" }
                    return .init(
                        text.fixed(ComparisonSummary.bits(fromNats: loss.mean), decimals: decimals))
                },
            ] + (summary.rows.count > 1 ? contrasts : []) + [
                Column(["Val. sample"], unit: [summary.rows.count > 1 ? "± of loss; of Δ" : "± of loss"]) {
                    index in
                    let errors = summary.validationText(summary.rows[index], text)
                    return .init(lines: errors.isEmpty ? ["–"] : errors.components(separatedBy: "; "))
                },
                Column(["Fwd + bwd"], unit: ["+ optimizer, ms"]) { index in
                    let row = summary.rows[index]
                    let passes = row.forwardBackwardMilliseconds.map(text.milliseconds) ?? "–"
                    let update = row.optimizerMilliseconds.map(text.milliseconds) ?? "–"
                    return .init(lines: [passes, "+ " + update + row.timeMark])
                },
                Column(["State"], unit: [summary.stateUnit.name]) { index in
                    let row = summary.rows[index]
                    let share = summary.bytesPerParameter(row)
                    return .init(
                        lines: [text.fixed(Double(row.stateBytes) / summary.stateUnit.bytes, decimals: 2)]
                            + (share.map { [text.fixed($0, decimals: 2) + " B/param."] } ?? []))
                },
                Column(["Runs"]) { index in
                    let row = summary.rows[index]
                    let interrupted = row.interruptedCount
                    return .init(
                        lines: ["\(row.runCount)", "\(row.divergedCount) diverged"]
                            + (interrupted > 0 ? ["\(interrupted) interrupted"] : []))
                },
            ])
        let hasSpread = summary.rows.contains { $0.finalLoss?.standardDeviation != nil }
        let notes = [
            summary.bestIndex == nil ? nil : "The lowest mean is bold.",
            hasSpread ? "± is the sample standard deviation over seeds." : nil,
            summary.rows.contains { $0.contrast?.interval != nil } ? summary.intervalNote : nil,
            summary.rows.contains { $0.validationError != nil } ? summary.validationNote : nil,
            summary.timingNote,
        ]
        return .section(
            "Results", [.table(table, rowClass: { $0 == summary.bestIndex ? "best" : "" })],
            notes: [notes.compactMap(\.self).joined(separator: " ")])
    }

    /// What the optimizers are judged by besides the loss.
    var measuresTable: Markup? {
        guard !summary.measures.isEmpty else { return nil }
        return .section(
            "Measures on the held-out data", [.table(summary.measureTable(text))],
            notes: [summary.measureNote])
    }

    /// The differences between the optimizers after the first one.
    var pairTable: Markup? {
        guard summary.pairs.contains(where: { $0.probability != nil }) else { return nil }
        return .section(
            "Between the others", [.table(summary.pairTable(text), class: "runs", style: { _ in nil })],
            notes: [
                "Paired t tests with Holm's correction over these pairs; no p-value is below the smallest one to the first "
                    + "optimizer, so that the pairs add no false statement to a table of equal optimizers."
            ])
    }

    /// What a pilot says about the number of seeds.
    var pilotTable: Markup? {
        guard let pilot = summary.pilot, !pilot.needs.isEmpty else { return nil }
        return .section(
            "Seeds that a comparison needs",
            [.table(pilot.table(unit: summary.lossUnit), class: "runs", style: { _ in nil })],
            notes: [pilot.sentences(unit: summary.lossUnit).joined(separator: " ")])
    }

    /// Steps and time to the target, summarized and run by run.
    var targetTables: [Markup?] {
        guard let target = summary.plan.target, let runs = summary.targetRunTable else { return [] }
        let name = "\(NumberText.short(target)) nats/\(summary.lossUnit)"
        let table = StudyTable(
            Array(summary.rows.indices), [labelColumn()] + summary.targetColumns(text, title: nil))
        return [
            .section(
                "Steps and time to \(name)", [.table(table)], notes: [summary.targetNote]),
            .section("Every run's way to \(name)", [.table(runs, class: "runs", style: { _ in nil })]),
        ]
    }

    /// The steps, tokens and time in which each optimizer reached the final loss of the first one.
    var reachTable: Markup? {
        guard let first = summary.rows.first, summary.rows.contains(where: { $0.reach != nil }) else {
            return nil
        }
        let others = Array(summary.rows.indices.dropFirst())
        func column(
            _ title: String, unit: [String] = [], _ value: @escaping (LossReach) -> CensoredSummary,
            _ written: @escaping (Double) -> String
        ) -> Column {
            Column([title], unit: unit) { index in
                guard let reach = summary.rows[index].reach else { return "–" }
                return .init(value(reach).median.map(written) ?? "not reached")
            }
        }
        let table = StudyTable(
            others,
            [
                labelColumn(),
                Column(["Relative"], unit: ["final loss"]) {
                    .init(summary.rows[$0].relativeLoss.map { text.fixed($0, decimals: 3) } ?? "–")
                },
                column("Steps", unit: ["median"], \.steps) { text.fixed($0, decimals: 0) },
                column("Time", unit: ["seconds, median"], \.seconds) { text.fixed($0, decimals: 1) },
                column("Seen", unit: [summary.examples], \.tokens, text.compact),
                Column(["Seeds"], unit: ["that reach it"]) { index in
                    .init(
                        summary.rows[index].reach.map { "\($0.steps.reached) of \($0.steps.count)" } ?? "–")
                },
            ])
        return .section(
            "Reaching the final loss of \(first.label)",
            [.table(table, class: "runs", style: { SeriesStyle(index: others[$0]) })],
            notes: [
                "Medians over the seeds, in which one that never reaches it is later than all others; between two evaluations "
                    + "losses are taken to change evenly. Relative is the mean final loss over that of \(first.label), over "
                    + "common seeds."
            ])
    }

    /// Every trial by which options were chosen.
    var tuningTable: Markup? {
        guard !summary.tuning.isEmpty else { return nil }
        return .section(
            "Tuning", [.table(summary.trialTable, class: "runs", style: { _ in nil })],
            notes: [
                "On a split of the training data, in nats/\(summary.lossUnit). One rule for all: the lowest "
                    + "mean final loss (bold) of the trials (\(summary.trialCounts)); the comparison itself is on data and "
                    + "seeds that tuning did not see."
            ])
    }

    /// One row per run: the data behind the means.
    var runsTable: Markup {
        let (unit, decimals) = (summary.lossUnit, summary.lossDecimals)
        typealias Run = (index: Int, label: String, run: RunRecord)
        let runs = result.entries.enumerated().flatMap { index, entry in
            entry.runs.map { (index, entry.label, $0) as Run }
        }
        func number(
            _ title: String, unit: String, _ value: @escaping (RunRecord) -> Double?
        ) -> StudyColumn<Run> {
            StudyColumn([title], unit: [unit]) {
                .init(value($0.run).map { text.fixed($0, decimals: decimals) } ?? "–")
            }
        }
        // Of one choice among several; the exponential of a whole image's loss says nothing.
        let perplexity =
            ["byte", "token", "character", "code"].contains(unit)
            ? [
                number("Perplexity", unit: "per \(unit)") {
                    $0.completedLoss.map(ComparisonSummary.perplexity)
                }
            ] : []
        let table = StudyTable(
            runs,
            [
                StudyColumn(["Run"], .left) { .init($0.label) },
                number("Final", unit: "nats/\(unit)", \.completedLoss),
                number("Best", unit: "nats/\(unit)", \.bestValidationLoss),
                number("Bits", unit: "per \(unit)") { $0.completedLoss.map(ComparisonSummary.bits) },
            ] + perplexity + [
                StudyColumn(["Steps"]) { .init(text.grouped($0.run.curve.last?.step ?? 0)) },
                StudyColumn(["Time"], unit: ["training"]) { .init(text.elapsed(seconds: $0.run.seconds)) },
                StudyColumn(["Outcome"]) { run in
                    let isRunning = options.running.contains(.init(label: run.label, seed: run.run.seed))
                    return .init(isRunning ? "running" : run.run.status.description)
                },
            ])
        return .section(
            "Every run",
            [
                .table(
                    table, class: "runs", style: { SeriesStyle(index: runs[$0].index) },
                    rowClass: {
                        let run = runs[$0]
                        let isRunning = options.running.contains(.init(label: run.label, seed: run.run.seed))
                        return run.run.completedLoss == nil && !isRunning ? "failed" : ""
                    },
                    label: { row in
                        [
                            .text(runs[row].label + " "),
                            .minor(RunRecord.name(ofSeed: runs[row].run.seed), class: "minor seed"),
                        ]
                    })
            ])
    }
}
