extension ComparisonSummary {
    /// What the runs allow to say: on which data, which optimizers end lower or higher than the first one, or that no
    /// difference is shown.
    ///
    /// It begins with tuned options whose best value lies at the edge of what was tried, and ends with what diverged and
    /// what was not finished. The losses of fewer than three seeds are listed without a statement. Plain text.
    public var headline: String { (edgeSentences + verdict + remarks).joined(separator: " ") }

    private var edgeSentences: [String] {
        openEdges.map {
            "Not interior: the best \($0.setting.name) of \($0.label), \($0.setting.value), lies at the edge of what was "
                + "tried; a wider grid may contain a better value."
        }
    }

    private var text: NumberText { .typographic }

    private var verdict: [String] {
        guard rows.contains(where: { $0.finalLoss != nil }) else {
            return [rows.isEmpty ? "Nothing was compared." : "No run completed."]
        }
        if plan.pilot != nil {
            return pilot?.sentences(unit: lossUnit) ?? ["The pilot has fewer than two completed seeds."]
        }
        let place = data.map { "On \($0): " } ?? ""
        guard let bestIndex, let loss = rows[bestIndex].finalLoss else { return [place + points] }
        let best = rows[bestIndex]
        guard rows.count > 1 else {
            return ["\(place)\(best.label) reaches a final validation loss of \(value(loss))."]
        }
        var sentences: [String] = []
        if rows.contains(where: { isSeparated($0) }) {
            sentences.append(place + opening(best, loss, isFirst: bestIndex == 0))
            if let next = runnerUp(of: bestIndex) { sentences.append(next) }
            let told = bestIndex == 0 ? [bestIndex, runnerUpIndex] : [bestIndex]
            let others = rows.indices.filter { !told.contains($0) && isSeparated(rows[$0]) }
            if !others.isEmpty { sentences.append(list(others)) }
        } else {
            sentences.append(
                "\(place)\(best.label) has the lowest mean final validation loss, \(value(loss)), but no optimizer is shown "
                    + "to differ from \(rows[0].label)\(largestDifference).")
        }
        let equivalent = rows.filter { $0.contrast?.isEquivalent == true }.map(\.label)
        if let margin = plan.margin {
            let within = "the margin of \(NumberText.short(margin)) nats"
            sentences.append(
                equivalent.isEmpty
                    ? "None is shown to lie within \(within)."
                    : "Shown to lie within \(within) of \(rows[0].label): \(equivalent.joined(separator: ", "))."
            )
        }
        return sentences
    }

    /// The losses of one or two seeds, without a statement.
    private var points: String {
        let most = rows.map { $0.finalLoss?.count ?? 0 }.max() ?? 0
        let means = rows.map { row in
            "\(row.label) " + (row.finalLoss.map { text.fixed($0.mean, decimals: lossDecimals) } ?? "none")
        }
        return
            "\(text.counted(most, "seed")) \(most == 1 ? "is" : "are") too few for an interval"
            + (rows.count > 1 ? ", so that no optimizer is called best" : "")
            + ". \(most == 1 ? "Final" : "Mean final") validation losses in nats/\(lossUnit): "
            + means.joined(separator: ", ")
            + ". Intervals need three seeds or more; --pilot says how many a difference needs."
    }

    private func value(_ loss: SampleSummary) -> String {
        text.spread(loss, decimals: lossDecimals) + " nats/\(lossUnit) over "
            + text.counted(loss.count, "seed")
    }

    private func isSeparated(_ row: Row) -> Bool {
        row.contrast.map { $0.verdict == .lower || $0.verdict == .higher } ?? false
    }

    private func opening(_ best: Row, _ loss: SampleSummary, isFirst: Bool) -> String {
        let opening = "\(best.label) has the lowest mean final validation loss, \(value(loss))"
        if isFirst { return opening + "." }
        guard let contrast = best.contrast else {
            return opening + "; it shares no completed seed with \(rows[0].label)."
        }
        return opening + ": " + phrase(contrast, reference: rows[0].label) + "."
    }

