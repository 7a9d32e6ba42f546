import FisherStudies
import Foundation

extension LandscapeStudy: ReportedStudy {
    /// The landscape as one self-contained HTML page, readable without a network and without scripts.
    public func report(_ options: PageOptions) -> String {
        LandscapeReport(study: self, options: options).page.source
    }

    /// The losses along lines and on planes, and the largest eigenvalues.
    public var figures: [StudyFigure] {
        LandscapeReport(study: self).figures.map { StudyFigure(name: $0.name, $0.figure) }
    }

    /// The names of all figures that a landscape can have.
    public static var figureNames: [String] { ["lines", "held-out-lines", "planes", "eigenvalues"] }
}

/// Assembles the page of a loss landscape.
struct LandscapeReport {
    let study: LandscapeStudy
    var options = PageOptions()

    var page: ReportPage {
        let text = NumberText.typographic
        let head: [Markup?] = [
            .opening(
                "The loss landscape", title: options.title ?? study.task.name,
                description: study.task.description,
                headline: headline,
                facts: [
                    text.counted(study.runs.count, "run"), text.counted(study.lines.count, "line"),
                    text.grouped(study.task.parameterCount) + " parameters",
                    study.environment.readableDate,
                ]),
            .section("Optimizers", [.table(study.overview)], notes: [study.legend]),
            .warnings(study.warnings),
        ]
        let tail: [Markup?] = [
            study.lineTable.map {
                .section("Lines", [.table($0)], notes: [study.lineLegend])
            },
            .section("Runs", [.table(study.runTable, class: "results runs", style: style)]),
            .configuration(study.task, study.environment, more: [.card("Study", settings)]),
            .footer(study.environment, options.source),
        ]
        return ReportPage(
            title: options.title ?? "\(study.task.name): the loss around and between runs",
            style: PlaneMaps.style, head + figures.map(\.markup) + tail)
    }

    /// The figures, the main one first.
    var figures: [NamedFigure] {
        let places = study.settings.linePlaces
        let unit = "nats/\(study.task.lossUnit)"
        return [
            NamedFigure(
                "lines", chart("Training loss along lines", "training loss, \(unit)", places, \.losses),
                note: "Weights are mixed as (1 - a) first + a second, and beyond either end."),
            NamedFigure(
                "held-out-lines",
                chart("Held-out loss along lines", "held-out loss, \(unit)", places, \.heldOutLosses)),
            NamedFigure(
                "planes", planes,
                note:
                    "The training loss on a plane of two random directions, each filter of which is as long as the "
                    + "weights' own; biases and the parameters of norms are not moved (Li et al. 2018). All runs have the "
                    + "same random draws."),
            NamedFigure(
                "eigenvalues", eigenvalues,
                note: "One mark a run; the upright line is the mean, the whisker its 95 % interval."),
        ].compactMap(\.self)
    }

    /// A run has its optimizer's style.
    private func style(of run: Int) -> SeriesStyle? {
        study.labels.firstIndex(of: study.runs[run].label).map { SeriesStyle(index: $0) }
    }

    /// The optimizers with the flattest and the sharpest ends, or the barrier of a single line.
    private var headline: String {
        let found = study.labels.compactMap { label in
            study.estimate(of: label) { $0.curvature?.eigenvalues.first }.map { (label, $0) }
        }
        if found.count > 1, let low = found.min(by: { $0.1.mean < $1.1.mean }),
            let high = found.max(by: { $0.1.mean < $1.1.mean })
        {
            return
                "By the largest eigenvalue of the Hessian, \(low.0) ends flattest (\(low.1.text)) and \(high.0) sharpest "
                + "(\(high.1.text))."
        }
        guard let line = study.lines.first else { return "" }
        let barrier = LandscapeLine.barrier(line.losses, at: study.settings.linePlaces)
        return barrier.height > 0
            ? "Between \(study.runs[line.from].name) and \(study.runs[line.to].name) the training loss rises by "
                + "\(NumberText.significant(barrier.height)) above the line through the ends."
            : "Between \(study.runs[line.from].name) and \(study.runs[line.to].name) the training loss nowhere rises "
                + "above the line through the ends."
    }

    private var settings: [Setting] {
        let settings = study.settings
        return [
            Setting("training batches", "\(settings.batchCount)"), Setting("seed", "\(settings.seed)"),
            Setting("points of a line between its ends", "\(settings.linePoints)"),
            Setting("points of a plane along a side", "\(settings.planePoints)"),
            Setting("steps of Lanczos' iteration", "\(settings.lanczosSteps)"),
            Setting("probes of the trace", "\(settings.probes)"),
        ]
    }

    /// The largest eigenvalue of every run, on a logarithmic axis where all are positive.
    private var eigenvalues: DotChart? {
        let rows = study.labels.enumerated().compactMap { index, label -> DotChart.Row? in
            guard let found = study.estimate(of: label, { $0.curvature?.eigenvalues.first }) else {
                return nil
            }
            let runs = study.runs.filter { $0.label == label }
            return DotChart.Row(
                label: label, style: SeriesStyle(index: index),
                dots: runs.enumerated().map { (seed: $1.seed ?? UInt64($0), value: found.values[$0]) },
                mean: found.mean, interval: found.halfWidth.map { found.mean - $0...found.mean + $0 },
                notes: [found.text])
        }
        let values = rows.flatMap { $0.dots.map(\.value) }
        guard study.runs.count > 1, let low = values.min(), let high = values.max() else { return nil }
        return DotChart(
            title: "Largest eigenvalue of the Hessian", horizontalTitle: "largest eigenvalue", rows: rows,
            domain: LossRange.padded(min(low, 0)...max(high, 0)), reference: nil,
            seeds: Set(rows.flatMap { $0.dots.map(\.seed) }).sorted())
    }

    private func chart(
        _ title: String, _ verticalTitle: String, _ places: [Double],
        _ losses: (LandscapeLine) -> [Double]
    ) -> SeriesChart? {
        let series = study.lines.enumerated().map { index, line in
            SeriesChart.Series(
                label: "\(short(line.from)) \u{2192} \(short(line.to))", style: SeriesStyle(index: index),
                points: zip(places, losses(line)).map { SeriesChart.Point(x: $0, y: $1) }, marked: [0, 1])
        }
        let summary = zip(series, study.lines).map { series, line in
            let (height, place) = LandscapeLine.barrier(losses(line), at: places)
            return "\(series.label): " + String(format: "a barrier of %.3g at %.3g", height, place)
        }
        return SeriesChart(
            title: title, summary: summary.joined(separator: "; ") + ".",
            horizontal: SeriesChart.Axis(
                title: "place on the line: 0 is the first run, 1 the second", references: [0, 1]),
            vertical: SeriesChart.Axis(title: verticalTitle), series: series)
    }

    /// A run's name, without its seed where that is the same for all.
    private func short(_ position: Int) -> String {
        let run = study.runs[position]
        return Set(study.runs.map(\.seed)).count == 1
            ? run.label : run.seed.map { "\(run.label) \($0)" } ?? run.label
    }

    private var planes: PlaneMaps? {
        PlaneMaps(
            title: "The loss around each run",
            maps: study.runs.indices.compactMap { position in
                let run = study.runs[position]
                return run.plane.map {
                    PlaneMaps.Map(
                        label: short(position),
                        note: run.curvature?.eigenvalues.first.map {
                            "largest eigenvalue \(NumberText.significant($0))"
                        } ?? "loss \(NumberText.significant(run.loss))", losses: $0)
                }
            }, side: study.settings.planePoints, reach: study.settings.planeRange,
            unit: "nats/\(study.task.lossUnit)")
    }
}
