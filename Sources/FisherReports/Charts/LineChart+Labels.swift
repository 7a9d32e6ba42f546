import FisherStudies

extension LineChart.Plot {
    /// The detail of a curve's label, as much as there is room for.
    private enum Detail {
        case nameAndValue, name, letterAndBeginning, letter
    }

    private struct Label {
        let style: SeriesStyle
        /// The name's lines, of which the last may be a value.
        let lines: [String]
        let hasValue: Bool
        /// Whether the name is shown in full.
        let isComplete: Bool
        /// Where the curve ends.
        let end: (x: Double, y: Double)
        var height: Double { Double(lines.count) * LineChart.Plot.lineHeight + 7 }
    }

    private static let lineHeight = 15.0
    /// Letters that fit between a curve's end and the drawing's edge.
    private static let nameWidth = 22

    /// The names, or letters, at the right edge, each joined to the end of its curve.
    var labels: [Markup] {
        let labels = bestLabels
        let centers = LabelPlacement.spread(labels.map { ($0.end.y, $0.height) }, within: labelBounds)
        return zip(labels, centers).map { draw($0, center: $1) }
    }

    /// Whether the reader needs a legend to identify the curves.
    var needsLegend: Bool { bestLabels.contains { !$0.isComplete } }

    private var labelBounds: ClosedRange<Double> { (y.end - 20)...(layout.height - 4) }

    /// The labels in the greatest detail for which there is room.
    private var bestLabels: [Label] {
        guard layout.hasRoomForNames else { return labels(.letter) }
        let room = labelBounds.upperBound - labelBounds.lowerBound
        for detail in [Detail.nameAndValue, .name] {
            let labels = labels(detail)
            if labels.reduce(0, { $0 + $1.height }) <= room { return labels }
        }
        return labels(.letterAndBeginning)
    }

    private func labels(_ detail: Detail) -> [Label] {
        chart.curves.compactMap { label($0, detail) }
    }

    private func label(_ curve: LossCurve, _ detail: Detail) -> Label? {
        let lastStray = curve.strays.max { ($0.points.last?.x ?? 0) < ($1.points.last?.x ?? 0) }
        guard let last = curve.points.last ?? lastStray?.points.last else { return nil }
        var lines = DisplayWidth.wrapped(curve.label, width: Self.nameWidth)
        var isComplete = lines.count <= 2
        switch detail {
        case .nameAndValue, .name:
            if !isComplete {
                let rest = lines.dropFirst().joined(separator: " ")
                lines = [lines[0], DisplayWidth.cut(rest, to: Self.nameWidth)]
            }
        case .letterAndBeginning:
            isComplete = lines.count == 1
            lines = [DisplayWidth.cut("\(curve.style.letter)  \(curve.label)", to: Self.nameWidth)]
        case .letter:
            isComplete = false
            lines = [curve.style.letter]
        }
        if detail == .nameAndValue {
            let value = chart.text(last.mean, .typographic, decimals: 3)
            let isAbove = last.mean > chart.range.upperBound
            lines.append(curve.points.isEmpty ? "no run completed" : value + (isAbove ? " (above)" : ""))
        }
        return Label(
            style: curve.style, lines: lines, hasValue: detail == .nameAndValue, isComplete: isComplete,
            end: (x: x.position(last.x), y: y.clampedPosition(last.mean))
        )
    }

    private func draw(_ label: Label, center: Double) -> Markup {
        let left = x.end + (layout.hasRoomForNames ? 34 : 22)
        let first = center - label.height / 2 + Self.lineHeight - 0.5
        let row = first - 4.5
        let texts = label.lines.enumerated().map { line, text in
            SVG.text(
                text, x: left, y: first + Double(line) * Self.lineHeight,
                class: label.hasValue && line == label.lines.count - 1 ? "label value" : "label"
            )
        }
        // Along the curve's own height to the plot's edge, so that leaders of neighbors do not cross.
        let turn = max(x.end, label.end.x) + 8
        let leader =
            "M\(SVG.number(label.end.x + 6)) \(SVG.number(label.end.y))"
            + "H\(SVG.number(turn))L\(SVG.number(turn + 8)) \(SVG.number(row))"
        let mark = label.style.markPath(x: turn + 14, y: row, radius: 4)
        return SVG.group(
            style: label.style,
            [SVG.path(leader, class: "leader")]
                + (layout.hasRoomForNames ? [SVG.path(mark, class: "mark")] : []) + texts
        )
    }
}
