import Foundation

extension ComparisonSummary {
    /// Warnings for the reader: differences that the seeds do not show, options that were tuned by a single seed, variances
    /// that differ, runs of different lengths, times of a busy machine.
    public var warnings: [String] {
        let unseparated = rows.dropFirst().filter { $0.contrast?.coversZero == true }.map(\.label)
        var warnings: [String] = []
        if let first = rows.first, !unseparated.isEmpty {
            warnings.append(
                "the simultaneous 95 % interval of the difference to \(first.label) covers zero for "
                    + unseparated.joined(separator: ", ") + ".")
        }
        if lengths.count > 1 {
            warnings.append(
                "the runs have different lengths (\(lengths.map(String.init).joined(separator: ", ")) steps): their final "
                    + "losses are not those of equal schedules.")
        }
        let deviations = rows.compactMap { $0.finalLoss?.standardDeviation }.filter { $0 > 0 }
        if plan.variances == .pooled, let low = deviations.min(), let high = deviations.max(), high > 2 * low
        {
            warnings.append(
                "the spreads over seeds differ by a factor of \(NumberText.plain.fixed(high / low, decimals: 1)): the pooled "
                    + "variance is too large for some differences and too small for others; --variances own makes no such "
                    + "assumption.")
        }
        for record in tuning {
            let failed = record.trials.filter { $0.meanLoss == nil }.count
            if record.best == nil {
                warnings.append("no trial of \(record.label) completed; it keeps the options it had.")
            } else if failed > 0 {
                warnings.append("\(failed) of \(record.trials.count) trials of \(record.label) diverged.")
            }
        }
        for record in tuning where record.leavesSecondGroup {
            warnings.append(
                "the learning rate of \(record.label)'s second group was not tuned: --tune RULE.fallback_learning_rate=... "
                    + "puts it into the grid.")
        }
        let single = tuning.filter { $0.trials.contains { $0.runs.count == 1 } }.map(\.label)
        if !single.isEmpty {
            warnings.append(
                "\(single.joined(separator: ", ")) tuned by a single seed, whose luck the choice contains.")
        }
        if let note = MachineLoad.note(rows.map(\.load)) { warnings.append(note) }
        if let note = RunRecord.sideBySideNote(rows.map(\.sideBySide)) { warnings.append(note) }
        return warnings
    }

    /// The trials of the tuning as text, fitted into a terminal of `width` columns; empty if nothing was tuned.
    public func tuningText(width: Int? = nil) -> String {
        guard !tuning.isEmpty else { return "" }
        let rule =
            "Tuned on a split of the training data by seeds of their own, one rule for all: the lowest mean final loss of "
            + "equally many trials, and of more where the best lay at the edge of its grid "
            + "(\(trialCounts))."
        return (DisplayWidth.paragraph(rule, width: width) + [""] + trialTable.lines(width: width)).joined(
            separator: "\n")
    }

    /// The trials and seeds of each tuned optimizer in a few words.
    package var trialCounts: String {
        tuning.map { record in
            let seeds = record.trials.map(\.runs.count).max() ?? 0
            let grown = record.extensions.map { $0 > 0 ? ", \($0) of them added" : "" } ?? ""
            return
                "\(record.label): \(record.trials.count) trials of \(NumberText.plain.counted(seeds, "seed"))\(grown)"
        }.joined(separator: "; ")
    }

    /// Every trial by which options were chosen; the best of each optimizer is marked.
    ///
    /// Values by which a grid grew are ratios of others: they are shown with four digits.
    package var trialTable: StudyTable {
        func short(_ text: String) -> String {
            text.count > 8 ? Double(text).map { String(format: "%.4g", $0) } ?? text : text
        }
        typealias Row = (record: TuningRecord, trial: TuningRecord.Trial, best: TuningRecord.Trial?)
        let rows = tuning.flatMap { record in
            let best = record.best
            return record.trials.map { (record, $0, best) as Row }
        }
        return StudyTable(
            rows,
            [
                StudyColumn(["Optimizer"], .left) { .init($0.record.label) },
                StudyColumn(["Options"], .left) { row in
                    .init(row.trial.settings.map { "\($0.name) \(short($0.value))" }.joined(separator: ", "))
                },
                StudyColumn(["Tuning loss"]) { row in
                    let isBest = row.trial == row.best
                    let loss = row.trial.meanLoss.map { NumberText.plain.fixed($0, decimals: 4) }
                    return .init((loss ?? "diverged") + (isBest ? " *" : "  "), isStrong: isBest)
                },
            ])
    }
}
