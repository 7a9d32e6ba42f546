import FisherStudies
import Foundation

/// Which losses a chart shows, and on what kind of axis.
enum LossRange {
    /// The range of the vertical axis, and whether it is to be logarithmic; nil if there is no loss to draw.
    ///
    /// All losses of completed runs are shown: on a linear axis if the part where the optimizers differ takes half of it or
    /// more and the largest loss is at most ten times the smallest, otherwise on a logarithmic one, whose range is of
    /// logarithms. Losses that have none leave only the part where the optimizers differ. A run that did not complete may leave the drawing at the top.
    static func vertical(_ curves: [LossCurve]) -> (range: ClosedRange<Double>, isLogarithmic: Bool)? {
        guard let part = interesting(curves) else { return nil }
        let points = curves.flatMap(\.points)
        let shown = points.isEmpty ? curves.flatMap { $0.strays.compactMap(\.points.first) } : points
        let lowest = min(part.lowerBound, shown.map(\.low).min() ?? part.lowerBound)
        let highest = max(part.upperBound, shown.map(\.high).max() ?? part.upperBound)
        let strays = curves.flatMap { $0.strays.compactMap { $0.points.map(\.low).min() } }
        let least = (shown.map(\.low) + strays).min() ?? lowest
        let isEven = part.upperBound - part.lowerBound >= 0.5 * (highest - lowest)
        if isEven, least <= 0 || highest <= 10 * least { return (padded(lowest...highest), false) }
        guard least > 0 else { return (part, false) }
        return (padded(log10(least)...log10(highest)), true)
    }

    /// The range in which the optimizers differ: not the first steps nor an outlier.
    ///
    /// Each curve requires the range of its last four fifths. One that requires much more than the curves'
    /// median is cut, so that it does not flatten them.
    static func interesting(_ curves: [LossCurve]) -> ClosedRange<Double>? {
        let strays = curves.flatMap { $0.strays.map(\.points) }
        let whole = curves.compactMap { wish($0.points) }
        let wishes = whole.isEmpty ? strays.compactMap(wishOfStray) : whole
        guard let low = wishes.map(\.lowerBound).min(),
            let middle = SampleSummary.median(wishes.map(\.upperBound)),
            let top = wishes.map(\.upperBound).max()
        else { return nil }
        let high = min(top, low + 1.6 * max(middle - low, abs(low) * 0.01))
        // A run that did not complete may have been lower than all others, if not without limit.
        let lowest = strays.compactMap { $0.map(\.low).min() }.min() ?? low
        return padded(min(low, max(lowest, low - 0.5 * (high - low)))...max(high, low))
    }

    /// The range of all that is drawn; nil if there is nothing.
    static func whole(_ curves: [LossCurve]) -> ClosedRange<Double>? {
        let points = curves.flatMap { $0.points + $0.strays.flatMap(\.points) }
        guard let low = points.map(\.low).min(), let high = points.map(\.high).max() else { return nil }
        return padded(low...high)
    }

    /// From the lowest loss of a curve to its first: the end of a diverged run carries no information.
    private static func wishOfStray(_ points: [LossCurve.Point]) -> ClosedRange<Double>? {
        guard let first = points.first, let low = points.map(\.low).min() else { return nil }
        return low...max(low, first.high)
    }

    /// From the lowest loss of a curve to the highest after its first fifth.
    private static func wish(_ points: [LossCurve.Point]) -> ClosedRange<Double>? {
        guard let first = points.first, let last = points.last else { return nil }
        let start = first.x + 0.2 * (last.x - first.x)
        guard let low = points.map(\.low).min(), let high = points.filter({ $0.x >= start }).map(\.high).max()
        else { return nil }
        return low...max(low, high)
    }

    /// The range of the axis of final losses, without values far from the rest.
    static func horizontal(_ values: [Double]) -> ClosedRange<Double>? {
        let sorted = values.filter(\.isFinite).sorted()
        guard let low = sorted.first, let median = SampleSummary.median(sorted) else { return nil }
        let upperQuartile = sorted[(sorted.count - 1) * 3 / 4]
        // Far means by half the median loss and by three times what three quarters of the values span.
        let limit = max(median + 0.5 * abs(median), low + 4 * (upperQuartile - low))
        let high = sorted.last { $0 <= limit } ?? low
        return padded(low...high)
    }

    /// The range with a margin on both sides; never empty.
    static func padded(_ range: ClosedRange<Double>) -> ClosedRange<Double> {
        let length = range.upperBound - range.lowerBound
        let air = length > 0 ? 0.06 * length : max(abs(range.lowerBound) * 0.01, 1e-6)
        return (range.lowerBound - air)...(range.upperBound + air)
    }
}
