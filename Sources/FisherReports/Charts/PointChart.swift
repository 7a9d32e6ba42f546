import FisherStudies
import Foundation

/// Points with names over a logarithmic horizontal axis.
struct PointChart: Figure, Sendable {
    /// One named point.
    struct Point: Sendable {
        let label: String
        let style: SeriesStyle
        let x: Double
        let y: Double
        /// Where whiskers along the two axes begin and end.
        var xInterval: ClosedRange<Double>?
        var yInterval: ClosedRange<Double>?
    }

    let title: String
    let horizontalTitle: String
    let verticalTitle: String
    let points: [Point]
    let verticalDomain: ClosedRange<Double>

    /// A chart of the points whose coordinates are finite.
    init(
        title: String, horizontalTitle: String, verticalTitle: String, points: [Point],
        verticalDomain: ClosedRange<Double>
    ) {
        self.title = title
        self.horizontalTitle = horizontalTitle
        self.verticalTitle = verticalTitle
        self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
        self.verticalDomain = verticalDomain
    }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        points.map { String(format: "%@: %.3g, %.3g", $0.label, $0.x, $0.y) }.joined(separator: "; ") + "."
    }

    var legend: [(style: SeriesStyle, label: String)] { points.map { ($0.style, $0.label) } }

    var needsLegend: Bool { points.contains { DisplayWidth.of($0.label) > 26 } }

    /// Names stand in a column at the right, joined to their points by lines that do not cross; narrow pages show letters.
    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let logs = points.flatMap { point in
            let ends = point.xInterval.map { [$0.lowerBound, $0.upperBound] } ?? []
            return ([point.x] + ends).filter { $0.isFinite }.map { log10(max($0, 1e-12)) }
        }
        let low = (logs.min() ?? 0) - 0.1
        let domain = low...max((logs.max() ?? 1) + 0.1, low + 0.3)
        let (top, bottom) = (30.0, layout.height - 56)
        let y = AxisScale(verticalDomain, from: bottom, to: top)
        let rows = y.ticks(count: 6)
        let left = AxisScale.room(for: rows, atLeast: layout.leftMargin)
        let x = AxisScale(domain, from: left, to: layout.width - layout.rightMargin)
        let grid = SVG.grid(
            x, y, top: top, bottom: bottom, horizontalTitle: horizontalTitle,
            ticks: x.logarithmicTicks(count: 2 * layout.tickCount - 2), rows: rows)
        let name = SVG.text(verticalTitle, x: 0, y: 14, class: "axis-title")
        return [.tag("g", [:], grid + [name])] + marks(x, y, layout)
    }

    private func marks(_ x: AxisScale, _ y: AxisScale, _ layout: ChartLayout) -> [Markup] {
        let column = x.end + 10
        let heights = LabelPlacement.uncrossed(
            points.map { (x.position(log10(max($0.x, 1e-12))), y.clampedPosition($0.y)) }, at: column,
            height: min(17, (abs(y.start - y.end) + 16) / Double(max(points.count, 1))),
            within: min(y.start, y.end) - 8...max(y.start, y.end) + 8)
        return zip(points, heights).map { point, labelHeight in
            let (left, height) = (x.position(log10(max(point.x, 1e-12))), y.clampedPosition(point.y))
            var parts: [Markup] = []
            if let interval = point.xInterval {
                let ends = [interval.lowerBound, interval.upperBound].map {
                    x.clampedPosition(log10(max($0, 1e-12)))
                }
                parts.append(SVG.line(ends[0], height, ends[1], height, class: "whisker"))
            }
            if let interval = point.yInterval {
                let ends = [interval.lowerBound, interval.upperBound].map(y.clampedPosition)
                parts.append(SVG.line(left, ends[0], left, ends[1], class: "whisker"))
            }
            parts.append(SVG.path(point.style.markPath(x: left, y: height, radius: 5.4), class: "dot"))
            parts.insert(
                SVG.path(SVG.polyline([(left, height), (column, labelHeight)]), class: "leader"), at: 0)
            let name = layout.hasRoomForNames ? DisplayWidth.cut(point.label, to: 26) : point.style.letter
            parts.append(SVG.text(name, x: column + 4, y: labelHeight + 4.5, class: "label"))
            return SVG.group(style: point.style, parts)
        }
    }
}
