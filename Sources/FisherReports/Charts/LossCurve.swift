import FisherStudies
import Foundation

/// One optimizer's losses, or what its steps did, over its seeds, ready to be drawn.
struct LossCurve: Sendable {
    /// The seeds' losses after one step.
    struct Point: Sendable, Hashable {
        var x: Double
        var mean: Double
        var low: Double
        var high: Double
    }

    /// A run that did not complete; it is drawn apart, because a mean over changing seeds would jump.
    struct Stray: Sendable {
        var seed: UInt64
        var points: [Point]
        var hasDiverged: Bool
    }

    var label: String
    var style: SeriesStyle
    /// The mean over the completed runs, with the smallest and the largest of them.
    var points: [Point]
    var strays: [Stray]
    /// The number of completed runs.
    var runCount: Int

    /// The quantity on the horizontal axis.
    enum Abscissa: Sendable {
        case step, seconds
    }

    /// The quantity on the vertical axis.
    enum Ordinate: Sendable, Hashable {
        case training, validation, updateToWeight, gradientNorm, learningRate, clipFactor, decayShare,
            accuracy
        /// A figure that the task takes at every evaluation, by its name.
        case measure(String)

        /// Whether the axis counts powers of ten; the curve's values are logarithms then.
        var isLogarithmic: Bool {
            switch self {
            case .updateToWeight, .clipFactor, .gradientNorm: true
            default: false
            }
        }

        /// Whether it is a loss, of which the first steps are of no interest.
        var isLoss: Bool { self == .training || self == .validation }

        /// The value at a point of a run, as it is drawn; nil if there is none.
        func value(_ point: CurvePoint) -> Double? {
            let value: Double? =
                switch self {
                case .training: point.trainingLoss
                case .validation: point.validationLoss
                case .updateToWeight: point.measure?.updateToWeight
                case .gradientNorm: point.measure?.gradientNorm
                case .learningRate: point.measure?.learningRate
                case .measure(let name): point.measures?[name]
                case .clipFactor: point.measure?.clipFactor
                case .decayShare: point.measure?.decayShare
                case .accuracy: nil
                }
            guard let value, isLogarithmic else { return value }
            return value > 0 ? log10(value) : nil
        }
    }

    /// The same with logarithms of the losses, for a logarithmic axis; what has none is left out.
    var logarithmic: LossCurve {
        func logarithm(_ points: [Point]) -> [Point] {
            points.compactMap { point in
                guard point.low > 0, point.mean > 0 else { return nil }
                return Point(
                    x: point.x, mean: log10(point.mean), low: log10(point.low), high: log10(point.high))
            }
        }
        var curve = self
        curve.points = logarithm(points)
        curve.strays = strays.map {
            Stray(seed: $0.seed, points: logarithm($0.points), hasDiverged: $0.hasDiverged)
        }
        return curve
    }

    /// More points than this cannot be distinguished on a page.
    private static let pointLimit = 300

    /// A curve of points that were gathered elsewhere.
    init(label: String, style: SeriesStyle, points: [Point], runCount: Int) {
        self.label = label
        self.style = style
        self.points = points
        strays = []
        self.runCount = runCount
    }

    /// Gathers an optimizer's runs.
    init(_ entry: OptimizerEntry, index: Int, _ ordinate: Ordinate, against abscissa: Abscissa) {
        let entry = abscissa == .seconds ? entry.evenlyTimed : entry
        let completed = entry.runs.filter { $0.completedLoss != nil }
        label = entry.label
        style = SeriesStyle(index: index)
        runCount = completed.count
        points = Self.thinned(Self.combined(completed, ordinate, abscissa))
        strays = entry.runs.filter { $0.completedLoss == nil }.map { run in
            let isInterrupted = if case .interrupted = run.status { true } else { false }
            let points = Self.combined([run], ordinate, abscissa)
            return Stray(seed: run.seed, points: Self.thinned(points), hasDiverged: !isInterrupted)
        }.filter { !$0.points.isEmpty }
    }

    /// Mean, least and greatest value at the steps that all runs have measured.
    private static func combined(
        _ runs: [RunRecord], _ ordinate: Ordinate, _ abscissa: Abscissa
    ) -> [Point] {
        guard let first = runs.first else { return [] }
        let tables = runs.dropFirst().map { run in
            Dictionary(run.curve.map { ($0.step, $0) }, uniquingKeysWith: { _, last in last })
        }
        return first.curve.compactMap { point in
            let others = tables.compactMap { $0[point.step] }
            let all = [point] + others
            let values = all.compactMap(ordinate.value)
            guard values.count == runs.count, values.allSatisfy(RunRecord.isUsable),
                let summary = SampleSummary(values)
            else { return nil }
            let seconds = all.reduce(0) { $0 + $1.seconds } / Double(all.count)
            guard seconds.isFinite else { return nil }
            return Point(
                x: abscissa == .step ? Double(point.step) : seconds, mean: summary.mean,
                low: summary.range.lowerBound, high: summary.range.upperBound
            )
        }
    }

    /// Neighboring points merged if there are too many; the first and the last are kept as they are.
    private static func thinned(_ points: [Point]) -> [Point] {
        guard points.count > pointLimit, let first = points.first, let last = points.last else {
            return points
        }
        let inner = Array(points.dropFirst().dropLast())
        let size = (inner.count + pointLimit - 1) / pointLimit
        let merged = stride(from: 0, to: inner.count, by: size).map { start in
            let group = inner[start..<min(start + size, inner.count)]
            let count = Double(group.count)
            return Point(
                x: group.reduce(0) { $0 + $1.x } / count, mean: group.reduce(0) { $0 + $1.mean } / count,
                low: group.map(\.low).min() ?? 0, high: group.map(\.high).max() ?? 0
            )
        }
        return [first] + merged + [last]
    }
}
