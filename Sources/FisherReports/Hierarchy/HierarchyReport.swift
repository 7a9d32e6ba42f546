import FisherStudies
import Foundation

extension HierarchyComparison: ReportedStudy {
    /// The hierarchy as one self-contained HTML page, readable without a network and without scripts.
    public func report(_ options: PageOptions) -> String { HierarchyReport(study: self, options).page.source }

    /// The angles, the cost, and the curves by damping.
    public var figures: [StudyFigure] {
        HierarchyReport(study: self).figures.map { StudyFigure(name: $0.name, $0.figure) }
    }

    /// The names of all figures that a hierarchy can have.
    public static var figureNames: [String] { ["cost", "angles", "damping-decrease", "damping-angle"] }
}

/// Assembles the page of a hierarchy of optimizers.
struct HierarchyReport {
    let study: HierarchyComparison
    private let summary: HierarchySummary
    private let options: PageOptions

    init(study: HierarchyComparison, _ options: PageOptions = PageOptions()) {
        self.study = study
        self.options = options
        summary = HierarchySummary(study)
    }

    var page: ReportPage {
        let text = NumberText.typographic
        let head: [Markup?] = [
            .opening(
                "Hierarchy of optimizers",
                title: options.title ?? study.task.name,
                description: study.task.description, headline: study.headline,
                facts: [
                    text.counted(study.levels.count, "level"), text.counted(study.seeds.count, "seed"),
                    text.counted(study.settings.trainingSteps.count, "point") + " of each training",
                    text.grouped(study.task.parameterCount) + " parameters",
                    study.environment.readableDate,
                ]),
            .section("Levels", [.table(study.overview)], notes: [study.legend]),
            .warnings(study.warnings),
        ]
        let tail: [Markup?] = [
            study.settings.trainingSteps.count > 1
                ? .section(
                    "Early and late in training", [.table(study.stages)],
                    notes: [
                        "The angle and the held-out decrease at the damping of the first table, by point."
                    ]
                ) : nil,
            study.scaling.map {
                .section("Cost by size", [.table($0, style: { _ in nil })], notes: [study.scalingLegend])
            },
            .configuration(study.task, study.environment, more: [.card("Study", settings)]),
            .footer(study.environment, options.source),
        ]
        return ReportPage(
            title: options.title ?? "\(study.task.name): the hierarchy of optimizers",
            head + figures.map(\.markup) + tail)
    }

    /// The figures, the main one first.
    var figures: [NamedFigure] {
        [
            NamedFigure(
                "cost", cost,
                note:
                    "Up is nearer to the natural gradient, left is cheaper. Whiskers are the 95 % interval over "
                    + "the seeds and the quartiles of the times."),
            NamedFigure(
                "angles", angles,
                note:
                    "One mark a seed, the mean over its points of training; the upright line is the mean over "
                    + "the seeds, the whisker its 95 % interval."),
            curves("decrease", "Held-out decrease by damping", "held-out decrease, mnat") {
                ($0.heldOutDecrease, 1000)
            },
            curves("angle", "Angle by damping", "angle to the natural gradient, degrees") { ($0.angle, 1) },
        ].compactMap(\.self)
    }

    /// The rows of the ladder, level by level.
    private var ladder: [(index: Int, level: HierarchyLevel, row: HierarchySummary.Row)] {
        study.levels.enumerated().compactMap { index, level in
            summary.row(of: index, damping: study.settings.damping).map { (index, level, $0) }
        }
    }

    private var settings: [Setting] {
        let settings = study.settings
        return [
            Setting("damping of the tables", NumberText.short(settings.damping)),
            Setting(
                "dampings of the curves", settings.dampings.map(NumberText.short).joined(separator: ", ")),
            Setting("divergence of a step", "\(NumberText.short(settings.divergence)) nats"),
            Setting("steps of training", settings.trainingSteps.map { "\($0)" }.joined(separator: ", ")),
            Setting("mini-batches of the estimation set", "\(settings.batchCount)"),
            Setting("labels of the factors", settings.labels), Setting("reference", settings.solver),
            Setting(
                "information of the reference",
                settings.draws.map { "\($0) draws of labels a unit" } ?? "closed form"),
            Setting("seeds", study.seeds.map { "\($0)" }.joined(separator: ", ")),
        ]
    }

