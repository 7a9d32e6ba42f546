import FisherStudies

extension DotChart {
    private static let top = 8.0

    private func rowHeight(_ layout: ChartLayout) -> Double {
        if layout.hasRoomForNames { return rows.contains { Self.nameLines($0).count > 2 } ? 64 : 50 }
        return hasNotesBelow(layout) ? 80 : 64
    }

    /// Letters of a narrow drawing's width.
    private static func letters(_ layout: ChartLayout) -> Int { Int((layout.width - 28) / 8) }

    /// Whether the numbers of a narrow drawing stand below the names, beside which some have no room.
    private func hasNotesBelow(_ layout: ChartLayout) -> Bool {
        rows.contains {
            DisplayWidth.of($0.label) + DisplayWidth.of($0.notes.joined(separator: "  ")) + 3
                > Self.letters(layout)
        }
    }

    /// The axis' title, in lines where the drawing is narrow.
    private func titleLines(_ layout: ChartLayout) -> [String] {
        layout.hasRoomForNames
            ? [horizontalTitle] : DisplayWidth.wrapped(horizontalTitle, width: Self.letters(layout))
    }

    /// The name of a row in three lines at most.
    private static func nameLines(_ row: Row) -> [String] {
        let lines = DisplayWidth.wrapped(row.label, width: 26)
        if lines.count <= 3 { return lines }
        return lines.prefix(2) + [DisplayWidth.cut(lines.dropFirst(2).joined(separator: " "), to: 26)]
    }

