import FisherInformation
import FisherStudies
import Foundation

/// The map of the least-informed parameters: a row for each tensor, a cell for a run of its first axis.
struct LeastInformedMap: Figure {
    let found: LeastInformed

    private static let rowHeight = 17.0
    private static let top = 22.0

    let title = "Least-informed parameters"

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        let most = found.rows.filter { $0.least > 0 }.sorted { $0.least > $1.least }.prefix(5)
        let unreached = found.rows.reduce(0) { $0 + $1.unreached }
        let none = unreached > 0 ? " \(NumberText.typographic.grouped(unreached)) elements have none." : ""
        guard !most.isEmpty else { return "No element has information." }
        return "Most of the least-informed elements lie in "
            + most.map { "\($0.path) (\($0.least) of \($0.count))" }.joined(separator: ", ") + "." + none
    }

    func height(in layout: ChartLayout) -> Double {
        Self.top + Double(found.rows.count) * Self.rowHeight + 4
    }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let isWide = layout.hasRoomForNames
        let (left, right) = isWide ? (250.0, 850.0) : (150.0, layout.width - 48)
        let total = max(found.rows.reduce(0) { $0 + $1.least }, 1)
        let rows = found.rows.enumerated().map { index, row -> Markup in
            let y = Self.top + Double(index) * Self.rowHeight
            let step = (right - left) / Double(max(row.cells.count, 1))
            func drawn(_ shares: [Double], class name: String) -> [Markup] {
                shares.enumerated().compactMap { cell, share in
                    guard share > 0 else { return nil }
                    // The root makes small shares visible.
                    let level = Int((share.squareRoot() * Double(HeatMap.levelCount)).rounded(.up))
                    let x = left + Double(cell) * step
                    return HeatMap.area(
                        "M\(SVG.number(x)) \(SVG.number(y))h\(SVG.number(step))v13h-\(SVG.number(step))z",
                        level: min(max(level, 1), HeatMap.levelCount), class: name)
                }
            }
            let cells = drawn(row.unreachedCells, class: "unreached") + drawn(row.cells, class: "heat")
            let frame = Markup.tag(
                "rect",
                [
                    "class": "frame", "x": SVG.number(left), "y": SVG.number(y),
                    "width": SVG.number(right - left), "height": "13",
                ])
            let label = isWide ? row.path.readableName : Self.ending(row.path.readableName, width: left - 8)
            return .tag(
                "g", [:],
                cells + [
                    frame, SVG.text(label, x: left - 8, y: y + 11, class: "tick", anchor: "end"),
                    SVG.text(
                        Self.percent(Double(row.least) / Double(total)), x: right + 8, y: y + 11,
                        class: row.least > 0 ? "number" : "tick"),
                ])
        }
        let titles = [
            SVG.text(
                isWide ? "along the first axis (outputs, tokens)" : "along the first axis", x: left, y: 14,
                class: "axis-title"),
            SVG.text(isWide ? "share of them" : "share", x: right + 8, y: 14, class: "axis-title"),
        ]
        return [.tag("g", ["class": "least"], titles + rows)]
    }

    /// As much of the end of a name as is narrower than `width` in the fonts of most systems, some of which are a sixth
    /// wider than Helvetica.
    private static func ending(_ name: String, width: Double) -> String {
        func fits(_ text: String) -> Bool { Helvetica.width(of: text, size: 11.5) * 7 / 6 <= width }
        if fits(name) { return name }
        var name = name[...]
        while name.count > 1, !fits("\u{2026}" + name) { name.removeFirst() }
        return "\u{2026}" + name
    }

    private static func percent(_ share: Double) -> String {
        if share == 0 { return "0" }
        return share < 0.001 ? "<0.1 %" : String(format: share < 0.1 ? "%.1f %%" : "%.0f %%", 100 * share)
    }
}
