/// A rule of decision on a paired difference, stated before the runs are made.
public enum ClaimDecision: Codable, Sendable, Hashable {
    /// The arm is better than the reference. It holds if the interval of the difference lies on the better side of zero; it
    /// does not hold if the interval excludes an advantage as large as the margin.
    case better(margin: Double)
    /// The arm is not worse than the reference by the margin or more. It holds if the interval excludes such a loss; it does
    /// not hold if the interval lies beyond it.
    case noWorse(margin: Double)
    /// Both are equal within the margin. It holds if the interval lies within it on both sides; it does not hold if the
    /// interval lies outside.
    case equal(margin: Double)
}

extension ClaimDecision {
    /// The verdict from a 95 % interval of the difference, negative if the arm is better.
    public func verdict(_ interval: ClosedRange<Double>?) -> ClaimVerdict {
        guard let interval else { return .undecided }
        switch self {
        case .better(let margin):
            return interval.upperBound < 0
                ? .holds : interval.lowerBound > -margin ? .doesNotHold : .undecided
        case .noWorse(let margin):
            return interval.upperBound < margin
                ? .holds : interval.lowerBound > margin ? .doesNotHold : .undecided
        case .equal(let margin):
            if -margin < interval.lowerBound, interval.upperBound < margin { return .holds }
            return interval.lowerBound > margin || interval.upperBound < -margin ? .doesNotHold : .undecided
        }
    }

    /// The smallest difference that matters.
    public var margin: Double {
        switch self {
        case .better(let margin), .noWorse(let margin), .equal(let margin): margin
        }
    }
}
