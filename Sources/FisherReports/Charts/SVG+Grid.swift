extension SVG {
    /// Lines across the drawing at the ticks of a horizontal axis, logarithmic unless ticks are given, and of a vertical one,
    /// linear unless rows are given, with their texts; the horizontal axis and its title.
    static func grid(
        _ x: AxisScale, _ y: AxisScale, top: Double, bottom: Double, horizontalTitle: String,
        ticks: [(value: Double, text: String)]? = nil, rows: [(value: Double, text: String)]? = nil
    ) -> [Markup] {
        let vertical = (ticks ?? x.logarithmicTicks()).flatMap { tick in
            let left = x.position(tick.value)
            return [
                line(left, top, left, bottom, class: "grid"),
                text(tick.text, x: left, y: bottom + 20, class: "tick", anchor: "middle"),
            ]
        }
        let horizontal = (rows ?? y.ticks(count: 6)).flatMap { tick in
            let height = y.position(tick.value)
            return [
                line(x.start, height, x.end, height, class: "grid"),
                text(tick.text, x: x.start - 8, y: height + 4.5, class: "tick", anchor: "end"),
            ]
        }
        return vertical + horizontal + [
            line(x.start, bottom, x.end, bottom, class: "axis"),
            text(horizontalTitle, x: x.end, y: bottom + 40, class: "axis-title", anchor: "end"),
        ]
    }
}
