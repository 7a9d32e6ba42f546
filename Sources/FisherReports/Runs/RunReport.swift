import FisherStudies
import Foundation

/// The page of one training run.
public struct RunReport {
    private let document: RunDocument
    private let folder: String
    private let options: PageOptions
    private let result: OptimizerComparison

    /// The page of a run.
    ///
    /// - Parameters:
    ///   - document: the run's `run.json`.
    ///   - folder: the run's folder, which the page names.
    ///   - options: what the page says besides.
    public init(_ document: RunDocument, folder: String, _ options: PageOptions = PageOptions()) {
        (self.document, self.folder, self.options) = (document, folder, options)
        result = OptimizerComparison(
            task: document.task, environment: document.environment,
            entries: [
                OptimizerEntry(
                    label: document.label, rule: document.rule, options: document.options,
                    runs: [document.record])
            ])
    }

    private var run: RunRecord { document.record }
    private var unit: String { document.task.lossUnit }
    private var text: NumberText { .typographic }

    /// The page's source.
    public func page() -> String {
        let title = options.title ?? document.task.name
        let exhibits = (run.exhibits ?? []).map { Markup.exhibit($0, of: "") }
        let diagonal = RunFigures.diagonal(of: run, label: document.label, id: "diagonal")
        let charts = (figuresOfRun + [RunFigures(result).information, diagonal].compactMap(\.self)).map(
            \.markup)
        let head: [Markup?] = [
            .opening(
                "A training run", title: title, description: document.task.description, headline: headline,
                facts: [
                    document.label, RunRecord.name(ofSeed: run.seed),
                    text.grouped(document.task.parameterCount) + " parameters",
                    document.environment.readableDate,
                ]), resultTable,
        ]
        let missing = Markup.tag("p", ["class": "note"], "The run has no loss that can be drawn yet.")
        let tail: [Markup?] = [
            files,
            .configuration(
                document.task, document.environment,
                more: [
                    .card(document.label, [Setting("rule", document.rule)] + document.options),
                    .card("Run", runSettings),
                ]),
            .footer(
                document.environment,
                options.source ?? "The numbers are in run.json and metrics.jsonl in \(folder)."),
        ]
        return ReportPage(
            title: "\(title): \(document.label), a training run",
            style: run.information == nil ? "" : HeatMap.style,
            head + (charts.isEmpty ? [missing] : charts) + exhibits + tail
        ).source
    }

    /// Writes the page, whole or not at all.
    public func write(to path: String) throws(StudyFileError) {
        try StudyFiles.replaceFile(at: path, with: Data(page().utf8))
    }

    /// The figures of the run for papers, the main one first.
    public var figures: [StudyFigure] { figuresOfRun.map { StudyFigure(name: $0.name, $0.figure) } }

    /// Training and validation loss together, then what else there is.
    private var figuresOfRun: [NamedFigure] {
        let losses = LineChart(losses: run, unit: unit)
        let others = RunFigures(result).all.filter {
            !["steps", "training"].contains($0.name) || losses == nil
        }
        let first = NamedFigure(
            "losses", losses,
            note:
                "The training loss is the mean over the steps since the point before, so that it lags behind a little."
        )
        return ([first] + others).compactMap(\.self)
    }

    /// How far the run came, and to which loss.
    private var headline: String {
        let steps = text.grouped(run.curve.last?.step ?? 0)
        let decimals = 4
        func loss(_ value: Double) -> String { "\(text.fixed(value, decimals: decimals)) nats/\(unit)" }
        let best = bestPoint.map { point in
            point.step == run.curve.last?.step
                ? ", the lowest of the run"
                : "; the lowest was \(loss(point.loss)) after step \(text.grouped(point.step))"
        }
        switch (document.phase, run.curve.last?.validationLoss) {
        case (.completed, let last?):
            return
                "\(document.label) reached a validation loss of \(loss(last)) after \(steps) steps\(best ?? "")."
        case (.stoppedEarly, let last?):
            return
                "\(document.label) was stopped early after \(steps) steps, as its patience was exhausted, at a validation "
                + "loss of \(loss(last))\(best ?? "")."
        case (.diverged, _): return "\(document.label) \(run.status)."
        case (.interrupted, _):
            return
                "\(document.label) was interrupted after \(steps) of \(text.grouped(document.steps)) steps."
        default:
            return
                "\(document.label) has made \(steps) of \(text.grouped(document.steps)) steps as this page was made."
        }
    }

    private var bestPoint: (step: Int, loss: Double)? {
        run.curve.compactMap { point in
            point.validationLoss.flatMap { RunRecord.isUsable($0) ? (point.step, $0) : nil }
        }.min { $0.1 < $1.1 }
    }

    /// The headline and the table, fitted into a terminal of `width` columns.
    public func text(width: Int?) -> String {
        func wrapped(_ text: String) -> [String] {
            DisplayWidth.wrapped(text.printable, width: min(width ?? 100, 100))
        }
        let notes = timeNotes.flatMap { [""] + wrapped($0) }
        return (wrapped(headline) + [""] + table.lines(width: width) + notes).joined(separator: "\n")
    }

