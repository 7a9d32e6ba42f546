import FisherStudies
import Foundation

/// Curves of loss with bands over the seeds, each named at its end.
struct LineChart: Figure, Sendable {
    let title: String
    let horizontalTitle: String
    let verticalTitle: String
    let curves: [LossCurve]
    let range: ClosedRange<Double>
    let domain: ClosedRange<Double>
    /// Whether the horizontal axis shows only whole numbers.
    let hasWholeSteps: Bool
    /// The quantity on the vertical axis.
    let ordinate: LossCurve.Ordinate
    /// Whether the vertical axis counts powers of ten; the curves' values are logarithms then.
    let isLogarithmic: Bool

    /// A chart of curves; nil if there is nothing to draw.
    init?(
        _ result: OptimizerComparison, title: String, _ ordinate: LossCurve.Ordinate,
        against abscissa: LossCurve.Abscissa, called name: String? = nil
    ) {
        var curves = result.entries.enumerated().map { index, entry in
            LossCurve(entry, index: index, ordinate, against: abscissa)
        }.filter { ordinate.isLoss || !$0.points.isEmpty || !$0.strays.isEmpty }
        let vertical =
            ordinate.isLoss
            ? LossRange.vertical(curves) : LossRange.whole(curves).map { ($0, ordinate.isLogarithmic) }
        guard let vertical else { return nil }
        var range = vertical.0
        let isLogarithmic = vertical.1
        if isLogarithmic, range.upperBound - range.lowerBound < 0.02 {
            // Ratios of a thousandth are not worth an axis: values that are constant are drawn as such.
            range = range.lowerBound - 0.05...range.upperBound + 0.05
        }
        if isLogarithmic, !ordinate.isLogarithmic { curves = curves.map(\.logarithmic) }
        let points = curves.flatMap { $0.points + $0.strays.flatMap(\.points) }
        guard let end = points.map(\.x).max() else { return nil }
        self.isLogarithmic = isLogarithmic
        self.title = title
        self.curves = curves
        self.range = range
        self.domain = 0...max(end, 1e-9)
        hasWholeSteps = abscissa == .step
        horizontalTitle = abscissa == .step ? "training steps" : "seconds of training"
        self.ordinate = ordinate
        verticalTitle =
            switch ordinate {
            case .training: "training loss, nats/\(result.task.lossUnit)"
            case .validation: "validation loss, nats/\(result.task.lossUnit)"
            case .gradientNorm: "norm of the gradient"
            case .learningRate: "learning rate"
            case .measure(let measure): name ?? measure
            case .updateToWeight: "norm of the step / norm of the weights"
            case .clipFactor: "divisor of the rule's own clip"
            case .decayShare: "share of the decay on the least-informed 1 %"
            case .accuracy: "accuracy"
            }
    }

    /// A chart of curves that were gathered elsewhere.
    init(
        title: String, horizontalTitle: String, verticalTitle: String, curves: [LossCurve],
        range: ClosedRange<Double>, domain: ClosedRange<Double>, hasWholeSteps: Bool,
        ordinate: LossCurve.Ordinate, isLogarithmic: Bool? = nil
    ) {
        self.title = title
        self.horizontalTitle = horizontalTitle
        self.verticalTitle = verticalTitle
        self.curves = curves
        self.range = range
        self.domain = domain
        self.hasWholeSteps = hasWholeSteps
        self.ordinate = ordinate
        self.isLogarithmic = isLogarithmic ?? ordinate.isLogarithmic
    }

    /// A drawn value as text.
    func text(_ value: Double, _ style: NumberText, decimals: Int) -> String {
        if isLogarithmic, ordinate.isLoss { return style.fixed(pow(10, value), decimals: decimals) }
        if isLogarithmic { return String(format: "%.3g", pow(10, value)) }
        return ordinate == .learningRate
            ? String(format: "%.3g", value) : style.fixed(value, decimals: decimals)
    }

    /// Whether some of the losses lie above the drawing.
    var isCut: Bool {
        curves.contains { curve in
            (curve.points + curve.strays.flatMap(\.points)).contains { $0.high > range.upperBound }
        }
    }

    /// Whether there is a band, that is, more than one completed run somewhere.
    var hasBands: Bool { curves.contains { $0.runCount > 1 && !$0.points.isEmpty } }

    /// Whether even the wide drawing cannot show every name in full.
    var needsLegend: Bool { Plot(chart: self, layout: .wide).needsLegend }

    /// Whether runs that diverged or were interrupted are drawn.
    var hasStrays: Bool { curves.contains { !$0.strays.isEmpty } }

    /// A description of the drawing for readers who cannot see it.
    var summary: String {
        let ends = curves.map { curve in
            curve.points.last.map { "\(curve.label) ends at \(text($0.mean, .plain, decimals: 3))" }
                ?? "\(curve.label) has no completed run"
        }
        return "\(verticalTitle) against \(horizontalTitle). " + ends.joined(separator: "; ") + "."
    }

    var legend: [(style: SeriesStyle, label: String)] { curves.map { ($0.style, $0.label) } }

    var remarks: [String] {
        var notes: [String] = []
        if hasBands && ordinate != .accuracy {
            notes.append(
                "Lines are means over the completed runs, bands reach from the lowest to the highest seed.")
        }
        if hasStrays {
            notes.append("Thin lines are runs that diverged (cross) or were interrupted (ring).")
        }
        if isLogarithmic, ordinate.isLoss {
            notes.append(
                "The vertical axis is logarithmic, so that the first losses are shown with the last.")
        } else if isLogarithmic {
            notes.append("The vertical axis is logarithmic.")
        }
        if isCut {
            notes.append(
                isLogarithmic || !ordinate.isLoss
                    ? "A run that diverged leaves the drawing at the top."
                    : "Losses above the vertical axis are cut off.")
        }
        return notes
    }

    func content(in layout: ChartLayout, id: String) -> [Markup] {
        let plot = Plot(chart: self, layout: layout)
        return [
            .tag("clipPath", ["id": "\(id)-clip"], [plot.clip]), .tag("g", [:], plot.axes),
            .tag("g", ["clip-path": "url(#\(id)-clip)"], plot.bands + plot.lines),
            .tag("g", [:], plot.endings + plot.labels), .tag("g", ["class": "pointer"], []),
        ]
    }
}
