import FisherStudies
import Foundation

/// The loss along lines between the ends of runs.
struct PathChart: Figure, Sendable {
    /// One line's losses; those that are not finite break it.
    struct Curve: Sendable {
        let label: String
        let style: SeriesStyle
        let losses: [Double]
    }

    let title: String
    let verticalTitle: String
    let curves: [Curve]
    private let places: [Double]
    private let domain: ClosedRange<Double>
    private let range: ClosedRange<Double>

    /// A chart of losses at places; nil if nothing of it is finite.
    init?(title: String, verticalTitle: String, places: [Double], curves: [Curve]) {
        let values = curves.flatMap(\.losses).filter { abs($0) < 1e100 }
        guard let left = places.first, let right = places.last, left < right, let low = values.min(),
            let high = values.max()
        else { return nil }
        self.title = title
        self.verticalTitle = verticalTitle
        self.curves = curves
        self.places = places
        domain = left...right
        range = LossRange.padded(low...high)
    }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        curves.map { curve in
            let (height, place) = LandscapeLine.barrier(curve.losses, at: places)
            return "\(curve.label): " + String(format: "a barrier of %.3g at %.3g", height, place)
        }.joined(separator: "; ") + "."
    }

    var legend: [(style: SeriesStyle, label: String)] { curves.map { ($0.style, $0.label) } }
    var needsLegend: Bool { curves.contains { DisplayWidth.of($0.label) > 26 } }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let (top, bottom) = (30.0, layout.height - 56)
        let x = AxisScale(domain, from: layout.leftMargin, to: layout.width - layout.rightMargin)
        let y = AxisScale(range, from: bottom, to: top)
        let grid = SVG.grid(
            x, y, top: top, bottom: bottom,
            horizontalTitle: "place on the line: 0 is the first run, 1 the second",
            ticks: x.ticks(count: layout.tickCount))
        let ends = [0.0, 1].map {
            SVG.line(x.position($0), top, x.position($0), bottom, class: "reference")
        }
        let name = SVG.text(verticalTitle, x: 0, y: 14, class: "axis-title")
        return [.tag("g", [:], grid + ends + [name])] + curves.map { draw($0, x, y) } + labels(x, y, layout)
    }

    private func draw(_ curve: Curve, _ x: AxisScale, _ y: AxisScale) -> Markup {
        func at(_ place: Double, _ loss: Double) -> (x: Double, y: Double) {
            (x.position(place), y.clampedPosition(loss))
        }
        let points = zip(places, curve.losses).map { (place: $0, loss: $1) }
        let path = points.split { !(abs($0.loss) < 1e100) }.map { run in
            SVG.polyline(run.map { at($0.place, $0.loss) })
        }.joined()
        let ends = points.filter { ($0.place == 0 || $0.place == 1) && abs($0.loss) < 1e100 }
        let marks = ends.map { end -> Markup in
            let place = at(end.place, end.loss)
            return SVG.path(curve.style.markPath(x: place.x, y: place.y, radius: 4), class: "mark")
        }
        return SVG.group(
            style: curve.style, [SVG.path(path, class: "curve", dash: curve.style.dash)] + marks)
    }

    /// Names at the curves' right ends, moved apart; narrow pages show letters.
    private func labels(_ x: AxisScale, _ y: AxisScale, _ layout: ChartLayout) -> [Markup] {
        let ends = curves.compactMap { curve in
            curve.losses.last { abs($0) < 1e100 }.map { (curve: curve, height: y.clampedPosition($0)) }
        }
        let heights = LabelPlacement.spread(
            ends.map { (center: $0.height, height: 17) }, within: y.end - 8...y.start + 8)
        return zip(ends, heights).map { end, height in
            let text =
                layout.hasRoomForNames ? DisplayWidth.cut(end.curve.label, to: 26) : end.curve.style.letter
            return SVG.group(
                style: end.curve.style,
                [
                    SVG.path(SVG.polyline([(x.end + 4, end.height), (x.end + 14, height)]), class: "leader"),
                    SVG.text(text, x: x.end + 18, y: height + 4.5, class: "label"),
                ])
        }
    }
}
