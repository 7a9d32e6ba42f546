import FisherInformation
import FisherStudies
import Foundation

/// Eigenvalues by rank on two logarithmic axes, each spectrum with a dashed companion.
struct SpectrumPlot: Sendable {
    /// A spectrum and what is drawn dashed beside it, both relative to the same number.
    struct Pair: Sendable {
        let label: String
        let whole: [Double]
        let dashed: [Double]
    }

    /// Eigenvalues below this times the largest are rounding and are not drawn.
    static let floor = 1e-12

    let pairs: [Pair]
    /// What is drawn dashed.
    let note: String

    /// The spectra of a layer's Kronecker factors, each relative to its largest eigenvalue, with what is left of them
    /// without off-diagonals.
    init(_ factors: LayerInspection.Factors) {
        pairs = [("A", factors.inputs), ("S", factors.outputs)].map { label, factor in
            let largest = factor.spectrum.values.first ?? 0
            let relative = { (values: [Double]) in largest > 0 ? values.map { $0 / largest } : [] }
            return Pair(
                label: label, whole: relative(factor.spectrum.values),
                dashed: relative(factor.diagonalSpectrum.values))
        }
        note = "dashed: off-diagonals removed"
    }

    /// Spectra that were gathered elsewhere.
    init(_ pairs: [Pair], note: String) {
        self.pairs = pairs
        self.note = note
    }

    /// The plot in a rectangle, axes and their texts inside.
    func drawing(x left: Double, y top: Double, width: Double, height: Double) -> [Markup] {
        let all = pairs.flatMap { $0.whole + $0.dashed }.filter { $0 > Self.floor }
        let low = log10(all.min() ?? 0.1).rounded(.down)
        let count = pairs.map(\.whole.count).max() ?? 1
        let (right, bottom) = (left + width - 14, top + height - 40)
        let high = log10(all.max() ?? 1).rounded(.up)
        let y = AxisScale(min(low, -1)...max(high, 0), from: bottom, to: top)
        let x = AxisScale(0...max(log10(Double(count)), 0.1), from: left + 44, to: right)
        let rows = y.logarithmicTicks().flatMap { tick in
            [
                SVG.line(x.start, y.position(tick.value), right, y.position(tick.value), class: "grid"),
                SVG.text(
                    tick.text, x: x.start - 7, y: y.position(tick.value) + 4, class: "tick", anchor: "end"),
            ]
        }
        let columns = x.logarithmicTicks(count: max(Int(width / 50), 2)).flatMap { tick in
            [
                SVG.line(x.position(tick.value), bottom, x.position(tick.value), bottom + 5, class: "axis"),
                SVG.text(
                    tick.text, x: x.position(tick.value), y: bottom + 19, class: "tick", anchor: "middle"),
            ]
        }
        let axes = [
            SVG.line(x.start, bottom, right, bottom, class: "axis"),
            SVG.text(
                "number of the eigenvalue", x: right, y: bottom + 36, class: "axis-title", anchor: "end"),
        ]
        let lines = pairs.enumerated().map { index, pair in
            SVG.group(
                style: SeriesStyle(index: index),
                [("", pair.whole), ("3 3", pair.dashed)].filter { !$0.1.isEmpty }.map { dash, values in
                    let points = values.enumerated().filter { $0.element > Self.floor }.map {
                        (x: x.position(log10(Double($0.offset + 1))), y: y.position(log10($0.element)))
                    }
                    return SVG.path(SVG.polyline(Self.thinned(points)), class: "curve", dash: dash)
                })
        }
        return rows + columns + axes + lines + legend(x: x.start + 10, bottom: bottom, width: right - x.start)
    }

    private func legend(x: Double, bottom: Double, width: Double) -> [Markup] {
        let remarks = DisplayWidth.wrapped(note, width: Int((width - 14) / 7.6))
        let y = bottom - 42 - 16 * Double(remarks.count)
        let names = pairs.enumerated().flatMap { index, pair -> [Markup] in
            let height = y + Double(index) * 18
            return [
                SVG.group(
                    style: SeriesStyle(index: index),
                    [SVG.path("M\(SVG.number(x)) \(SVG.number(height))h22", class: "curve")]),
                SVG.text(pair.label, x: x + 30, y: height + 4, class: "label"),
            ]
        }
        return names
            + remarks.enumerated().map { line, text in
                SVG.text(text, x: x, y: y + 40 + 16 * Double(line), class: "tick")
            }
    }

    /// The points that a drawing can show apart: none nearer than half a pixel to the one before, but the last.
    private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        var kept: [(x: Double, y: Double)] = []
        for (index, point) in points.enumerated() {
            if let last = kept.last, index + 1 < points.count,
                abs(point.x - last.x) + abs(point.y - last.y) < 0.5
            {
                continue
            }
            kept.append(point)
        }
        return kept
    }
}
