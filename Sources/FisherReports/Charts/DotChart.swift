import FisherStudies

/// Rows of dots, one dot a seed, with the mean and where wanted an interval.
struct DotChart: Figure, Sendable {
    /// One optimizer's dots.
    struct Row: Sendable {
        let label: String
        let style: SeriesStyle
        let dots: [(seed: UInt64, value: Double)]
        let mean: Double?
        let interval: ClosedRange<Double>?
        /// The numbers in words, one or two lines.
        let notes: [String]
    }

    let title: String
    let horizontalTitle: String
    let rows: [Row]
    let domain: ClosedRange<Double>
    /// A value that a line marks in all rows.
    let reference: Double?
    /// The seeds in the order in which their dots are stacked within a row.
    let seeds: [UInt64]
    /// Values that are shaded in all rows, such as the differences that do not matter; nil for none.
    var shaded: ClosedRange<Double>?

    /// The final losses; nil if no run completed.
    static func finalLosses(_ result: OptimizerComparison, _ summary: ComparisonSummary) -> DotChart? {
        let decimals = summary.lossDecimals
        let rows = zip(result.entries, summary.rows).enumerated().map { index, pair in
            let (entry, row) = pair
            var notes = [row.finalLoss.map { NumberText.typographic.spread($0, decimals: decimals) } ?? "–"]
            if row.divergedCount > 0 { notes.append("\(row.divergedCount) of \(row.runCount) diverged") }
            return Row(
                label: entry.label, style: SeriesStyle(index: index), dots: dots(entry.finalLosses),
                mean: row.finalLoss?.mean, interval: nil, notes: notes
            )
        }
        let values = rows.flatMap { $0.dots.map(\.value) }
        guard let domain = LossRange.horizontal(values) else { return nil }
        return DotChart(
            title: "Final validation loss of every seed",
            horizontalTitle: "final validation loss, nats/\(summary.lossUnit)", rows: rows, domain: domain,
            reference: summary.rows.first?.finalLoss?.mean, seeds: seeds(rows)
        )
    }

    /// The differences to the first optimizer; nil if no other shares a completed seed with it.
    static func differences(_ result: OptimizerComparison, _ summary: ComparisonSummary) -> DotChart? {
        guard let first = result.entries.first else { return nil }
        let decimals = summary.lossDecimals
        let text = NumberText.typographic
        let rows = summary.rows.enumerated().compactMap { index, row -> Row? in
            guard let contrast = row.contrast else { return nil }
            let difference = contrast.difference
            let interval = contrast.interval.map { [text.interval($0, decimals: decimals)] } ?? []
            return Row(
                label: row.label, style: SeriesStyle(index: index),
                dots: difference.pairs.map { ($0.seed, $0.difference) }, mean: difference.mean,
                interval: contrast.interval,
                notes: [text.signed(difference.mean, decimals: decimals)] + interval
            )
        }
        guard let domain = differenceDomain(rows) else { return nil }
        return DotChart(
            title: "Difference to \(first.label), seed by seed",
            horizontalTitle: "difference of final loss, nats/\(summary.lossUnit) (negative: lower)",
            rows: rows, domain: domain, reference: 0, seeds: seeds(rows)
        )
    }

    /// Those differences that a claim's verdict rests on which are of one quantity and with one margin; nil if there are none.
    /// Each has the style of its place among all differences of the claim, as in their table.
    static func differences(_ contrasts: [(place: Int, contrast: ClaimContrast)], title: String) -> DotChart?
    {
        let rows = contrasts.compactMap { place, contrast -> Row? in
            guard contrast.mean.isFinite else { return nil }
            return Row(
                label: "\(contrast.label) less \(contrast.reference)", style: SeriesStyle(index: place),
                dots: zip(contrast.seeds, contrast.differences).map { ($0, $1) }, mean: contrast.mean,
                interval: contrast.interval,
                // The mean above its interval: together they are wider than the margin beside the chart.
                notes: contrast.figures.split(separator: " ", maxSplits: 1).map(String.init))
        }
        guard let first = contrasts.first?.contrast, let dots = differenceDomain(rows) else { return nil }
        // A margin far beyond all that was seen would leave no room for it.
        let reach = max(dots.upperBound - dots.lowerBound, 1e-6)
        let edge = min(abs(first.margin), reach)
        let domain = min(dots.lowerBound, -1.1 * edge)...max(dots.upperBound, 1.1 * edge)
        return DotChart(
            title: title, horizontalTitle: "difference of \(first.quantity)", rows: rows, domain: domain,
            reference: 0, seeds: seeds(rows), shaded: first.margin > 0 ? -first.margin...first.margin : nil)
    }

    /// The range of the axis of differences, zero within; nil if there are no dots.
    private static func differenceDomain(_ rows: [Row]) -> ClosedRange<Double>? {
        let magnitudes = rows.flatMap { $0.dots.map { abs($0.value) } }.sorted()
        guard let largest = magnitudes.last, let shown = LossRange.horizontal(magnitudes) else { return nil }
        // Intervals from few seeds are far wider than what was seen: they may take as much room again.
        let dotLimit = min(largest, shown.upperBound)
        let intervalLimit = rows.compactMap(\.interval).map { max(abs($0.lowerBound), abs($0.upperBound)) }
            .max()
        let limit = max(min(intervalLimit ?? 0, 2 * dotLimit), dotLimit, 1e-6)
        let ends = rows.compactMap(\.interval).flatMap { [$0.lowerBound, $0.upperBound] }
        let values = rows.flatMap { $0.dots.map(\.value) } + ends
        let low = max(values.min() ?? 0, -limit)
        let high = min(values.max() ?? 0, limit)
        return LossRange.padded(min(low, 0)...max(high, 0))
    }

    private static func dots(_ losses: [UInt64: Double]) -> [(seed: UInt64, value: Double)] {
        losses.map { ($0.key, $0.value) }.sorted { $0.seed < $1.seed }
    }

    private static func seeds(_ rows: [Row]) -> [UInt64] {
        Set(rows.flatMap { $0.dots.map(\.seed) }).sorted()
    }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        rows.map { "\($0.label): " + $0.notes.joined(separator: ", ") }.joined(separator: "; ") + "."
    }
}
