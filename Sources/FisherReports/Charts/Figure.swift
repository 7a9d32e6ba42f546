/// Something drawn on a page, once for wide pages and once for narrow ones.
protocol Figure {
    /// The heading.
    var title: String { get }
    /// A description of the drawing for readers who cannot see it.
    var summary: String { get }
    /// The series with their names, for the drawing in which there is no room for them.
    var legend: [(style: SeriesStyle, label: String)] { get }
    /// Whether even the wide drawing cannot show every name in full.
    var needsLegend: Bool { get }
    /// Remarks below the drawing, after the figure's own note.
    var remarks: [String] { get }
    /// The drawing's height.
    func height(in layout: ChartLayout) -> Double
    /// The drawing's parts; `id` is a name that no other drawing of the page has.
    func content(in layout: ChartLayout, id: String) -> [Markup]
}

extension Figure {
    var legend: [(style: SeriesStyle, label: String)] { [] }
    var needsLegend: Bool { false }
    var remarks: [String] { [] }

    func height(in layout: ChartLayout) -> Double { layout.height }

    /// The figure with its heading, its legend and what is said below it.
    func figure(id: String, note: String? = nil) -> Markup {
        let list = legend.map { style, label in
            Markup.tag(
                "li", [:], [style.swatch, .tag("b", [:], style.letter), .tag("span", [:], label)])
        }
        let names: [Markup] =
            list.isEmpty ? [] : [.tag("ul", ["class": needsLegend ? "legend needed" : "legend"], list)]
        let drawings = ChartLayout.all.map { drawing($0, id: "\(id)-\($0.name)") }
        let caption = ((note.map { [$0] } ?? []) + remarks).joined(separator: " ")
        let parts =
            [Markup.tag("h2", [:], title)] + names
            + [.tag("div", ["class": "canvas"], drawings), .tag("figcaption", [:], caption)]
        return list.isEmpty ? .tag("figure", [:], parts) : .tag("figure", ["class": "curves"], parts)
    }

    /// The drawing in one layout, with its name and its description.
    func drawing(_ layout: ChartLayout, id: String) -> Markup {
        let size = "\(SVG.number(layout.width)) \(SVG.number(height(in: layout)))"
        return .tag(
            "svg",
            [
                "class": "chart \(layout.name)", "role": "img", "aria-labelledby": "\(id)-title \(id)-desc",
                "viewBox": "0 0 \(size)",
            ],
            [.tag("title", ["id": "\(id)-title"], title), .tag("desc", ["id": "\(id)-desc"], summary)]
                + content(in: layout, id: id))
    }
}

/// The size of a figure's drawing.
struct ChartLayout: Sendable {
    /// The name of the class that shows the drawing on its pages only.
    let name: String
    let width: Double
    /// The height of a line chart.
    let height: Double
    /// The room beside a line chart for names, and beside a dot chart for numbers.
    let rightMargin: Double
    let leftMargin: Double
    /// The preferred number of round values on the horizontal axis.
    let tickCount: Int
    /// Whether there is room for names at the lines' ends; otherwise letters are shown.
    let hasRoomForNames: Bool

    static let wide = ChartLayout(
        name: "wide", width: 960, height: 430, rightMargin: 228, leftMargin: 52, tickCount: 8,
        hasRoomForNames: true
    )
    /// For narrow pages, and for a column of a paper.
    static let narrow = ChartLayout(
        name: "narrow", width: 360, height: 320, rightMargin: 34, leftMargin: 48, tickCount: 4,
        hasRoomForNames: false
    )
    static let all = [wide, narrow]
}
