/// A rule of decision on a paired difference, stated before the runs are made.
///
/// A verdict rests on Student's 95 % interval of the mean of the differences over the seeds, `arm - reference`, negative
/// where the arm is better. With a true mean difference d and the margin m, a verdict is wrong
///
/// - for ``better(margin:)`` if it says "holds" at d >= 0, or "does not hold" at d <= -m;
/// - for ``noWorse(margin:)`` if it says "holds" at d >= m, or "does not hold" at d <= m;
/// - for ``equal(margin:)`` if it says "holds" at |d| >= m, or "does not hold" at |d| <= m.
///
/// With normal differences each of these has a probability of at most 2.5 %, apart from "does not hold" at |d| <= m of
/// ``equal(margin:)``, which has 5 %. Between -m and 0 an arm is better by less than matters: there both verdicts of ``better(margin:)``
/// are right.
///
/// A claim of several parts holds only if every part does (an intersection-union test: each part at its own level). It is
/// refuted by one part; for k parts the refutation is made at 2.5 %/k (Bonferroni).
///
/// A run that diverged is worse than any finite loss, so that a mean difference with it says nothing. Where an arm diverged
/// in three seeds or more and the other in none, the one that diverged is worse by more than any margin; with any other
/// diverged run nothing is decided. For arms that diverge equally often this is wrong in at most 2.8 % of claims with
/// five seeds and in at most 4.5 % with any number.
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
        verdict(interval, refuting: interval)
    }

    /// The verdict on a part of a claim from the differences by seed.
    ///
    /// - Parameters:
    ///   - differences: the mean and the spread of the differences; nil if there are none.
    ///   - parts: the number of the claim's parts, one of which refutes it.
    public func verdict(on differences: SampleSummary?, of parts: Int = 1) -> ClaimVerdict {
        precondition(parts > 0, "a claim has a part")
        let interval = differences?.interval()
        return verdict(
            interval,
            refuting: parts == 1 ? interval : differences?.interval(probability: 1 - 0.05 / Double(parts)))
    }

    private func verdict(
        _ interval: ClosedRange<Double>?, refuting wide: ClosedRange<Double>?
    ) -> ClaimVerdict {
        guard let interval, let wide else { return .undecided }
        switch self {
        case .better(let margin):
            return interval.upperBound < 0 ? .holds : wide.lowerBound > -margin ? .doesNotHold : .undecided
        case .noWorse(let margin):
            return interval.upperBound < margin
                ? .holds : wide.lowerBound > margin ? .doesNotHold : .undecided
        case .equal(let margin):
            if -margin < interval.lowerBound, interval.upperBound < margin { return .holds }
            return wide.lowerBound > margin || wide.upperBound < -margin ? .doesNotHold : .undecided
        }
    }

    /// The least number of diverged runs of one arm, with none of the other, that decides.
    public static let decisiveDivergences = 3

    /// The verdict where runs diverged; nil where none did, so that the losses decide.
    ///
    /// - Parameters:
    ///   - arm: the number of the arm's runs that diverged.
    ///   - reference: the number of the reference's.
    public func verdict(diverged arm: Int, reference: Int) -> ClaimVerdict? {
        if arm == 0, reference == 0 { return nil }
        if arm >= Self.decisiveDivergences, reference == 0 { return .doesNotHold }
        guard reference >= Self.decisiveDivergences, arm == 0 else { return .undecided }
        if case .equal = self { return .doesNotHold }
        return .holds
    }

    /// The smallest difference that matters.
    public var margin: Double {
        switch self {
        case .better(let margin), .noWorse(let margin), .equal(let margin): margin
        }
    }
}