    private var angles: DotChart? {
        let rows = ladder.map { index, level, row in
            let interval = row.angle.interval.map {
                "\(NumberText.typographic.fixed($0.lowerBound, decimals: 1)) to "
                    + NumberText.typographic.fixed($0.upperBound, decimals: 1)
            }
            return DotChart.Row(
                label: level.label, style: SeriesStyle(index: index),
                dots: row.angle.values.filter { $0.value.isFinite }.map { (seed: $0.key, value: $0.value) }
                    .sorted { $0.seed < $1.seed },
                mean: row.angle.mean.isFinite ? row.angle.mean : nil, interval: row.angle.interval,
                notes: [NumberText.typographic.fixed(row.angle.mean, decimals: 1)]
                    + (interval.map { [$0] } ?? []))
        }
        let values = rows.flatMap { $0.dots.map(\.value) }
        guard let high = values.max() else { return nil }
        return DotChart(
            title: "Angle to the natural gradient, seed by seed",
            horizontalTitle: "angle in the metric of the Fisher information, degrees", rows: rows,
            domain: LossRange.padded(0...max(high, 1)), reference: nil, seeds: study.seeds)
    }

    private var cost: PointChart? {
        let points = ladder.compactMap { index, level, row -> PointChart.Point? in
            guard let cost = level.cost else { return nil }
            return PointChart.Point(
                label: level.label, style: SeriesStyle(index: index), x: cost.relativeTime,
                y: row.cosine.mean,
                xInterval: range(cost.ratioQuartiles[0], cost.ratioQuartiles[2]),
                yInterval: row.cosine.interval)
        }
        guard points.contains(where: { $0.x.isFinite && $0.y.isFinite }) else { return nil }
        return PointChart(
            title: "Accuracy against cost",
            horizontalTitle: "time of a step, in steps of plain gradient descent",
            verticalTitle: "cosine of the angle to the natural gradient", points: points,
            verticalDomain: min(0, points.map(\.y).filter(\.isFinite).min() ?? 0)...1.02)
    }

    private func range(_ low: Double, _ high: Double) -> ClosedRange<Double>? {
        low.isFinite && high.isFinite && low <= high ? low...high : nil
    }

    /// The levels with a damping over the dampings, and the two ends of the ladder.
    private func curves(
        _ id: String, _ title: String, _ verticalTitle: String,
        _ value: (HierarchySummary.Row) -> (estimate: HierarchySummary.Estimate, scale: Double)
    ) -> NamedFigure? {
        let curves = study.levels.enumerated().filter {
            $0.element.isDamped || $0.element.structure == "identity"
        }
        .map { index, level in
            SeriesChart.Series(
                label: level.label, style: SeriesStyle(index: index),
                points: summary.rows(of: index).map { row in
                    let (estimate, scale) = value(row)
                    return SeriesChart.Point(
                        x: row.damping, y: estimate.mean * scale,
                        interval: estimate.interval.map { $0.lowerBound * scale...$0.upperBound * scale })
                }, hasBand: true)
        }
        guard Set(curves.flatMap { $0.points.map(\.x) }.filter { $0 > 0 }).count > 1 else { return nil }
        return NamedFigure(
            "damping-\(id)",
            SeriesChart(
                title: title, horizontal: SeriesChart.Axis(title: "damping", isLogarithmic: true),
                vertical: SeriesChart.Axis(title: verticalTitle, including: [0]), series: curves),
            note: "Levels with a damping, and the identity"
                + (study.seeds.count > 1 ? "; bands are 95 % intervals over the seeds." : "."))
    }
}