    /// The next optimizer after the best, and whether the two are separated.
    private func runnerUp(of best: Int) -> String? {
        guard let runnerUpIndex, runnerUpIndex != 0 || best == 0 else { return nil }
        let label = rows[runnerUpIndex].label
        if best == 0 {
            return rows[runnerUpIndex].contrast.map { "The next, \(label), is \(phrase($0))." }
        }
        guard let pair = pair(runnerUpIndex, best) else { return nil }
        let mean = pair.index == runnerUpIndex ? pair.difference.mean : -pair.difference.mean
        guard let p = pair.probability else { return "The next, \(label), is \(directed(mean))." }
        if pair.difference.summary.range == 0...0 {
            return "The next, \(label), is equal (every common seed ended alike)."
        }
        let meaning = p < ComparisonPlan.level ? "separated" : "not separated from it by these seeds"
        return "The next, \(label), is \(directed(mean)) (\(meaning), Holm's p \(Self.probability(p)))."
    }

    private func list(_ indices: [Int]) -> String {
        let parts = [BaselineContrast.Verdict.lower, .higher].compactMap { verdict -> String? in
            let labels = indices.filter { rows[$0].contrast?.verdict == verdict }.map { rows[$0].label }
            return labels.isEmpty
                ? nil : "\(verdict.rawValue) than \(rows[0].label): " + labels.joined(separator: ", ")
        }
        return "Also shown to end " + parts.joined(separator: "; ") + "."
    }

    /// The largest difference that was seen where none is shown.
    private var largestDifference: String {
        let largest = rows.filter { $0.contrast?.interval != nil }.max {
            abs($0.contrast?.mean ?? 0) < abs($1.contrast?.mean ?? 0)
        }
        guard let largest, let contrast = largest.contrast else { return "" }
        return "; the largest difference, that of \(largest.label), is " + phrase(contrast)
    }

    /// A difference in words: its size, its interval, and what the interval allows to say.
    private func phrase(_ contrast: BaselineContrast, reference: String? = nil) -> String {
        let link = contrast.mean == 0 ? " to " : " than "
        let size = directed(contrast.mean) + (reference.map { link + $0 } ?? "")
        guard let interval = contrast.interval else {
            return size + " (\(text.counted(contrast.difference.summary.count, "common seed")): no interval)"
        }
        if interval == 0...0 { return size + " (every common seed ended alike)" }
        let ends =
            "simultaneous 95 % interval from \(directed(interval.lowerBound)) to \(directed(interval.upperBound))"
        let meaning =
            interval.contains(0)
            ? "covers zero: these seeds do not separate the two" : "excludes zero"
        return "\(size) (\(ends), which \(meaning))"
    }

    private func directed(_ difference: Double) -> String {
        if difference == 0 { return "equal" }
        let size = text.fixed(abs(difference), decimals: lossDecimals)
        return size + (difference < 0 ? " lower" : " higher")
    }

    /// A p-value as readers expect it.
    package static func probability(_ value: Double) -> String {
        value < 0.001 ? "<0.001" : NumberText.plain.fixed(value, decimals: 3)
    }

    /// What the rest of the headline omits: diverged runs, means over the remaining runs, unfinished runs.
    private var remarks: [String] {
        var remarks: [String] = []
        let failed = rows.filter { $0.divergedCount > 0 }
        if !failed.isEmpty {
            let list = failed.map {
                "\($0.divergedCount) of \(text.counted($0.runCount, "run")) of \($0.label)"
            }
            let verb = failed.reduce(0) { $0 + $1.divergedCount } == 1 ? "counts" : "count"
            remarks.append(list.joined(separator: ", ") + " diverged and \(verb) in no mean.")
        }
        let interrupted = rows.reduce(0) { $0 + $1.interruptedCount }
        if interrupted > 0 {
            remarks.append(
                "\(text.counted(interrupted, "run")) did not finish: this comparison is incomplete.")
        }
        if let bestIndex, let best = rows[bestIndex].finalLoss {
            for row in rows where row.completedCount < row.runCount {
                guard let loss = row.finalLoss, loss.mean < best.mean else { continue }
                let mean = text.fixed(loss.mean, decimals: lossDecimals)
                remarks.append(
                    "\(row.label) is lower still, \(mean), over the \(row.completedCount) of "
                        + "\(text.counted(row.runCount, "run")) that completed."
                )
            }
        }
        return remarks
    }
}
