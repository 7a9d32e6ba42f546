import Foundation

/// The few SVG elements that the charts are drawn with.
enum SVG {
    /// A coordinate with a tenth of a pixel, as short as possible.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        // Nothing is drawn this far outside, and no program reads such coordinates.
        let tenths = (min(max(value, -1e6), 1e6) * 10).rounded() / 10
        return tenths == tenths.rounded() ? String(Int(tenths)) : String(format: "%.1f", tenths)
    }

    /// A number with two decimals at most, for cells a few pixels wide, between which tenths would leave seams.
    static func precise(_ value: Double) -> String {
        let text = String(format: "%.2f", value)
        guard text.contains(".") else { return text }
        let cut = text.reversed().drop { $0 == "0" }
        return String((cut.first == "." ? cut.dropFirst() : cut[...]).reversed())
    }

    static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class name: String) -> Markup {
        .tag("line", ["class": name, "x1": number(x1), "y1": number(y1), "x2": number(x2), "y2": number(y2)])
    }

    static func text(
        _ text: String, x: Double, y: Double, class name: String, anchor: String = "start"
    ) -> Markup {
        .tag("text", ["class": name, "x": number(x), "y": number(y), "text-anchor": anchor], text)
    }

    /// A group whose lines and areas take a series' color.
    static func group(style: SeriesStyle, _ children: [Markup]) -> Markup {
        .tag("g", ["class": "series", "style": "--c:var(--series-\(style.color))"], children)
    }

    static func path(_ data: String, class name: String, dash: String = "") -> Markup {
        dash.isEmpty
            ? .tag("path", ["class": name, "d": data])
            : .tag("path", ["class": name, "d": data, "stroke-dasharray": dash])
    }

    /// The commands of a line through points.
    static func polyline(_ points: [(x: Double, y: Double)]) -> String {
        points.enumerated().map { index, point in
            (index == 0 ? "M" : "L") + number(point.x) + " " + number(point.y)
        }.joined()
    }

    /// The commands of a closed area through points.
    static func area(_ points: [(x: Double, y: Double)]) -> String {
        points.isEmpty ? "" : polyline(points) + "Z"
    }
}
