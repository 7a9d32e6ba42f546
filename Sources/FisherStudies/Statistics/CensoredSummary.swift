import Foundation

/// Steps or seconds until something happened in each of several runs, in some of which it never did.
///
/// A run in which it did not happen is later than every other, whatever its length: nothing is averaged over those alone
/// that were quick enough.
public struct CensoredSummary: Sendable, Hashable, Encodable {
    /// The runs.
    public let count: Int
    /// Those in which it happened.
    public let reached: Int
    /// The mean and the spread; nil unless it happened in every run.
    public let mean: SampleSummary?
    /// The median; nil if it did not happen in half of the runs or more.
    public let median: Double?
    /// The 95 % interval of the mean by Student's t; nil unless it happened in every run, of three or more.
    public let meanInterval: ClosedRange<Double>?
    /// Where the distribution-free 95 % interval of the median begins, from order statistics; nil for fewer than six runs,
    /// or where even that is beyond what was seen.
    public let medianFrom: Double?
    /// Where it ends; nil for fewer than six runs, or where it is beyond what was seen.
    public let medianTo: Double?

    /// Summarizes times, nil for runs in which it never happened; nil if there are none.
    public init?(_ times: [Double?]) {
        guard !times.isEmpty else { return nil }
        let known = times.compactMap(\.self).sorted()
        count = times.count
        reached = known.count
        mean = known.count == times.count ? SampleSummary(known) : nil
        meanInterval = mean?.interval()
        func ordered(_ rank: Int) -> Double? { rank < known.count ? known[rank] : nil }
        let middle = times.count / 2
        if times.count.isMultiple(of: 2) {
            median = ordered(middle).flatMap { upper in ordered(middle - 1).map { ($0 + upper) / 2 } }
        } else {
            median = ordered(middle)
        }
        if let rank = Self.rank(times.count) {
            (medianFrom, medianTo) = (ordered(rank), ordered(times.count - 1 - rank))
        } else {
            (medianFrom, medianTo) = (nil, nil)
        }
    }

    /// The largest rank, from zero, so that the order statistics of that rank from either end hold the median between
    /// them with at least 95 %; nil if none does.
    private static func rank(_ count: Int) -> Int? {
        var (tail, term, found) = (0.0, pow(0.5, Double(count)), Int?.none)
        for rank in 0..<count / 2 {
            tail += term
            if tail > 0.025 { break }
            found = rank
            term *= Double(count - rank) / Double(rank + 1)
        }
        return found
    }
}

extension SampleSummary {
    /// Student's interval of the mean; nil for fewer than three numbers.
    public func interval(probability: Double = 0.95) -> ClosedRange<Double>? {
        guard count >= 3, let standardError else { return nil }
        let half = StudentT(degreesOfFreedom: count - 1).halfWidth(probability: probability) * standardError
        return (mean - half)...(mean + half)
    }
}
