import FisherStudies
import Foundation

/// A quantity of each level over the dampings, the mean over the seeds with its interval as a band.
struct DampingChart: Figure, Sendable {
    /// One level's values, by ascending damping.
    struct Curve: Sendable {
        let label: String
        let style: SeriesStyle
        let points: [(damping: Double, mean: Double, interval: ClosedRange<Double>?)]
    }

    let title: String
    let verticalTitle: String
    let curves: [Curve]
    private let domain: ClosedRange<Double>
    private let range: ClosedRange<Double>

    /// A chart of the curves' finite points; nil if there are fewer than two dampings.
    init?(title: String, verticalTitle: String, curves: [Curve]) {
        let shown = curves.map { curve in
            Curve(
                label: curve.label, style: curve.style,
                points: curve.points.filter { $0.damping > 0 && abs($0.mean) < 1e100 })
        }.filter { !$0.points.isEmpty }
        let logs = shown.flatMap { $0.points.map { log10($0.damping) } }
        let means = shown.flatMap { $0.points.map(\.mean) }
        guard let left = logs.min(), let right = logs.max(), left < right, let low = means.min(),
            let high = means.max()
        else { return nil }
        self.title = title
        self.verticalTitle = verticalTitle
        self.curves = shown
        domain = left...right
        range = LossRange.padded(min(low, 0)...high)
    }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        curves.map { curve in
            let values = curve.points.map { String(format: "%.3g at %g", $0.mean, $0.damping) }
            return "\(curve.label): " + values.joined(separator: ", ")
        }.joined(separator: "; ") + "."
    }

    var legend: [(style: SeriesStyle, label: String)] { curves.map { ($0.style, $0.label) } }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let (top, bottom) = (30.0, layout.height - 56)
        let x = AxisScale(domain, from: layout.leftMargin, to: layout.width - layout.rightMargin)
        let y = AxisScale(range, from: bottom, to: top)
        let grid = SVG.grid(x, y, top: top, bottom: bottom, horizontalTitle: "damping")
        let name = SVG.text(verticalTitle, x: 0, y: 14, class: "axis-title")
        return [.tag("g", [:], grid + [name])] + curves.map { draw($0, x, y) }
            + labels(x, y, layout)
    }

    private func draw(_ curve: Curve, _ x: AxisScale, _ y: AxisScale) -> Markup {
        func at(_ damping: Double, _ value: Double) -> (x: Double, y: Double) {
            (x.position(log10(damping)), y.clampedPosition(value))
        }
        var parts: [Markup] = []
        let bounded = curve.points.compactMap { point in point.interval.map { (point.damping, $0) } }
        if bounded.count > 1 {
            let upper = bounded.map { at($0.0, $0.1.upperBound) }
            let lower = bounded.reversed().map { at($0.0, $0.1.lowerBound) }
            parts.append(SVG.path(SVG.area(upper + lower), class: "band"))
        }
        let line = curve.points.map { at($0.damping, $0.mean) }
        parts.append(SVG.path(SVG.polyline(line), class: "curve", dash: curve.style.dash))
        parts += line.map { SVG.path(curve.style.markPath(x: $0.x, y: $0.y, radius: 3.6), class: "mark") }
        return SVG.group(style: curve.style, parts)
    }

    /// Names at the curves' right ends, moved apart; narrow pages show letters.
    private func labels(_ x: AxisScale, _ y: AxisScale, _ layout: ChartLayout) -> [Markup] {
        let ends = curves.compactMap { curve in
            curve.points.last.map { (curve: curve, height: y.clampedPosition($0.mean)) }
        }
        let heights = LabelPlacement.spread(
            ends.map { (center: $0.height, height: 17) }, within: y.end - 8...y.start + 8)
        return zip(ends, heights).map { end, height in
            let text =
                layout.hasRoomForNames ? DisplayWidth.cut(end.curve.label, to: 26) : end.curve.style.letter
            return SVG.group(
                style: end.curve.style,
                [
                    SVG.path(
                        SVG.polyline([(x.end + 4, end.height), (x.end + 14, height)]), class: "leader"),
                    SVG.text(text, x: x.end + 18, y: height + 4.5, class: "label"),
                ])
        }
    }
}
