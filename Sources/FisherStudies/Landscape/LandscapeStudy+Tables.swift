import Foundation

// The tables of a landscape; all texts and pages come from them.

extension LandscapeStudy {
    /// The mean of a number over the seeds of an optimizer, with Student's 95 % interval.
    package struct Estimate {
        package let values: [Double]
        package let mean: Double
        package let halfWidth: Double?

        init?(_ values: [Double]) {
            guard values.allSatisfy({ abs($0) < 1e100 }), let summary = SampleSummary(values) else {
                return nil
            }
            self.values = values
            mean = summary.mean
            halfWidth = summary.standardError.map {
                $0 * StudentT(degreesOfFreedom: values.count - 1).halfWidth(probability: 0.95)
            }
        }

        /// The mean and half the interval.
        package var text: String {
            NumberText.significant(mean) + (halfWidth.map { " ± " + NumberText.significant($0) } ?? "")
        }
    }

    /// A number of each run of a label.
    package func estimate(of label: String, _ value: (LandscapeRun) -> Double?) -> Estimate? {
        let values = runs.filter { $0.label == label }.map(value)
        guard !values.isEmpty, !values.contains(where: { $0 == nil }) else { return nil }
        return Estimate(values.compactMap(\.self))
    }

    /// A row for each optimizer, with the mean over its runs.
    public var overview: StudyTable {
        func column(
            _ title: [String], unit: String = "", _ value: @escaping (LandscapeRun) -> Double?
        ) -> StudyColumn<String> {
            StudyColumn(title, unit: unit.isEmpty ? [] : [unit]) { label in
                .init(estimate(of: label, value)?.text ?? "-")
            }
        }
        let unit = "nats/\(task.lossUnit)"
        return StudyTable(
            labels,
            [
                StudyColumn(["optimizer"], .left) { .init($0) },
                StudyColumn(["runs"]) { label in .init("\(runs.filter { $0.label == label }.count)") },
                column(["training", "loss"], unit: unit, \.loss),
                column(["held-out", "loss"], unit: unit, \.heldOutLoss),
                column(["largest", "eigenvalue"]) { $0.curvature?.eigenvalues.first },
                column(["trace"]) { $0.curvature?.trace },
            ])
    }

    /// A row for each run: its losses and its curvature with the errors of measurement.
    public var runTable: StudyTable {
        let most = runs.map { $0.curvature?.eigenvalues.count ?? 0 }.max() ?? 0
        let others = (1..<max(1, most)).map { k in
            StudyColumn<LandscapeRun>(["eigenvalue \(k + 1)"]) { run in
                guard let found = run.curvature, k < found.eigenvalues.count else { return "-" }
                return .init(NumberText.significant(found.eigenvalues[k]))
            }
        }
        return StudyTable(
            runs,
            [
                StudyColumn(["run"], .left) { .init($0.name) },
                .detail(\.path),
                StudyColumn(["training", "loss"]) { .init(NumberText.significant($0.loss)) },
                StudyColumn(["held-out", "loss"]) { .init(NumberText.significant($0.heldOutLoss)) },
                StudyColumn(["largest eigenvalue"], unit: ["± residual"]) { run in
                    guard let found = run.curvature, let value = found.eigenvalues.first else { return "-" }
                    return .init(
                        NumberText.significant(value) + " ± " + NumberText.significant(found.residuals[0]))
                },
            ] + others + [
                StudyColumn(["trace"], unit: ["± standard error"]) { run in
                    guard let found = run.curvature else { return "-" }
                    return .init(
                        NumberText.significant(found.trace)
                            + (found.traceError.map { " ± " + NumberText.significant($0) } ?? ""))
                }
            ])
    }

    /// A row for each line, with the heights of its barriers; nil if there are no lines.
    public var lineTable: StudyTable? {
        if lines.isEmpty { return nil }
        let places = settings.linePlaces
        func column(
            _ title: String, _ losses: @escaping (LandscapeLine) -> [Double]
        ) -> StudyColumn<LandscapeLine> {
            StudyColumn([title], unit: ["nats/\(task.lossUnit), where"]) { line in
                let found = LandscapeLine.barrier(losses(line), at: places)
                guard found.height.isFinite else { return "not finite" }
                return .init(
                    NumberText.significant(found.height)
                        + (found.height > 0 ? " at \(NumberText.short(found.place))" : ""))
            }
        }
        return StudyTable(
            lines,
            [
                StudyColumn(["from"], .left) { .init(runs[$0.from].name) },
                StudyColumn(["to"], .left) { .init(runs[$0.to].name) },
                StudyColumn(["distance"]) { .init(NumberText.significant($0.distance)) },
                column("training barrier", \.losses), column("held-out barrier", \.heldOutLosses),
            ])
    }

