import FisherInformation
import FisherStudies
import Foundation

/// The information along training: its trace, its largest eigenvalue and its effective rank by step, a line for each run.
struct InformationHistory: Figure {
    /// The looks of one run.
    struct Line {
        let style: SeriesStyle
        let label: String
        let moments: [InformationMoment]
    }

    private static var panels: [(title: String, value: (InformationMoment) -> Double)] {
        [("trace", \.trace), ("largest eigenvalue", \.topEigenvalue), ("effective rank", \.effectiveRank)]
    }
    private static let panelHeight = 240.0

    let lines: [Line]
    let title = "Fisher information along training"

    /// The history of a comparison's runs; nil if none of them was looked at.
    init?(_ result: OptimizerComparison) {
        lines = result.entries.enumerated().flatMap { index, entry in
            entry.runs.compactMap { run in
                run.information.map {
                    Line(style: SeriesStyle(index: index), label: entry.label, moments: $0)
                }
            }
        }
        if lines.isEmpty { return nil }
    }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        lines.compactMap { line in
            guard let first = line.moments.first, let last = line.moments.last else { return nil }
            return "\(line.label): trace \(NumberText.significant(first.trace)) at step \(first.step), "
                + "\(NumberText.significant(last.trace)) at step \(last.step); effective rank "
                + "\(NumberText.significant(first.effectiveRank)), then \(NumberText.significant(last.effectiveRank))."
        }.joined(separator: " ")
    }

    var legend: [(style: SeriesStyle, label: String)] {
        var seen: Set<Int> = []
        return lines.filter { seen.insert($0.style.index).inserted }.map { ($0.style, $0.label) }
    }

    var needsLegend: Bool { legend.count > 1 }

    func height(in layout: ChartLayout) -> Double {
        layout.hasRoomForNames ? Self.panelHeight + 34 : 3 * (Self.panelHeight + 34)
    }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        Self.panels.enumerated().map { index, panel in
            let isWide = layout.hasRoomForNames
            let (x, y) = isWide ? (Double(index) * 322, 0) : (0, Double(index) * (Self.panelHeight + 34))
            return .tag("g", [:], drawing(panel, x: x, y: y, width: isWide ? 310 : layout.width - 8))
        }
    }

    private func drawing(
        _ panel: (title: String, value: (InformationMoment) -> Double), x left: Double, y top: Double,
        width: Double
    ) -> [Markup] {
        let points = lines.map { line in
            line.moments.compactMap { moment -> (x: Double, y: Double)? in
                let value = panel.value(moment)
                return value > 0 && value.isFinite ? (Double(moment.step), log10(value)) : nil
            }
        }
        let all = points.flatMap(\.self)
        let (low, high) = (all.map(\.y).min() ?? 0, all.map(\.y).max() ?? 1)
        let room = max(0.05, (high - low) * 0.06)
        let bottom = top + Self.panelHeight - 28
        let y = AxisScale((low - room)...(high + room), from: bottom, to: top + 26)
        let ticks = y.logarithmicTicks()
        let x = AxisScale(
            0...max(all.map(\.x).max() ?? 1, 1), from: left + AxisScale.room(for: ticks, atLeast: 52),
            to: left + width - 12)
        let rows = ticks.flatMap { tick in
            [
                SVG.line(x.start, y.position(tick.value), x.end, y.position(tick.value), class: "grid"),
                SVG.text(
                    tick.text, x: x.start - 7, y: y.position(tick.value) + 4, class: "tick", anchor: "end"),
            ]
        }
        let columns = x.ticks(count: 4, whole: true).map { tick in
            SVG.text(tick.text, x: x.position(tick.value), y: bottom + 17, class: "tick", anchor: "middle")
        }
        let frame = [
            SVG.text(panel.title, x: left, y: top + 13, class: "axis-title"),
            SVG.line(x.start, bottom, x.end, bottom, class: "axis"),
            SVG.text("training steps", x: x.end, y: bottom + 36, class: "axis-title", anchor: "end"),
        ]
        let curves = zip(lines, points).map { line, points in
            let placed = points.map { (x: x.position($0.x), y: y.position($0.y)) }
            return SVG.group(
                style: line.style,
                [SVG.path(SVG.polyline(placed), class: "curve", dash: line.style.dash)]
                    + (placed.count == 1
                        ? [
                            SVG.path(
                                line.style.markPath(x: placed[0].x, y: placed[0].y, radius: 4), class: "mark")
                        ] : []))
        }
        return frame + rows + columns + curves
    }
}

