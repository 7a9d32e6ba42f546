import FisherStudies
import Foundation

/// Series of points over a common axis, each named at its end: lines with bands, lines with whiskers, or points alone.
struct SeriesChart: Figure, Sendable {
    /// A point, with the interval of its vertical coordinate if it has one.
    struct Point: Sendable {
        let x: Double
        let y: Double
        var interval: ClosedRange<Double>?
    }

    /// The points of one name, by increasing `x`; coordinates that are not finite break the line.
    struct Series: Sendable {
        let label: String
        let style: SeriesStyle
        let points: [Point]
        /// Whether a line joins the points.
        var isJoined = true
        /// Whether intervals are drawn as a band along the line; otherwise as whiskers.
        var hasBand = false
        /// Where marks are set; nil for every point.
        var marked: Set<Double>?
        /// Places without a value, shown by a cross at the upper edge: runs that diverged.
        var failed: [Double] = []
        /// The place of a mark with a ring around it.
        var chosen: Double?
    }

    /// What an axis shows.
    struct Axis: Sendable {
        let title: String
        /// Whether distances are ratios; what is not positive is not drawn then.
        var isLogarithmic = false
        /// Values that the axis reaches to in any case.
        var including: [Double] = []
        /// Values that lines across the drawing mark.
        var references: [Double] = []
        /// The largest value that the axis reaches to; points above it lie on the edge.
        var ceiling: Double?

        /// The place of a value on the axis' scale; nil where it has none.
        fileprivate func scaled(_ value: Double) -> Double? {
            guard isLogarithmic else { return abs(value) < 1e100 ? value : nil }
            return value > 0 && value.isFinite ? log10(value) : nil
        }

        /// The range of values and of what the axis reaches to; nil if there is none.
        fileprivate func range(_ values: [Double]) -> ClosedRange<Double>? {
            let places = (values + including).compactMap(scaled)
            guard let low = places.min(), let high = places.max() else { return nil }
            return low...high
        }

        fileprivate func ticks(_ scale: AxisScale, count: Int) -> [(value: Double, text: String)] {
            isLogarithmic ? scale.logarithmicTicks(count: 2 * count - 2) : scale.ticks(count: count)
        }
    }

    let title: String
    let summary: String
    private let series: [Series]
    private let horizontal: Axis
    private let vertical: Axis
    private let domain: ClosedRange<Double>
    private let range: ClosedRange<Double>
    /// Whether the ends of the horizontal axis are those of the points.
    private let isTight: Bool

    /// A chart; nil if no point of it can be drawn.
    ///
    /// - Parameters:
    ///   - title: the heading.
    ///   - summary: a description for readers who cannot see the drawing; nil for a list of the series' ends.
    ///   - horizontal: the horizontal axis.
    ///   - vertical: the vertical axis.
    ///   - series: what is drawn, the first on top.
    init?(title: String, summary: String? = nil, horizontal: Axis, vertical: Axis, series: [Series]) {
        let shown = series.map { series in
            var points = series.points
            if !series.isJoined {
                points.removeAll { horizontal.scaled($0.x) == nil || vertical.scaled($0.y) == nil }
            }
            return Series(
                label: series.label, style: series.style, points: points, isJoined: series.isJoined,
                hasBand: series.hasBand, marked: series.marked, failed: series.failed, chosen: series.chosen)
        }.filter { series in
            series.points.contains { horizontal.scaled($0.x) != nil && vertical.scaled($0.y) != nil }
        }
        let points = shown.flatMap(\.points).filter {
            horizontal.scaled($0.x) != nil && vertical.scaled($0.y) != nil
        }
        // An interval may be far wider than the points: it takes as much room again on either side at most.
        guard !points.isEmpty, let domain = horizontal.range(points.map(\.x) + shown.flatMap(\.failed)),
            let middle = vertical.range(points.map(\.y))
        else { return nil }
        let ends = points.compactMap(\.interval).flatMap { [$0.lowerBound, $0.upperBound] }
        let whole = vertical.range(points.map(\.y) + ends) ?? middle
        let room = max(middle.upperBound - middle.lowerBound, 0.1 * abs(middle.upperBound), 1e-9)
        self.title = title
        self.horizontal = horizontal
        self.vertical = vertical
        self.series = shown
        isTight = shown.allSatisfy(\.isJoined) && domain.lowerBound < domain.upperBound
        self.domain = isTight ? domain : LossRange.padded(domain)
        let low = max(whole.lowerBound, middle.lowerBound - room)
        let high = min(
            whole.upperBound, middle.upperBound + room, vertical.ceiling.flatMap(vertical.scaled) ?? .infinity
        )
        range = LossRange.padded(low...max(high, low))
        self.summary =
            summary
            ?? shown.map { series in
                let values = series.points.map { String(format: "%.3g at %g", $0.y, $0.x) }
                return "\(series.label): " + values.joined(separator: ", ")
            }.joined(separator: "; ") + "."
    }

