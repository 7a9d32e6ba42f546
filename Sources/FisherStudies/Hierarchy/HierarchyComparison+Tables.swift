import Foundation

// The tables of a hierarchy; all texts and pages come from them.

extension HierarchyComparison {
    /// A level with its row of the ladder, or what is left out with the reason.
    private struct Line {
        let label: String
        let detail: String
        var level: HierarchyLevel?
        var row: HierarchySummary.Row?
        var best: HierarchySummary.Row?
    }

    private var lines: [Line] {
        let summary = HierarchySummary(self)
        return levels.enumerated().map { index, level in
            Line(
                label: level.label,
                detail: "\(level.source); \(level.structure); power \(level.power)",
                level: level, row: summary.row(of: index, damping: settings.damping),
                best: summary.best(of: index, in: self))
        } + (omitted ?? []).map { Line(label: $0.name, detail: "left out: \($0.value)") }
    }

    /// The ladder at the stated damping, a row for each level.
    public var overview: StudyTable {
        StudyTable(
            lines,
            [
                StudyColumn(["rule"], .left) { .init($0.label) },
                .detail(\.detail),
                Self.column(["angle"], unit: "degrees", decimals: 1) { $0.row?.angle },
            ]
                + (settings.draws == nil
                    ? []
                    : [
                        Self.column(["angle by"], unit: "half the draws", decimals: 1) { $0.row?.halfAngle }
                    ]) + [
                    Self.column(["decrease"], unit: "in sample, mnat", decimals: 1, scale: 1000) {
                        $0.row?.decrease
                    },
                    Self.column(["decrease"], unit: "held out, mnat", decimals: 1, scale: 1000) {
                        $0.row?.heldOutDecrease
                    },
                    StudyColumn(["best damping"], unit: ["by held-out"]) { line in
                        .init(line.best.map { NumberText.short($0.damping) } ?? "-")
                    },
                    StudyColumn(["decrease there"], unit: ["held out, mnat"]) { line in
                        .init(
                            line.best.map {
                                NumberText.plain.fixed(1000 * $0.heldOutDecrease.mean, decimals: 1)
                            }
                                ?? "-")
                    },
                    StudyColumn(["step"], unit: ["to SGD's"]) { line in
                        .init(
                            line.level?.cost.map {
                                NumberText.plain.fixed($0.relativeTime, decimals: 2)
                                    + (load?.isBusy == true ? " " + MachineLoad.mark : "")
                            }
                                ?? "-")
                    },
                    StudyColumn(["state"], unit: ["bytes"]) { line in
                        .init(line.level?.cost.map { NumberText.plain.grouped($0.stateBytes) } ?? "-")
                    },
                ])
    }

    private static func column(
        _ title: [String], unit: String, decimals: Int, scale: Double = 1,
        _ estimate: @escaping (Line) -> HierarchySummary.Estimate?
    ) -> StudyColumn<Line> {
        StudyColumn(title, unit: [unit]) { line in
            guard let estimate = estimate(line) else { return "-" }
            return .init(Self.text(estimate, decimals: decimals, scale: scale))
        }
    }

    private static func text(
        _ estimate: HierarchySummary.Estimate, decimals: Int, scale: Double = 1
    ) -> String {
        let mean = NumberText.plain.fixed(estimate.mean * scale, decimals: decimals)
        guard let half = estimate.halfWidth else { return mean }
        return mean + " ± " + NumberText.plain.fixed(half * scale, decimals: decimals)
    }

    /// The angle and the held-out decrease after each number of training steps.
    public var stages: StudyTable {
        let summaries = settings.trainingSteps.map { ($0, HierarchySummary(self, step: $0)) }
        func columns(
            _ title: String, _ unit: String, decimals: Int, scale: Double,
            _ estimate: @escaping (HierarchySummary.Row) -> HierarchySummary.Estimate
        ) -> [StudyColumn<Int>] {
            summaries.map { step, summary in
                StudyColumn(["\(title)", "step \(step)"], unit: [unit]) { level in
                    let row = summary.row(of: level, damping: settings.damping)
                    return .init(row.map { Self.text(estimate($0), decimals: decimals, scale: scale) } ?? "-")
                }
            }
        }
        return StudyTable(
            Array(levels.indices),
            [StudyColumn(["rule"], .left) { .init(levels[$0].label) }]
                + columns("angle", "degrees", decimals: 1, scale: 1, \.angle)
                + columns("held out", "mnat", decimals: 1, scale: 1000, \.heldOutDecrease))
    }

