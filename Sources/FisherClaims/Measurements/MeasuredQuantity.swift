import FisherStudies
import Foundation

/// What a measured number must be for its part of a claim to hold.
package enum Criterion: Hashable, Sendable {
    /// No more than a limit.
    case atMost(Double)
    /// No less than a limit.
    case atLeast(Double)
    /// Within limits.
    case within(ClosedRange<Double>)

    /// The verdict on a number without uncertainty; one that is no number decides nothing.
    package func verdict(_ value: Double) -> ClaimVerdict {
        value.isNaN ? .undecided : verdict(value...value)
    }

    /// The verdict from a 95 % interval: what all of it fulfills holds, what all of it violates does not.
    package func verdict(_ interval: ClosedRange<Double>) -> ClaimVerdict {
        switch self {
        case .atMost(let limit):
            return interval.upperBound <= limit
                ? .holds : interval.lowerBound > limit ? .doesNotHold : .undecided
        case .atLeast(let limit):
            return interval.lowerBound >= limit
                ? .holds : interval.upperBound < limit ? .doesNotHold : .undecided
        case .within(let limits):
            if limits.lowerBound <= interval.lowerBound, interval.upperBound <= limits.upperBound {
                return .holds
            }
            return interval.overlaps(limits) ? .undecided : .doesNotHold
        }
    }

    /// Limits, or the number between limits that are too near to it to be told from it.
    private static func text(_ limits: ClosedRange<Double>) -> String {
        let ends = [limits.lowerBound, limits.upperBound].map { NumberText.significant($0) }
        guard ends[0] == ends[1] else { return "within \(ends[0]) to \(ends[1])" }
        let half = (limits.upperBound - limits.lowerBound) / 2
        return half > 0 ? "\(ends[0]) to \(NumberText.significant(half))" : ends[0]
    }

    /// The criterion for a table.
    package var text: String {
        switch self {
        case .atMost(let limit): "at most " + NumberText.significant(limit)
        case .atLeast(let limit): "at least " + NumberText.significant(limit)
        case .within(let limits):
            Self.text(limits)
        }
    }
}

