import FisherInformation

/// The mean and the spread of a few numbers, most often one for each seed.
public struct SampleSummary: Sendable, Hashable, Encodable {
    /// How many numbers there were, one or more.
    public let count: Int
    /// Their mean.
    public let mean: Double
    /// Their sample standard deviation (divided by one less than their number); nil for a single number.
    public let standardDeviation: Double?
    /// The smallest and the largest of them.
    public let range: ClosedRange<Double>

    /// Summarizes finite numbers; nil if there are none.
    public init?(_ values: [Double]) {
        guard let smallest = values.min(), let largest = values.max() else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        self.count = values.count
        self.mean = mean
        self.range = smallest...largest
        if values.count > 1 {
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            self.standardDeviation = (squares / Double(values.count - 1)).squareRoot()
        } else {
            self.standardDeviation = nil
        }
    }

    /// The standard deviation of the mean; nil for a single number.
    public var standardError: Double? { standardDeviation.map { $0 / Double(count).squareRoot() } }

    /// The median of some numbers; nil if there are none.
    public static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

/// The median and the spread of a few numbers: used for times, whose mean is sensitive to single
/// disturbances.
public struct SampleSpread: Sendable, Hashable {
    /// The median.
    public let median: Double
    /// The smallest number.
    public let lowest: Double
    /// The largest number.
    public let highest: Double
    /// Where the middle half begins.
    public let lowerQuartile: Double
    /// Where the middle half ends.
    public let upperQuartile: Double

    /// Summarizes numbers; nil if there are none.
    public init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        self.init(nonempty: values)
    }

    /// Summarizes numbers, of which there must be one.
    package init(nonempty values: [Double]) {
        let sorted = values.sorted()
        guard let median = SampleSummary.median(sorted) else { preconditionFailure("no number to summarize") }
        self.median = median
        lowest = sorted[0]
        highest = sorted[sorted.count - 1]
        lowerQuartile = sorted[sorted.count / 4]
        upperQuartile = sorted[sorted.count * 3 / 4]
    }
}

extension SampleSummary {
    /// The 95 % interval of the standard deviation of normal numbers, from chi-square; nil for fewer than three.
    public var deviationInterval: ClosedRange<Double>? {
        guard let standardDeviation, count > 2 else { return nil }
        let degrees = Double(count - 1)
        func end(_ share: Double) -> Double {
            standardDeviation
                * (degrees / ChiSquare.quantile(share, degreesOfFreedom: count - 1)).squareRoot()
        }
        return end(0.975)...max(end(0.975), end(0.025))
    }
}
