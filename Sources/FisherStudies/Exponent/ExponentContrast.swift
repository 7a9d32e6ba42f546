/// The difference of a finalist to FAdam at 1/2 on a problem, paired by seed, with an interval that holds together with
/// those of the problem's other finalists.
package struct ExponentContrast: Hashable, Sendable {
    /// The problem.
    package let problem: String
    /// The finalist.
    package let finalist: ExponentFinalist
    /// What it reached.
    package let result: ExponentResult
    /// The differences seed by seed, negative if the finalist is better; nil without a common seed.
    package let difference: PairedDifference?
    /// The simultaneous 95 % interval of the mean; nil for fewer than three common seeds.
    package let interval: ClosedRange<Double>?
    /// Whether both rates lie inside the rates that were tried.
    package let isInterior: Bool

    /// What is shown on this problem.
    package enum Outcome: String, Sendable {
        /// The interval lies below zero.
        case better
        /// It lies above.
        case worse
        /// It contains zero, or a requirement is not met.
        case open
    }

    /// What the interval shows; open with a rate at an edge or fewer seeds than are required.
    package var outcome: Outcome {
        guard let interval, isInterior, (difference?.pairs.count ?? 0) >= ExponentStudy.finalSeedCount else {
            return .open
        }
        return interval.upperBound < 0 ? .better : interval.lowerBound > 0 ? .worse : .open
    }

    /// The contrasts of all finals, problem by problem; a problem without results of 1/2 has none.
    package static func all(
        of finals: [ExponentResult], _ finalists: [ExponentFinalist]
    ) -> [ExponentContrast] {
        guard let reference = finalists.first(where: { $0.role == .reference }) else { return [] }
        return finals.map(\.problem).firstOccurrences.flatMap { problem in
            let own = finals.filter { $0.problem == problem }
            guard let base = own.first(where: { $0.arm == reference.arm }) else {
                return [ExponentContrast]()
            }
            let others = finalists.compactMap { finalist in
                finalist.role == .reference
                    ? nil : own.first { $0.arm == finalist.arm }.map { (finalist, $0) }
            }
            return others.map { finalist, result in
                let difference = PairedDifference(of: result.losses, to: base.losses)
                let interval = difference.flatMap { difference -> ClosedRange<Double>? in
                    guard difference.pairs.count > 2, let error = difference.summary.standardError else {
                        return nil
                    }
                    let half =
                        error
                        * BaselineTest(comparisons: others.count, seeds: difference.pairs.count).halfWidth
                    return (difference.mean - half)...(difference.mean + half)
                }
                return ExponentContrast(
                    problem: problem, finalist: finalist, result: result, difference: difference,
                    interval: interval, isInterior: result.isInterior && base.isInterior)
            }
        }
    }
}
