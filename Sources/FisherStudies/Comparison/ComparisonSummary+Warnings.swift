extension ComparisonSummary {
    /// Warnings for the reader: differences that the seeds do not show, values at a grid's edge.
    public var warnings: [String] {
        let unseparated = rows.dropFirst().filter { $0.difference?.coversZero == true }.map(\.label)
        var warnings: [String] = []
        if let first = rows.first, !unseparated.isEmpty {
            warnings.append(
                "the 95 % interval of the difference to \(first.label) covers zero for "
                    + unseparated.joined(separator: ", ") + ".")
        }
        for record in tuning {
            for edge in record.edges {
                warnings.append(
                    "the best \(edge.name) of \(record.label), \(edge.value), lies at the edge of its grid; "
                        + "a wider one may contain a better value.")
            }
            let failed = record.trials.filter { $0.meanLoss == nil }.count
            if record.best == nil {
                warnings.append("no trial of \(record.label) completed; it keeps the options it had.")
            } else if failed > 0 {
                warnings.append("\(failed) of \(record.trials.count) trials of \(record.label) diverged.")
            }
        }
        return warnings
    }

    /// The trials of the tuning as text; empty if nothing was tuned.
    public var tuningText: String {
        guard !tuning.isEmpty else { return "" }
        let rule =
            "Tuned on a split of the training data, one rule for all: the lowest mean final loss of equal "
            + "numbers of trials (\(tuning.map(\.trials.count).max() ?? 0) each)."
        return ([rule, ""] + trialTable.lines()).joined(separator: "\n")
    }

    /// Every trial by which options were chosen; the best of each optimizer is marked.
    package var trialTable: StudyTable {
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
                    .init(row.trial.settings.map { "\($0.name) \($0.value)" }.joined(separator: ", "))
                },
                StudyColumn(["Tuning loss"]) { row in
                    let isBest = row.trial == row.best
                    let loss = row.trial.meanLoss.map { NumberText.plain.fixed($0, decimals: 4) }
                    return .init((loss ?? "diverged") + (isBest ? " *" : "  "), isStrong: isBest)
                },
            ])
    }
}