    /// How time and memory grow with the number of parameters; nil if no range of sizes was measured.
    public var scaling: StudyTable? {
        let measured = levels.filter { !($0.cost?.sizes.isEmpty ?? true) }
        if measured.isEmpty { return nil }
        func text(_ law: PowerLaw?) -> String {
            guard let law else { return "-" }
            let exponent = NumberText.plain.fixed(law.exponent, decimals: 2)
            guard let interval = law.interval else { return exponent }
            let ends = [interval.lowerBound, interval.upperBound].map {
                NumberText.plain.fixed($0, decimals: 2)
            }
            return "\(exponent) (\(ends[0]) to \(ends[1]))"
        }
        return StudyTable(
            measured,
            [
                StudyColumn(["rule"], .left) { .init($0.label) },
                StudyColumn(["published"], unit: ["d parameters"]) { .init($0.publishedCost?.text ?? "-") },
                StudyColumn(["published"], unit: ["power of d"]) { level in
                    .init(level.publishedCost.map { NumberText.short($0.exponent) } ?? "-")
                },
                StudyColumn(["time"], unit: ["power of d"]) { .init(text($0.timeScaling)) },
                StudyColumn(["memory"], unit: ["power of d"]) { .init(text($0.memoryScaling)) },
                StudyColumn(["largest"], unit: ["parameters"]) { level in
                    .init(NumberText.plain.grouped(level.cost?.sizes.last?.parameterCount ?? 0))
                },
                StudyColumn(["step there"], unit: ["ms"]) { level in
                    .init(NumberText.plain.milliseconds(level.cost?.sizes.last?.milliseconds ?? 0))
                },
                StudyColumn(["operations"], .left) { .init($0.operations) },
            ])
    }

    /// A row for each point, level and damping.
    public var records: StudyTable {
        let rows = points.flatMap { point in point.measures.map { (point: point, measure: $0) } }
        return StudyTable(
            rows,
            [
                .field("rule") { levels[$0.measure.level].label },
                .field("seed") { "\($0.point.seed)" }, .field("step") { "\($0.point.step)" },
                .field("damping", number: \.measure.damping), .field("cosine", number: \.measure.cosine),
                .field("half_cosine") { row in row.measure.halfCosine.map { "\($0)" } ?? "" },
                .field("angle_degrees", number: \.measure.angle),
                .field("decrease_nats", number: \.measure.decrease),
                .field("held_out_decrease_nats", number: \.measure.heldOutDecrease),
                .field("loss", number: \.point.loss), .field("held_out_loss", number: \.point.heldOutLoss),
                .field("reference_residual", number: \.point.referenceResidual),
                .field("step_ms") { row in
                    levels[row.measure.level].cost.map { "\($0.milliseconds)" } ?? ""
                },
                .field("state_bytes") { row in
                    levels[row.measure.level].cost.map { "\($0.stateBytes)" } ?? ""
                },
            ])
    }

    /// The text with the tables of the points of training and of the costs below the ladder.
    public func text(width: Int?, usesColor: Bool) -> String {
        func table(_ table: StudyTable) -> [String] { table.lines(width: width, usesColor: usesColor) }
        var lines = headline.isEmpty ? [] : DisplayWidth.paragraph(headline, width: width) + [""]
        lines += table(overview) + [""] + DisplayWidth.paragraph(legend, width: width)
        if settings.trainingSteps.count > 1 { lines += [""] + table(stages) }
        if let scaling {
            lines += [""] + table(scaling) + [""] + DisplayWidth.paragraph(scalingLegend, width: width)
        }
        return (lines + warningLines(width: width)).joined(separator: "\n") + "\n"
    }