    var legend: [(style: SeriesStyle, label: String)] { series.map { ($0.style, $0.label) } }
    var needsLegend: Bool { series.contains { DisplayWidth.of($0.label) > Self.nameWidth } }
    /// Letters that fit between a mark beside the drawing and its edge.
    private static let nameWidth = 24

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let (top, bottom) = (30.0, layout.height - 56)
        let y = AxisScale(range, from: bottom, to: top)
        let rows = vertical.ticks(y, count: 6)
        let left = AxisScale.room(for: rows, atLeast: layout.leftMargin)
        let x = AxisScale(domain, from: left, to: layout.width - layout.rightMargin)
        let grid = SVG.grid(
            x, y, top: top, bottom: bottom, horizontalTitle: horizontal.title,
            ticks: horizontal.ticks(x, count: layout.tickCount), rows: rows)
        let lines = horizontal.references.compactMap(horizontal.scaled).filter(domain.contains).map {
            SVG.line(x.position($0), top, x.position($0), bottom, class: "reference")
        }
        let levels = vertical.references.compactMap(vertical.scaled).filter(range.contains).map {
            SVG.line(x.start, y.position($0), x.end, y.position($0), class: "reference")
        }
        let name = SVG.text(vertical.title, x: 0, y: 14, class: "axis-title")
        return [.tag("g", [:], grid + lines + levels + [name])]
            + series.reversed().map { draw($0, x, y) } + labels(x, y, layout)
    }

    /// Where a point is drawn; nil where it has no place.
    private func place(_ point: Point, _ x: AxisScale, _ y: AxisScale) -> (x: Double, y: Double)? {
        guard let left = horizontal.scaled(point.x), let height = vertical.scaled(point.y) else { return nil }
        return (x.position(left), y.clampedPosition(height))
    }

    private func draw(_ series: Series, _ x: AxisScale, _ y: AxisScale) -> Markup {
        let placed = series.points.map { (point: $0, place: place($0, x, y)) }
        var parts: [Markup] = []
        let bounded = placed.compactMap { point, place in
            place.flatMap { place in
                point.interval.map { (x: place.x, low: end($0.lowerBound, y), high: end($0.upperBound, y)) }
            }
        }
        if series.hasBand, bounded.count > 1 {
            let area = bounded.map { ($0.x, $0.high) } + bounded.reversed().map { ($0.x, $0.low) }
            parts.append(SVG.path(SVG.area(area), class: "band"))
        } else if !series.hasBand {
            parts += bounded.map { SVG.line($0.x, $0.low, $0.x, $0.high, class: "whisker") }
        }
        if series.isJoined {
            let path = placed.map(\.place).split { $0 == nil }.map { run in
                SVG.polyline(run.compactMap(\.self))
            }.joined()
            parts.append(SVG.path(path, class: "curve", dash: series.style.dash))
        }
        for (point, place) in placed {
            guard let place, series.marked?.contains(point.x) ?? true else { continue }
            let radius = series.isJoined ? 3.6 : 5
            parts.append(
                SVG.path(series.style.markPath(x: place.x, y: place.y, radius: radius), class: "mark"))
        }
        for place in series.failed {
            guard let left = horizontal.scaled(place).map(x.position) else { continue }
            parts.append(
                SVG.path(
                    "M\(SVG.number(left - 4.5)) \(SVG.number(y.end - 4.5))l9 9m0 -9l-9 9", class: "ending"))
        }
        if let chosen = series.chosen,
            let place = placed.first(where: { $0.point.x == chosen })?.place
        {
            let ring = SeriesStyle(index: 0).markPath(x: place.x, y: place.y, radius: 8)
            parts.append(SVG.path(ring, class: "chosen"))
        }
        return SVG.group(style: series.style, parts)
    }

    /// The height of an interval's end, at the drawing's edge where it lies beyond.
    private func end(_ value: Double, _ y: AxisScale) -> Double {
        y.clampedPosition(vertical.scaled(value) ?? (value > 0 ? range.upperBound : range.lowerBound))
    }

    /// Names at the series' right ends, moved apart, each after its mark; narrow pages show letters.
    private func labels(_ x: AxisScale, _ y: AxisScale, _ layout: ChartLayout) -> [Markup] {
        let ends = series.compactMap { series in
            series.points.reversed().lazy.compactMap { place($0, x, y) }.first.map {
                (series: series, x: $0.x, height: $0.y)
            }
        }
        let heights = LabelPlacement.spread(
            ends.map { (center: $0.height, height: 17) }, within: y.end - 8...y.start + 8)
        return zip(ends, heights).map { end, height in
            // Along the series' own height to the edge, so that the lines of neighbors do not cross.
            let turn = max(x.end, end.x) + (isTight ? 4 : 0)
            let path = SVG.polyline([(end.x + 7, end.height), (turn, end.height), (x.end + 14, height)])
            let leader = SVG.path(path, class: "leader")
            guard layout.hasRoomForNames else {
                let letter = SVG.text(
                    end.series.style.letter, x: x.end + 18, y: height + 4.5, class: "label")
                return SVG.group(style: end.series.style, [leader, letter])
            }
            let mark = end.series.style.markPath(x: x.end + 20, y: height, radius: 4)
            let name = SVG.text(
                DisplayWidth.cut(end.series.label, to: Self.nameWidth), x: x.end + 30, y: height + 4.5,
                class: "label")
            return SVG.group(style: end.series.style, [leader, SVG.path(mark, class: "mark"), name])
        }
    }
}