    func height(in layout: ChartLayout) -> Double {
        Self.top + rowHeight(layout) * Double(rows.count) + 30 + 16 * Double(titleLines(layout).count)
    }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let (rowHeight, top) = (rowHeight(layout), Self.top)
        let bottom = top + rowHeight * Double(rows.count)
        let x =
            layout.hasRoomForNames
            ? AxisScale(domain, from: 220, to: layout.width - 170)
            : AxisScale(domain, from: 14, to: layout.width - 14)
        let ticks = x.ticks(count: layout.hasRoomForNames ? 6 : 4)
        let grid = ticks.flatMap { tick in
            let left = x.position(tick.value)
            return lines(at: left, "grid", rowHeight, layout) + [
                SVG.text(tick.text, x: left, y: bottom + 20, class: "tick", anchor: "middle")
            ]
        }
        let shade = shaded.map { shaded -> Markup in
            let (left, right) = (x.clampedPosition(shaded.lowerBound), x.clampedPosition(shaded.upperBound))
            return SVG.path(
                SVG.area([(left, top), (right, top), (right, bottom), (left, bottom)]), class: "shade")
        }
        let mark = reference.flatMap { domain.contains($0) ? x.position($0) : nil }
        let axis =
            [SVG.line(x.start, bottom, x.end, bottom, class: "axis")]
            + titleLines(layout).enumerated().map { line, text in
                SVG.text(
                    text, x: x.end, y: bottom + 40 + 16 * Double(line), class: "axis-title", anchor: "end")
            } + (mark.map { lines(at: $0, "reference", rowHeight, layout) } ?? [])
        let drawnRows = rows.enumerated().map { index, row in
            draw(row, top: top + rowHeight * Double(index), height: rowHeight, x, layout)
        }
        return [.tag("g", [:], (shade.map { [$0] } ?? []) + grid + axis)] + drawnRows
    }

    /// A line through all rows; on narrow pages through the marks only, not through the texts above them.
    private func lines(
        at x: Double, _ name: String, _ rowHeight: Double, _ layout: ChartLayout
    ) -> [Markup] {
        rows.indices.map { row in
            let end = Self.top + rowHeight * Double(row + 1)
            return SVG.line(
                x, layout.hasRoomForNames ? end - rowHeight : end - 36, x, end, class: name)
        }
    }

    private func draw(_ row: Row, top: Double, height: Double, _ x: AxisScale, _ layout: ChartLayout)
        -> Markup
    {
        let middle = layout.hasRoomForNames ? top + height / 2 : top + height - 18
        var parts =
            layout.hasRoomForNames
            ? wideTexts(row, middle, layout) : narrowTexts(row, middle - 25, x, layout)
        if let interval = row.interval { parts += whisker(interval, middle, x) }
        if row.interval == nil, let low = row.dots.map(\.value).min(), let high = row.dots.map(\.value).max(),
            low < high
        {
            parts.append(
                SVG.line(x.clampedPosition(low), middle, x.clampedPosition(high), middle, class: "span"))
        }
        if let mean = row.mean, domain.contains(mean) {
            let left = x.position(mean)
            parts.append(SVG.line(left, middle - 13, left, middle + 13, class: "mean"))
        }
        parts += row.dots.map { dot(row, seed: $0.seed, value: $0.value, middle, x) }
        return SVG.group(style: row.style, parts)
    }

    /// A seed's dot, at the same height in every row; an arrow where it lies outside the drawing.
    private func dot(_ row: Row, seed: UInt64, value: Double, _ middle: Double, _ x: AxisScale) -> Markup {
        let rank = Double(seeds.firstIndex(of: seed) ?? 0)
        let count = Double(seeds.count)
        let spread = min(12, 3.5 * (count - 1))
        let height = count > 1 ? middle - spread / 2 + spread * rank / (count - 1) : middle
        let left = x.clampedPosition(value)
        let name = Markup.tag(
            "title", [:], "seed \(seed): \(NumberText.typographic.fixed(value, decimals: 4))")
        if domain.contains(value) {
            let path = row.style.markPath(x: left, y: height, radius: 4.6)
            return .tag("path", ["class": "dot", "d": path], [name])
        }
        let direction = value > domain.upperBound ? -1.0 : 1
        let arrow = SVG.area([
            (left, height), (left + 8 * direction, height - 4.5), (left + 8 * direction, height + 4.5),
        ])
        return .tag("path", ["class": "dot", "d": arrow], [name])
    }

    /// A line from end to end of an interval, with a bar where it ends and an arrow where the drawing does.
    private func whisker(_ interval: ClosedRange<Double>, _ middle: Double, _ x: AxisScale) -> [Markup] {
        let ends = [(interval.lowerBound, 1.0), (interval.upperBound, -1.0)].map { value, inward in
            let left = x.clampedPosition(value)
            return domain.contains(value)
                ? SVG.line(left, middle - 6, left, middle + 6, class: "whisker")
                : SVG.path(
                    SVG.polyline([
                        (left + 6 * inward, middle - 5), (left, middle), (left + 6 * inward, middle + 5),
                    ]), class: "whisker"
                )
        }
        let low = x.clampedPosition(interval.lowerBound)
        let high = x.clampedPosition(interval.upperBound)
        return [SVG.line(low, middle, high, middle, class: "whisker")] + ends
    }

    private func wideTexts(_ row: Row, _ middle: Double, _ layout: ChartLayout) -> [Markup] {
        let lines = Self.nameLines(row)
        let first = middle + 4.5 - 8 * Double(lines.count - 1)
        let names = lines.enumerated().map { line, text in
            SVG.text(text, x: 0, y: first + 16 * Double(line), class: "label")
        }
        let firstNote = middle + 4.5 - 8 * Double(row.notes.count - 1)
        return names
            + row.notes.enumerated().map { line, text in
                SVG.text(
                    text, x: layout.width, y: firstNote + 16 * Double(line),
                    class: line == 0 ? "label number" : "label value", anchor: "end"
                )
            }
    }

    private func narrowTexts(_ row: Row, _ baseline: Double, _ x: AxisScale, _ layout: ChartLayout)
        -> [Markup]
    {
        let notes = row.notes.joined(separator: "  ")
        let name = DisplayWidth.cut(row.label, to: Self.letters(layout))
        return [
            SVG.text(
                name, x: x.start, y: hasNotesBelow(layout) ? baseline - 17 : baseline, class: "label"),
            SVG.text(notes, x: x.end, y: baseline, class: "label value", anchor: "end"),
        ]
    }
}
