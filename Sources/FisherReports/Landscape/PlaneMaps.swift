import FisherStudies
import Foundation

/// The loss on the planes around several runs: a map each, all on one scale, with contours.
struct PlaneMaps: Figure, Sendable {
    /// One run's losses, row by row from the lowest place on the vertical axis.
    struct Map: Sendable {
        let label: String
        let note: String
        let losses: [Double]
    }

    static let style = HeatMap.style + "\n.contour{fill:none;stroke:var(--ink);stroke-width:.8;opacity:.55}\n"

    let title: String
    let maps: [Map]
    /// The points along a side.
    private let side: Int
    private let reach: Double
    private let unit: String
    /// The heights of the lowest and the highest loss, on the scale.
    private let bottom: Double
    private let top: Double
    private let isLogarithmic: Bool

    /// The maps of losses; nil if nothing of them is finite.
    ///
    /// - Parameters:
    ///   - title: the heading.
    ///   - maps: the maps.
    ///   - side: the points along a side.
    ///   - reach: half a side, in filter norms.
    ///   - unit: the unit of a loss.
    init?(title: String, maps: [Map], side: Int, reach: Double, unit: String) {
        let values = maps.flatMap(\.losses).filter { abs($0) < 1e100 }
        guard side > 1, let low = values.min(), let high = values.max(), low < high,
            maps.allSatisfy({ $0.losses.count == side * side })
        else { return nil }
        (self.title, self.maps, self.side, self.reach, self.unit) = (title, maps, side, reach, unit)
        isLogarithmic = low > 0
        (bottom, top) = isLogarithmic ? (log10(low), log10(high)) : (low, high)
    }

    private func height(_ loss: Double) -> Double {
        guard abs(loss) < 1e100 else { return 1 }
        let value = isLogarithmic ? log10(max(loss, 1e-300)) : loss
        return min(1, max(0, (value - bottom) / (top - bottom)))
    }