    /// A row for each number: of runs, of places on lines and on planes.
    public var records: StudyTable {
        typealias Row = (
            kind: String, run: String, other: String, x: Double?, y: Double?, quantity: String, value: Double
        )
        var rows: [Row] = []
        for run in runs {
            func add(_ quantity: String, _ value: Double?) {
                if let value { rows.append(("run", run.name, "", nil, nil, quantity, value)) }
            }
            add("loss", run.loss)
            add("held_out_loss", run.heldOutLoss)
            for (k, value) in (run.curvature?.eigenvalues ?? []).enumerated() {
                add("eigenvalue_\(k + 1)", value)
                add("residual_\(k + 1)", run.curvature?.residuals[k])
            }
            add("trace", run.curvature?.trace)
            add("trace_standard_error", run.curvature?.traceError)
        }
        for line in lines {
            let (from, to) = (runs[line.from].name, runs[line.to].name)
            for (k, place) in settings.linePlaces.enumerated() {
                rows.append(("line", from, to, place, nil, "loss", line.losses[k]))
                rows.append(("line", from, to, place, nil, "held_out_loss", line.heldOutLosses[k]))
            }
        }
        let places = settings.planePlaces
        for run in runs {
            for (k, value) in (run.plane ?? []).enumerated() {
                let (x, y) = (places[k % places.count], places[k / places.count])
                rows.append(("plane", run.name, "", x, y, "loss", value))
            }
        }
        return StudyTable(
            rows,
            [
                .field("kind") { $0.kind }, .field("run") { $0.run }, .field("other") { $0.other },
                .field("x", number: { $0.x }), .field("y", number: { $0.y }),
                .field("quantity") { $0.quantity }, .field("value", number: { $0.value }),
            ])
    }

    /// The text with the tables of runs and lines below that of the optimizers.
    public func text(width: Int?, usesColor: Bool) -> String {
        func table(_ table: StudyTable) -> [String] { table.lines(width: width, usesColor: usesColor) }
        var lines = table(overview) + [""] + DisplayWidth.paragraph(legend, width: width)
        lines += [""] + table(runTable)
        if let found = lineTable {
            lines += [""] + table(found) + [""] + DisplayWidth.paragraph(lineLegend, width: width)
        }
        return (lines + warningLines(width: width)).joined(separator: "\n") + "\n"
    }

    /// The meaning of the columns of the optimizers and the runs.
    public var legend: String {
        var text =
            "The training loss is that of \(settings.batchCount) batches, the same for every run; the model is in "
            + "evaluation, and auxiliary terms are left out. "
        if runs.contains(where: { $0.curvature != nil }) {
            text +=
                "The eigenvalues and the trace are of the Hessian of that loss: by \(settings.lanczosSteps) steps of "
                + "Lanczos' iteration, each within its residual of an eigenvalue, and by \(settings.probes) random probes. "
                + "They depend on how the model is parameterized: compare runs of one model only. "
        }
        return text + "Means over the runs of an optimizer"
            + (runs.count > labels.count ? ", ± half of Student's 95 % interval over the seeds." : ".")
    }

    /// The meaning of the columns of lines.
    public var lineLegend: String {
        "The barrier is the largest rise of the loss above the straight line between the two ends' own losses; 0 where "
            + "nothing rises. Networks that differ by an exchange of units alone have a barrier too."
    }

    /// What the reader must know before the numbers.
    public var warnings: [String] {
        var found: [String] = []
        let counts = labels.map { label in runs.filter { $0.label == label }.count }
        if labels.count > 1, counts.contains(1) {
            found.append("one run of an optimizer says nothing about its seeds: there is no interval")
        }
        let differenced = runs.filter { $0.curvature?.method == .differences }
        if !differenced.isEmpty {
            found.append(
                "products with the Hessian are central differences of gradients"
                    + (settings.usesDifferences
                        ? "" : ": the gradient of this loss cannot be differentiated exactly"))
        }
        let losses = labels.compactMap { estimate(of: $0, \.loss) }
        if let low = losses.min(by: { $0.mean < $1.mean }), let high = losses.max(by: { $0.mean < $1.mean }),
            low.mean > 0, high.mean > 1.2 * low.mean, runs.contains(where: { $0.curvature != nil })
        {
            found.append(
                "the optimizers ended at different training losses, \(NumberText.significant(low.mean)) to "
                    + "\(NumberText.significant(high.mean)): that alone changes the Hessian, so that their curvatures do not "
                    + "compare the optimizers as such")
        }
        let loose = runs.filter { run in
            guard let found = run.curvature, let value = found.eigenvalues.first else { return false }
            return !(found.residuals[0] <= 0.05 * abs(value))
        }
        if !loose.isEmpty {
            found.append(
                "the largest eigenvalue of \(loose.map(\.name).joined(separator: ", ")) is found to a residual of more "
                    + "than 5 % only: more --lanczos-steps narrow it")
        }
        for run in runs {
            if let recorded = run.recordedLoss, abs(recorded - run.heldOutLoss) > 1e-4 * max(1, abs(recorded))
            {
                found.append(
                    "\(run.name) recorded a held-out loss of \(NumberText.significant(recorded)), and it is "
                        + "\(NumberText.significant(run.heldOutLoss)) here")
            }
        }
        return found
    }
}