    /// The result in a sentence or two: the levels nearest to the natural gradient and farthest from it, and what one step of
    /// each takes off the held-out loss against gradient descent's; empty before the first point.
    public var headline: String {
        let summary = HierarchySummary(self)
        let text = NumberText.typographic
        let ladder = levels.enumerated().compactMap { index, level in
            summary.row(of: index, damping: settings.damping).map { (level: level, row: $0) }
        }
        let others = ladder.filter { $0.level.rule != "natural_gradient" && $0.row.angle.mean.isFinite }
        guard let best = others.min(by: { $0.row.angle.mean < $1.row.angle.mean }),
            let worst = others.max(by: { $0.row.angle.mean < $1.row.angle.mean })
        else { return "" }
        func degrees(_ row: HierarchySummary.Row) -> String {
            text.fixed(row.angle.mean, decimals: 1) + " degrees"
        }
        var sentence =
            others.count == 1
            ? "\(best.level.label) points \(degrees(best.row)) away from the natural gradient."
            : "\(best.level.label) points nearest to the natural gradient, \(degrees(best.row)) away, and "
                + "\(worst.level.label) farthest, \(degrees(worst.row))."
        let decreases = ladder.filter { $0.row.heldOutDecrease.mean.isFinite }
        if let most = decreases.max(by: { $0.row.heldOutDecrease.mean < $1.row.heldOutDecrease.mean }),
            let plain = decreases.first(where: { $0.level.structure == "identity" }),
            most.level.label != plain.level.label, plain.row.heldOutDecrease.mean > 0
        {
            let ratio = most.row.heldOutDecrease.mean / plain.row.heldOutDecrease.mean
            sentence +=
                " A step of equal divergence lowers the held-out loss most along \(most.level.label): "
                + "\(text.fixed(ratio, decimals: 1)) times as much as along the gradient itself (\(plain.level.label))"
            if let time = most.level.cost?.relativeTime, time.isFinite {
                sentence += ", in a step that takes \(NumberText.significant(time)) times as long"
            }
            sentence += "."
        }
        return sentence
    }

    /// The meaning of the ladder's columns.
    public var legend: String {
        let residual = points.map(\.referenceResidual).max() ?? .nan
        let count = seeds.count
        let batches =
            settings.batchCount == 1
            ? "one mini-batch, so that an average of gradients is that one"
            : "\(settings.batchCount) mini-batches, of which averages are and the last gives the gradient"
        return "All levels have the same gradient, from an estimation set of \(batches), and the damping "
            + "\(NumberText.short(settings.damping)); momentum, decay and clips are off. The angle is that to the "
            + "\(settings.draws == nil ? "exact natural gradient" : "natural gradient") (residual at most "
            + "\(NumberText.significant(residual))) in the metric of the Fisher information. \(drawnLegend)A decrease is what a step of divergence \(NumberText.short(settings.divergence)) nats takes off the mean loss, "
            + "in thousandths of a nat, on that gradient's mini-batch and on held-out data. Means over "
            + "\(count == 1 ? "one seed" : "\(count) seeds") and the points after "
            + settings.trainingSteps.map { "\($0)" }.joined(separator: ", ") + " steps of AdamW"
            + (count > 1 ? ", ± half of Student's 95 % interval over the seeds" : "") + "."
    }

    /// How the reference was drawn, where the likelihood has no closed form or draws were asked for.
    private var drawnLegend: String {
        guard let draws = settings.draws else { return "" }
        let cosines = points.compactMap(\.referenceAgreement).filter(\.isFinite)
        let apart =
            cosines.isEmpty
            ? ""
            : "; the references by either half of them are "
                + "\(NumberText.plain.fixed(cosines.map(HierarchyMeasure.degrees).reduce(0, +) / Double(cosines.count), decimals: 1)) "
                + "degrees apart"
        return
            "That information is of \(draws) draws a unit of the model's own labels\(apart). An angle with infinitely many "
            + "draws differs from that given by about as much as the given one differs from that by half the draws. The "
            + "divergence is estimated from drawn labels too, by the ratio of their likelihoods. "
    }

    /// The meaning of the columns of costs.
    public var scalingLegend: String {
        "The power b of time ~ d^b and memory ~ d^b, fitted to the \(PowerLaw.usualCount) largest sizes measured of a "
            + "network n-n-n-10 with d parameters, with its 95 % interval; the time is that of statistics and update, without "
            + "the gradient. The published column is that of the table of approximations (m^3 + n^3 is d^1.5 where layers "
            + "are square)."
    }

    /// What the reader must know before the numbers.
    public var warnings: [String] {
        var found: [String] = []
        if seeds.count == 1 { found.append("one seed: there are no intervals") }
        let residual = points.map(\.referenceResidual).max() ?? 0
        if residual > 1e-2 {
            found.append(
                "at some damping the reference was solved to a relative residual of \(NumberText.significant(residual)) only"
            )
        }
        if let omitted, !omitted.isEmpty {
            let reasons = Dictionary(grouping: omitted, by: \.value).sorted { $0.key < $1.key }.map {
                "\($0.value.map(\.name).joined(separator: ", ")) (\($0.key))"
            }
            found.append("left out: \(reasons.joined(separator: "; "))")
        }
        if levels.contains(where: { $0.rule == "natural_gradient" }), settings.labels != "exact" {
            found.append("the Kronecker factors and the diagonal are of one draw of labels a unit, not exact")
        }
        if let note = MachineLoad.note([load]) { found.append(note) }
        return found
    }
}
