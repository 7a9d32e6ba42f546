import FisherStudies
import Foundation

extension ClaimDocument: ReportedStudy {
    /// The verdict as one self-contained HTML page, readable without a network and without scripts.
    public func report(_ options: PageOptions) -> String {
        ClaimReport(document: self, options: options).page.source
    }

    /// The figures of the finding, `figure-0` and on, after the differences that were judged.
    public var figures: [StudyFigure] {
        ClaimReport(document: self).figures.map { StudyFigure(name: $0.name, $0.figure) }
    }

    /// Claims name their figures by number.
    public static var figureNames: [String] {
        ["differences-0", "figure-0", "figure-1", "figure-2", "figure-3"]
    }
}

/// Assembles the page of a claim.
struct ClaimReport {
    let document: ClaimDocument
    var options = PageOptions()

    private var statement: ClaimStatement { document.statement }
    private var finding: ClaimFinding { document.finding }

    var page: ReportPage {
        let (environment, text) = (document.environment, NumberText.typographic)
        let seeds =
            statement.leastSeeds == nil ? "exact: no seeds" : text.counted(document.seedCount, "seed")
        let head: [Markup?] = [
            .opening(
                "A claim of the sources", title: options.title ?? statement.name,
                description: statement.sentence,
                headline: "\(finding.verdict.headline). \(finding.answer)",
                facts: [
                    statement.document, statement.place, "\(document.form) form", seeds,
                    environment.readableDate,
                ]),
            .warnings(finding.remarks),
            .section("The rule, stated beforehand", [.tag("p", [:], statement.rule)]),
        ]
        let task = TaskSummary(
            name: statement.name, description: "", parameterCount: 0, lossUnit: "", settings: settings)
        let middle: [Markup?] = differences.map(\.markup) + [judged] + drawn.map(\.markup)
        let tail: [Markup?] =
            finding.exhibits.map { Markup.exhibit($0, of: "") } + [
                .configuration(task, environment, called: "Claim"), .footer(environment, options.source),
            ]
        return ReportPage(
            title: options.title ?? "\(statement.name): \(finding.verdict.rawValue)", head + middle + tail)
    }

    private var settings: [Setting] {
        [
            Setting("claim", statement.name), Setting("form", document.form),
            Setting("a verdict needs", statement.leastSeeds.map { "at least \($0) seeds" } ?? "no seeds"),
            Setting(
                "time, without what was kept",
                NumberText.typographic.duration(seconds: document.seconds)),
        ]
            + (statement.leastSeeds == nil
                ? [] : [Setting("seeds", document.seeds.map { "\($0)" }.joined(separator: ", "))])
    }

    /// The differences that were judged: a chart for each quantity and margin, and the table of all.
    private var differences: [NamedFigure] {
        if finding.contrasts.isEmpty { return [] }
        struct Kind: Hashable {
            let quantity: String
            let margin: Double
        }
        var kinds: [Kind] = []
        for contrast in finding.contrasts {
            let kind = Kind(quantity: contrast.quantity, margin: contrast.margin)
            if !kinds.contains(kind) { kinds.append(kind) }
        }
        return kinds.enumerated().compactMap { index, kind in
            NamedFigure(
                "differences-\(index)",
                DotChart.differences(
                    finding.contrasts.enumerated().map { (place: $0, contrast: $1) }.filter {
                        $0.contrast.quantity == kind.quantity && $0.contrast.margin == kind.margin
                    },
                    title: kinds.count == 1 ? "Seed by seed" : "Seed by seed: \(kind.quantity)"
                ),
                note: "One mark a seed; the upright line is the mean, the whisker Student's 95 % interval."
                    + (kind.margin > 0
                        ? " Shaded: differences that do not matter, \u{00B1}\(NumberText.significant(kind.margin))."
                        : ""))
        }
    }

    private var judged: Markup? {
        if finding.contrasts.isEmpty { return nil }
        let table = Markup.table(document.overview, class: "results runs judged")
        return .section("What was judged", [table], notes: [document.legend])
    }

    /// All figures, the differences first.
    var figures: [NamedFigure] {
        differences + drawn
    }

    private var drawn: [NamedFigure] {
        finding.figures.enumerated().compactMap { figure($1, id: "figure-\($0)") }
    }

    private func figure(_ figure: ClaimFigure, id: String) -> NamedFigure? {
        let chart = SeriesChart(
            title: figure.title,
            horizontal: SeriesChart.Axis(
                title: figure.horizontal.title, isLogarithmic: figure.horizontal.isLogarithmic),
            vertical: SeriesChart.Axis(
                title: figure.vertical.title, isLogarithmic: figure.vertical.isLogarithmic),
            series: figure.series.enumerated().map { index, series in
                SeriesChart.Series(
                    label: series.label, style: SeriesStyle(index: index),
                    points: series.points.map {
                        SeriesChart.Point(x: $0.x, y: $0.y, interval: $0.interval)
                    }, isJoined: series.isJoined, marked: series.markedPlaces)
            })
        return NamedFigure(id, chart, note: figure.caption)
    }
}

extension ClaimFigure.Series {
    /// Where a line of many points gets marks, which would hide it at all of them; nil for all.
    fileprivate var markedPlaces: Set<Double>? {
        guard isJoined, points.count > 25 else { return nil }
        return Set(stride(from: 0, to: points.count, by: points.count / 8).map { points[$0].x })
    }
}

extension ClaimFigure.Point {
    /// The whisker; nil if there is none.
    fileprivate var interval: ClosedRange<Double>? {
        guard let lower, let upper, lower <= upper else { return nil }
        return lower...upper
    }
}

extension ClaimVerdict {
    /// The verdict as the title of a page.
    var headline: String {
        switch self {
        case .holds: "It holds"
        case .doesNotHold: "It does not hold here"
        case .undecided: "It cannot be told at this size"
        }
    }
}
