extension ComparisonSummary {
    /// Which optimizer is best, by how much, and whether the seeds suffice to say so.
    ///
    /// The lowest mean and its difference to the first optimizer, the next one where it is not the first,
    /// what diverged, what was not finished; plain text.
    public var headline: String {
        (verdict + remarks).joined(separator: " ")
    }

    private var verdict: [String] {
        guard let bestIndex, let loss = rows[bestIndex].finalLoss else {
            return [rows.isEmpty ? "Nothing was compared." : "No run completed."]
        }
        let best = rows[bestIndex]
        let text = NumberText.typographic
        let value =
            text.spread(loss, decimals: decimals) + " nats/\(lossUnit) over "
            + text.counted(loss.count, "seed")
        guard rows.count > 1 else {
            return ["\(best.label) reaches a final validation loss of \(value)."]
        }
        let opening = "\(best.label) has the lowest mean final validation loss, \(value)"
        var sentences: [String] = []
        if bestIndex == 0 {
            sentences.append(opening + ".")
        } else if let difference = best.difference {
            sentences.append(opening + ": " + phrase(difference, reference: rows[0].label) + ".")
        } else {
            sentences.append(opening + "; it shares no completed seed with \(rows[0].label).")
        }
        if let runnerUpIndex, runnerUpIndex != 0 || bestIndex == 0, let difference = runnerUpDifference {
            sentences.append("The next, \(rows[runnerUpIndex].label), is " + phrase(difference) + ".")
        }
        return sentences
    }

    private var decimals: Int { lossDecimals }

    /// A difference in words: its size, its interval, and what the interval allows to say.
    private func phrase(_ difference: PairedDifference, reference: String? = nil) -> String {
        let link = difference.mean == 0 ? " to " : " than "
        let size = directed(difference.mean) + (reference.map { link + $0 } ?? "")
        guard let interval = difference.interval else {
            return size + " (a single common seed, which says nothing about chance)"
        }
        if interval == 0...0 { return size + " (every common seed ended alike)" }
        let ends = "95 % interval from \(directed(interval.lowerBound)) to \(directed(interval.upperBound))"
        let meaning =
            interval.contains(0)
            ? "covers zero: these seeds do not separate the two" : "excludes zero"
        return "\(size) (\(ends), which \(meaning))"
    }

    private func directed(_ difference: Double) -> String {
        if difference == 0 { return "equal" }
        let size = NumberText.typographic.fixed(abs(difference), decimals: decimals)
        return size + (difference < 0 ? " lower" : " higher")
    }

    /// What the rest of the headline omits: diverged runs, means over the remaining runs, unfinished runs.
    private var remarks: [String] {
        let text = NumberText.typographic
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
                let mean = text.fixed(loss.mean, decimals: decimals)
                remarks.append(
                    "\(row.label) is lower still, \(mean), over the \(row.completedCount) of "
                        + "\(text.counted(row.runCount, "run")) that completed."
                )
            }
        }
        return remarks
    }
}
