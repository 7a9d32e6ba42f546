extension LineChart {
    /// The average accuracy over the tasks trained on so far; nil where no run completed.
    init?(continual result: ContinualComparison) {
        let curves = result.entries.enumerated().compactMap { index, entry -> LossCurve? in
            let runs = entry.runs.filter { $0.status == .completed }.map(\.averagesByStage)
            guard let first = runs.first else { return nil }
            let points = first.indices.compactMap { stage -> LossCurve.Point? in
                guard let summary = SampleSummary(runs.map { $0[stage] }) else { return nil }
                return LossCurve.Point(
                    x: Double(stage + 1), mean: summary.mean, low: summary.range.lowerBound,
                    high: summary.range.upperBound)
            }
            return LossCurve(
                label: entry.method, style: SeriesStyle(index: index), points: points, runCount: runs.count)
        }
        guard let range = LossRange.whole(curves), let end = curves.compactMap({ $0.points.last?.x }).max()
        else { return nil }
        self.init(
            title: "Average accuracy by tasks trained on", horizontalTitle: "tasks trained on",
            verticalTitle: "accuracy over the tasks so far", curves: curves, range: range,
            domain: 1...max(end, 1.001), hasWholeSteps: true, ordinate: .accuracy)
    }
}

extension DotChart {
    /// The average accuracy at the end, a dot a seed; nil where no run completed.
    init?(continual result: ContinualComparison) {
        let rows = result.entries.enumerated().map { index, entry in
            let dots = entry.runs.compactMap { run in
                run.averageAccuracy.map { (seed: run.seed, value: $0) }
            }
            return Row(
                label: entry.method, style: SeriesStyle(index: index),
                dots: dots.sorted { $0.seed < $1.seed }, mean: SampleSummary(dots.map(\.value))?.mean,
                interval: nil,
                notes: [ContinualComparison.Figure(entry, \.averageAccuracy).text(.typographic)])
        }
        let values = rows.flatMap { $0.dots.map(\.value) }
        guard let low = values.min(), let high = values.max() else { return nil }
        self.init(
            title: "Average accuracy of every seed", horizontalTitle: "average accuracy over all tasks",
            rows: rows, domain: LossRange.padded(low...high), reference: nil,
            seeds: Set(rows.flatMap { $0.dots.map(\.seed) }).sorted())
    }
}