    private func loss(_ height: Double) -> Double {
        let value = bottom + height * (top - bottom)
        return isLogarithmic ? pow(10, value) : value
    }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        maps.map { map in
            let middle = map.losses[map.losses.count / 2]
            let corner = map.losses.filter { abs($0) < 1e100 }.max() ?? .nan
            return "\(map.label): \(String(format: "%.3g in the middle, at most %.3g", middle, corner))"
        }.joined(separator: "; ") + "."
    }

    var remarks: [String] {
        let scale = isLogarithmic ? "logarithmic" : "linear"
        return [
            "Dark is a high loss; the scale is \(scale), the same for all maps, and contours are at its tenths, from "
                + "\(NumberText.significant(loss(0))) to \(NumberText.significant(loss(1))) \(unit). The run is the cross in "
                + "the middle; a side reaches from -\(NumberText.short(reach)) to \(NumberText.short(reach)) filter norms."
        ]
    }

    /// Where the maps lie in a layout.
    private func places(in layout: ChartLayout) -> (columns: Int, size: Double, step: (x: Double, y: Double))
    {
        let columns = min(maps.count, layout.width > 600 ? 4 : 2)
        let step = layout.width / Double(layout.width > 600 ? 4 : 2)
        let size = step - 24
        return (columns, size, (step, size + 58))
    }

    func height(in layout: ChartLayout) -> Double {
        let found = places(in: layout)
        return Double((maps.count + found.columns - 1) / found.columns) * found.step.y + 40
    }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let found = places(in: layout)
        let drawings = maps.enumerated().flatMap { index, map -> [Markup] in
            let x = Double(index % found.columns) * found.step.x
            let y = Double(index / found.columns) * found.step.y + 40
            return [
                SVG.text(
                    DisplayWidth.cut(map.label, to: Int(found.size / 7)), x: x, y: y - 22, class: "label"),
                SVG.text(map.note, x: x, y: y - 6, class: "tick"),
            ] + drawing(map, x: x, y: y, size: found.size)
        }
        let bottom = height(in: layout) - 30
        return drawings + scale(x: 0, y: bottom, width: min(260, layout.width))
    }

    private func scale(x: Double, y: Double, width: Double) -> [Markup] {
        let step = width / Double(HeatMap.levelCount)
        return (1...HeatMap.levelCount).map { level in
            let left = HeatMap.number(x + Double(level - 1) * step)
            let edge = HeatMap.number(step)
            return HeatMap.area("M\(left) \(HeatMap.number(y))h\(edge)v8h-\(edge)z", level: level)
        } + [
            SVG.text(NumberText.significant(loss(0)), x: x, y: y + 22, class: "tick"),
            SVG.text(
                NumberText.significant(loss(1)) + " " + unit, x: x + width, y: y + 22, class: "tick",
                anchor: "end"),
        ]
    }

    /// A cell for each point, then the contours through the points, then the frame and the cross of the run.
    private func drawing(_ map: Map, x: Double, y: Double, size: Double) -> [Markup] {
        let heights = map.losses.map(height)
        let cell = size / Double(side)
        var areas = [String](repeating: "", count: HeatMap.levelCount + 1)
        for row in 0..<side {
            for column in 0..<side {
                let strength = heights[row * side + column] * Double(HeatMap.levelCount)
                let level = min(HeatMap.levelCount, max(1, Int(strength.rounded(.up))))
                // The lowest row is drawn at the bottom.
                let left = HeatMap.number(x + Double(column) * cell)
                let up = HeatMap.number(y + Double(side - 1 - row) * cell)
                let edge = HeatMap.number(cell)
                areas[level] += "M\(left) \(up)h\(edge)v\(edge)h-\(edge)z"
            }
        }
        func at(_ column: Double, _ row: Double) -> (x: Double, y: Double) {
            (x + (column + 0.5) * cell, y + (Double(side) - 0.5 - row) * cell)
        }
        let contours = (1..<HeatMap.levelCount).map { level -> String in
            Self.contour(heights, side: side, at: Double(level) / Double(HeatMap.levelCount)).map { segment in
                SVG.polyline([at(segment.0.x, segment.0.y), at(segment.1.x, segment.1.y)])
            }.joined()
        }.filter { !$0.isEmpty }
        let middle = at(Double(side - 1) / 2, Double(side - 1) / 2)
        let arm = 5.0
        return areas.enumerated().compactMap { level, path in
            path.isEmpty ? nil : HeatMap.area(path, level: level)
        } + contours.map { SVG.path($0, class: "contour") } + [
            .tag(
                "rect",
                [
                    "class": "axis", "x": SVG.number(x), "y": SVG.number(y), "width": SVG.number(size),
                    "height": SVG.number(size),
                ]),
            SVG.group(
                style: SeriesStyle(index: 1),
                [
                    SVG.path(
                        SVG.polyline([(middle.x - arm, middle.y), (middle.x + arm, middle.y)])
                            + SVG.polyline([(middle.x, middle.y - arm), (middle.x, middle.y + arm)]),
                        class: "ending")
                ]),
        ]
    }

    /// The segments of the contour of a level through a grid of numbers (marching squares), in columns and rows. A saddle is
    /// cut by its mean.
    static func contour(
        _ values: [Double], side: Int, at level: Double
    ) -> [((x: Double, y: Double), (x: Double, y: Double))] {
        var found: [((x: Double, y: Double), (x: Double, y: Double))] = []
        for row in 0..<max(0, side - 1) {
            for column in 0..<side - 1 {
                // Corners against the clock: each edge runs from a corner to the next.
                let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map { dx, dy in
                    (
                        x: Double(column + dx), y: Double(row + dy),
                        value: values[(row + dy) * side + column + dx]
                    )
                }
                var crossings: [(x: Double, y: Double)] = []
                for k in 0..<4 {
                    let (a, b) = (corners[k], corners[(k + 1) % 4])
                    guard (a.value < level) != (b.value < level) else { continue }
                    let share = (level - a.value) / (b.value - a.value)
                    crossings.append((a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)))
                }
                if crossings.count == 2 { found.append((crossings[0], crossings[1])) }
                if crossings.count == 4 {
                    let mean = corners.reduce(0) { $0 + $1.value } / 4
                    // The crossings are on the edges 0 to 3; the first corner lies between the edges 3 and 0.
                    let joinsFirst = (mean < level) != (corners[0].value < level)
                    found +=
                        joinsFirst
                        ? [(crossings[3], crossings[0]), (crossings[1], crossings[2])]
                        : [(crossings[0], crossings[1]), (crossings[2], crossings[3])]
                }
            }
        }
        return found
    }
}
