import FisherStudies

extension HierarchyComparison: ReportedStudy {
    /// The hierarchy as one self-contained HTML page, readable without a network and without scripts.
    public func report() -> String {
        ReportPage(
            title: "\(task.name): the hierarchy of optimizers",
            [
                .opening(
                    "From the identity to the whole Fisher information", title: task.name,
                    description: task.description),
                chart.figure(id: "cost", note: "Up is nearer to the natural gradient, left is cheaper."),
                .section("Levels", [.table(overview)], notes: [legend]),
                .configuration(task, environment), .footer(environment),
            ]
        ).source
    }

    private var chart: PointChart {
        PointChart(
            title: "Accuracy against cost",
            horizontalTitle: "time of a step, in steps of plain gradient descent",
            verticalTitle: "cosine of the angle to the exact natural gradient",
            points: levels.enumerated().map { index, level in
                PointChart.Point(
                    label: level.label, style: SeriesStyle(index: index), x: level.relativeTime,
                    y: level.cosine)
            }, verticalDomain: min(0, levels.map(\.cosine).filter(\.isFinite).min() ?? 0)...1.02)
    }
}