    /// What the signs behind times mean.
    private var timeNotes: [String] {
        [MachineLoad.note([run.load]), RunRecord.sideBySideNote([run.sideBySide])].compactMap(\.self)
    }

    private var resultTable: Markup {
        let hasIntervals = (run.measures ?? []).contains { $0.lower != nil }
        return .section(
            "Result", [.table(table, class: "runs figures", style: { _ in nil })],
            notes: [
                run.measures == nil
                    ? ""
                    : "Measures are on the held-out data"
                        + (hasIntervals ? ", with the 95 % interval over the examples in brackets." : ".")
            ] + timeNotes)
    }

    /// The losses and the measures, a row each.
    public var table: StudyTable {
        typealias Line = (name: String, value: String, unit: String)
        var lines: [Line] = []
        func add(_ name: String, _ value: Double?, _ unit: String, decimals: Int = 4) {
            if let value { lines.append((name, text.fixed(value, decimals: decimals), unit)) }
        }
        add("validation loss at the end", run.curve.last?.validationLoss, "nats/\(unit)")
        if let best = bestPoint {
            add("lowest validation loss, after step \(text.grouped(best.step))", best.loss, "nats/\(unit)")
            add("the same in bits", ComparisonSummary.bits(fromNats: best.loss), "bits/\(unit)")
        }
        add("training loss at the end", run.curve.last?.trainingLoss, "nats/\(unit)")
        for measure in run.measures ?? [] {
            lines.append(
                (
                    measure.name, TaskMeasure.text(measure.value, measure.lower, measure.upper, text),
                    measure.unit
                ))
        }
        let marks =
            (run.load?.isBusy == true ? MachineLoad.mark : "")
            + (run.sideBySide == nil ? "" : RunRecord.sideBySideMark)
        let milliseconds = "ms" + (marks.isEmpty ? "" : " " + marks)
        // A run that has just begun has no times yet.
        if run.forwardBackwardMilliseconds > 0 {
            add(
                "forward and backward pass of a step, median", run.forwardBackwardMilliseconds, milliseconds,
                decimals: 2)
            add("optimizer of a step, median", run.optimizerMilliseconds, milliseconds, decimals: 2)
        }
        let size = NumberText.binaryUnit(for: run.stateBytes)
        add("state of the optimizer", Double(run.stateBytes) / size.bytes, size.name, decimals: 2)
        lines.append(("time in training", text.elapsed(seconds: run.seconds), ""))
        return StudyTable(
            lines,
            [
                StudyColumn<Line>(["Quantity"], .left) { .init($0.name) },
                StudyColumn<Line>(["Value"]) {
                    .init([$0.value, $0.unit].filter { !$0.isEmpty }.joined(separator: " "))
                },
            ])
    }

    private var runSettings: [Setting] {
        [
            Setting("steps", "\(run.curve.last?.step ?? 0) of \(document.steps)"),
            Setting("phase", document.phase.rawValue), Setting("seed", "\(run.seed)"),
            Setting("data", document.dataFingerprint),
        ]
            + document.resumes.map { Setting("resumed from step \($0.step)", $0.date) }
    }

    /// Where the run's files lie.
    private var files: Markup {
        let saved = document.savedStep.map { " (newest: step \($0))" } ?? ""
        let rows = [
            Setting("checkpoints\(saved)", "\(folder)/checkpoints"),
            Setting("configuration", "\(folder)/config.toml"),
            Setting("metrics of every step", "\(folder)/metrics.jsonl"),
            Setting("this run's record", "\(folder)/run.json"),
        ]
        return .section(
            "Files", [.tag("div", ["class": "cards files"], [.card("In the run's folder", rows)])])
    }
}

extension LineChart {
    /// The training and the validation loss of one run; nil if it has not both.
    init?(losses run: RunRecord, unit: String) {
        func curve(_ label: String, _ index: Int, _ loss: (CurvePoint) -> Double?) -> LossCurve {
            LossCurve(
                label: label, style: SeriesStyle(index: index),
                points: run.curve.compactMap { point in
                    loss(point).flatMap { value in
                        RunRecord.isUsable(value)
                            ? LossCurve.Point(x: Double(point.step), mean: value, low: value, high: value)
                            : nil
                    }
                }, runCount: 1)
        }
        let curves = [
            curve("validation", 0, \.validationLoss), curve("training", 1, \.trainingLoss),
        ]
        guard curves.allSatisfy({ !$0.points.isEmpty }),
            let (range, isLogarithmic) = LossRange.vertical(curves),
            let end = run.curve.last?.step
        else { return nil }
        self.init(
            title: "Losses by step", horizontalTitle: "training steps", verticalTitle: "loss, nats/\(unit)",
            curves: isLogarithmic ? curves.map(\.logarithmic) : curves, range: range,
            domain: 0...max(Double(end), 1e-9), hasWholeSteps: true, ordinate: .validation,
            isLogarithmic: isLogarithmic)
    }
}