/// A measured quantity, and what it says of its part of a claim.
package struct MeasuredQuantity: Sendable {
    /// The seeds that a verdict needs where chance takes part.
    package static let leastSeeds = 5

    /// The quantity, for readers.
    package let quantity: String
    /// Its value: over seeds their mean, or their geometric mean.
    package let value: Double
    /// The 95 % interval; nil where there is none.
    package let interval: ClosedRange<Double>?
    /// The number of seeds; nil where no chance takes part.
    package let seedCount: Int?
    /// What is required; nil for a number that is shown without deciding.
    package let criterion: Criterion?
    /// The degrees of freedom of Student's interval; nil where the interval is none of Student's.
    private let degreesOfFreedom: Int?
    /// Whether the interval is one of logarithms.
    private let isRatio: Bool

    /// A number without chance, with an interval if it was fitted.
    package init(
        _ quantity: String, _ value: Double, interval: ClosedRange<Double>? = nil,
        _ criterion: Criterion? = nil
    ) {
        self.init(quantity, value, interval: interval, degreesOfFreedom: nil, criterion)
    }

    private init(
        _ quantity: String, _ value: Double, interval: ClosedRange<Double>?, degreesOfFreedom: Int?,
        _ criterion: Criterion?
    ) {
        self.quantity = quantity
        self.value = value
        self.interval = interval
        self.criterion = criterion
        self.degreesOfFreedom = degreesOfFreedom
        isRatio = false
        seedCount = nil
    }

    /// The mean of numbers by seed, with Student's 95 % interval.
    ///
    /// - Parameters:
    ///   - quantity: the quantity, for readers.
    ///   - values: a number for each seed.
    ///   - isRatio: whether the mean and the interval are of the logarithms, for positive numbers that spread by factors.
    ///   - criterion: what is required.
    package init(
        _ quantity: String, over values: [Double], isRatio: Bool = false, _ criterion: Criterion? = nil
    ) {
        self.quantity = quantity
        self.criterion = criterion
        self.isRatio = isRatio
        seedCount = values.count
        degreesOfFreedom = values.count > 2 ? values.count - 1 : nil
        let summary = SampleSummary(isRatio ? values.map { log($0) } : values)
        func back(_ x: Double) -> Double { isRatio ? exp(x) : x }
        value = back(summary?.mean ?? .nan)
        let found = summary.flatMap { $0.mean.isFinite ? $0.interval() : nil }
        interval = found.map { back($0.lowerBound)...back($0.upperBound) }
    }

    /// The exponent of a power law with its interval.
    package init(_ quantity: String, _ law: PowerLaw?, _ criterion: Criterion? = nil) {
        self.init(
            quantity, law?.exponent ?? .nan, interval: law?.interval,
            degreesOfFreedom: law.flatMap { $0.count > 2 ? $0.count - 2 : nil }, criterion)
    }

    /// The verdict by the criterion; nil without one.
    package var verdict: ClaimVerdict? { verdict(amongParts: 1) }

    /// The verdict as one of the parts of a claim, all of which must hold; nil without a criterion.
    ///
    /// The part holds by its 95 % interval. It refutes by one of 1 - 0.05 / parts (Bonferroni), since any of the parts would
    /// refute the claim.
    package func verdict(amongParts parts: Int) -> ClaimVerdict? {
        guard let criterion else { return nil }
        if let seedCount, seedCount < Self.leastSeeds || interval == nil { return .undecided }
        guard let interval else { return criterion.verdict(value) }
        let own = criterion.verdict(interval)
        guard own == .doesNotHold, parts > 1, let degreesOfFreedom else { return own }
        let student = StudentT(degreesOfFreedom: degreesOfFreedom)
        let factor =
            student.halfWidth(probability: 1 - 0.05 / Double(parts)) / student.halfWidth(probability: 0.95)
        func scaled(_ x: Double) -> Double { isRatio ? log(x) : x }
        func back(_ x: Double) -> Double { isRatio ? exp(x) : x }
        let (low, high) = (scaled(interval.lowerBound), scaled(interval.upperBound))
        let (middle, half) = ((low + high) / 2, (high - low) / 2 * factor)
        return criterion.verdict(back(middle - half)...back(middle + half)) == .doesNotHold
            ? .doesNotHold : .undecided
    }

    /// The value with its interval.
    package var text: String {
        func text(_ number: Double) -> String {
            abs(number) < 1e5 && number == number.rounded()
                ? "\(Int(number))" : NumberText.significant(number)
        }
        guard let interval else { return text(value) }
        return "\(text(value)) [\(text(interval.lowerBound)), \(text(interval.upperBound))]"
    }
}

extension ClaimFinding {
    /// The finding from measurements, of which every one with a criterion must fulfill it.
    ///
    /// - Parameters:
    ///   - measurements: what was measured; their table comes before the other exhibits.
    ///   - answer: the sentences of the answer.
    ///   - exhibits: further tables.
    ///   - figures: charts.
    ///   - remarks: restrictions.
    package init(
        deciding measurements: [MeasuredQuantity], _ answer: String, exhibits: [TaskExhibit] = [],
        figures: [ClaimFigure] = [], remarks: [String] = []
    ) {
        let parts = measurements.count { $0.criterion != nil }
        let table = ExhibitTable(
            title: "What was measured",
            caption: """
                Brackets hold 95 % intervals. The claim needs every requirement fulfilled; one alone refutes it by its interval \
                of \(NumberText.significant(100 - 5 / Double(max(parts, 1)))) %.
                """,
            columns: ["quantity", "value", "seeds", "required", "verdict"],
            rows: measurements.map { found in
                [
                    found.quantity, found.text, found.seedCount.map { "\($0)" } ?? "",
                    found.criterion?.text ?? "", found.verdict(amongParts: parts)?.rawValue ?? "",
                ]
            })
        self.init(
            .all(measurements.compactMap { $0.verdict(amongParts: parts) }), answer,
            exhibits: [.table(table)] + exhibits,
            figures: figures, remarks: remarks)
    }
}