/// The distribution of the diagonal along one run: a column a look, a cell a bin of log10 f, as strong as the root of its
/// share of the parameters.
struct InformationHistogram: Figure {
    private let moments: [InformationMoment]
    private let label: String

    private static let (top, bottom) = (24.0, 264.0)

    init?(_ run: RunRecord, label: String) {
        guard let moments = run.information, moments.contains(where: { !$0.histogram.isEmpty }) else {
            return nil
        }
        self.moments = moments
        self.label = label
    }

    var title: String { "Diagonal of the information along training: \(label)" }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        func middle(_ moment: InformationMoment) -> String {
            var share = moment.unreached
            for (bin, own) in moment.histogram.sorted(by: { $0.key < $1.key }) {
                share += own
                if share >= 0.5 { return "1e\(NumberText.short(Double(bin) * InformationMoment.binWidth))" }
            }
            return "0"
        }
        guard let first = moments.first, let last = moments.last else { return "" }
        return
            "Half of the parameters have an f below about \(middle(first)) at step \(first.step), and below about "
            + "\(middle(last)) at step \(last.step)."
    }

    func height(in layout: ChartLayout) -> Double { Self.bottom + 44 }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let bins = moments.flatMap(\.histogram.keys)
        let (low, high) = (bins.min() ?? 0, (bins.max() ?? 0) + 1)
        let width = InformationMoment.binWidth
        let y = AxisScale(
            Double(low) * width...Double(high) * width, from: Self.bottom, to: Self.top)
        let end = Double(max(moments.last?.step ?? 1, 1))
        let x = AxisScale(0...end, from: 60, to: layout.width - 12)
        // A look reaches to the next; the last one is a narrow column at the end.
        func place(_ step: Double) -> Double { min(x.position(step), x.end - 6) }
        let steps = moments.map { Double($0.step) }
        let cells = moments.indices.map { index -> Markup in
            let left = place(steps[index])
            let right = index + 1 < steps.count ? place(steps[index + 1]) : x.end
            return .tag(
                "g", [:],
                moments[index].histogram.sorted { $0.key < $1.key }.map { bin, share in
                    let level = Int((share.squareRoot() * Double(HeatMap.levelCount)).rounded(.up))
                    let (from, to) = (y.position(Double(bin + 1) * width), y.position(Double(bin) * width))
                    return HeatMap.area(
                        "M\(SVG.number(left)) \(SVG.number(from))H\(SVG.number(right))"
                            + "V\(SVG.number(to))H\(SVG.number(left))z",
                        level: min(max(level, 1), HeatMap.levelCount))
                })
        }
        let rows = y.ticks(count: 6, whole: true).flatMap { tick in
            [
                SVG.line(x.start - 4, y.position(tick.value), x.start, y.position(tick.value), class: "axis"),
                SVG.text(
                    "1e" + tick.text, x: x.start - 8, y: y.position(tick.value) + 4, class: "tick",
                    anchor: "end"),
            ]
        }
        let columns = x.ticks(count: layout.tickCount, whole: true).map { tick in
            SVG.text(
                tick.text, x: x.position(tick.value), y: Self.bottom + 17, class: "tick", anchor: "middle")
        }
        return [
            .tag(
                "g", [:],
                [
                    SVG.text("f, the true diagonal", x: 0, y: 13, class: "axis-title"),
                    SVG.text(
                        "training steps", x: x.end, y: Self.bottom + 36, class: "axis-title", anchor: "end"),
                ] + cells + rows + columns)
        ]
    }
}
