/// An optimizer's difference to the first one, and what may be said of it beside all the others of its table.
public struct BaselineContrast: Sendable, Hashable, Encodable {
    /// The differences seed by seed.
    public let difference: PairedDifference
    /// The interval of the mean difference: with 95 % all of the table's hold. Nil for fewer than three common seeds.
    public let interval: ClosedRange<Double>?
    /// The p-value adjusted for the number of optimizers: at most 5 % of tables of equal optimizers have one below 0.05.
    public let probability: Double?
    /// Holm's adjusted p-value of the two one-sided tests that the difference lies within the margin; nil without a margin.
    public let equivalence: Double?
    /// The standard error of the difference over parts of the validation data, which the interval does not contain; nil
    /// where the runs did not record them.
    public let validationError: Double?

    /// The mean difference, negative if the optimizer is better.
    public var mean: Double { difference.mean }

    /// Whether the interval leaves open which of the two is better; nil if there is no interval.
    public var coversZero: Bool? { interval.map { $0.contains(0) } }

    /// Whether the difference is shown to lie within the margin; nil if that was not tested.
    public var isEquivalent: Bool? { equivalence.map { $0 < ComparisonPlan.level } }

    /// What the seeds allow to say.
    public var verdict: Verdict {
        guard let interval else { return .points }
        if interval == 0...0 { return .equal }
        if !interval.contains(0) { return interval.upperBound < 0 ? .lower : .higher }
        return isEquivalent == true ? .equivalent : .open
    }

    /// What may be said of a difference.
    public enum Verdict: String, Sendable, Hashable, Encodable {
        /// The loss is lower than the first one's.
        case lower
        /// The loss is higher.
        case higher
        /// The difference lies within the margin.
        case equivalent
        /// Every common seed ended alike.
        case equal
        /// The seeds do not separate the two.
        case open
        /// Fewer than three common seeds: points, no statement.
        case points
    }
}

/// The difference of two optimizers of a table, neither of which is the first.
public struct PairContrast: Sendable, Hashable, Encodable {
    /// The position of the one.
    public let index: Int
    /// The position of the other, whose losses are subtracted.
    public let reference: Int
    /// The differences seed by seed.
    public let difference: PairedDifference
    /// Holm's adjusted p-value over all such pairs, and no smaller than the smallest one to the baseline, so that the pairs
    /// add no false statements to a table of equal optimizers. Nil for fewer than three common seeds.
    public let probability: Double?
}

/// The contrasts of a comparison.
struct ComparisonContrasts {
    /// One per optimizer; nil for the first and where no seed is common.
    let toBaseline: [BaselineContrast?]
    /// All pairs of the others that have a common seed.
    let pairs: [PairContrast]
    /// The test of the differences to the baseline over some number of seeds.
    let test: (Int) -> BaselineTest

    /// A mean difference with its standard error and the test that judges it.
    private struct Estimate {
        let mean: Double
        let error: Double
        let test: BaselineTest

        /// Standard errors from zero; infinite where every seed has the same difference.
        var ratio: Double { error > 0 ? abs(mean) / error : mean == 0 ? 0 : .infinity }

        /// The p-value of this difference alone.
        var alone: Double {
            ratio.isFinite
                ? max(
                    0,
                    1 - StudentT(degreesOfFreedom: test.degreesOfFreedom).centralProbability(within: ratio))
                : 0
        }

        /// The larger p-value of the two one-sided tests that the mean lies within a margin.
        func equivalence(_ margin: Double) -> Double {
            let room = margin - abs(mean)
            guard error > 0 else { return room > 0 ? 0 : 1 }
            let tail =
                (1
                    - StudentT(degreesOfFreedom: test.degreesOfFreedom).centralProbability(
                        within: room / error))
                / 2
            return room > 0 ? tail : 1 - tail
        }
    }

    init(_ entries: [OptimizerEntry], _ plan: ComparisonPlan) {
        let losses = entries.map(\.finalLosses)
        let blocks = plan.variances == .pooled ? CompleteBlocks(losses) : nil
        func difference(_ index: Int, _ reference: Int) -> PairedDifference? {
            PairedDifference(of: losses[index], to: losses[reference])
        }
        let differences = entries.indices.map { $0 == 0 ? nil : difference($0, 0) }
        let comparisons = max(1, differences.compactMap(\.self).count)
        let test = { (seeds: Int) in
            BaselineTest(
                comparisons: comparisons, seeds: seeds, variances: plan.variances, level: ComparisonPlan.level
            )
        }
        func estimate(_ index: Int, _ reference: Int, _ difference: PairedDifference?) -> Estimate? {
            switch plan.variances {
            case .own:
                guard let summary = difference?.summary, summary.count >= ComparisonPlan.fewestSeeds,
                    let error = summary.standardError
                else { return nil }
                return Estimate(mean: summary.mean, error: error, test: test(summary.count))
            case .pooled:
                guard let blocks, let own = blocks.means[index], let other = blocks.means[reference] else {
                    return nil
                }
                let pooled = BaselineTest(
                    comparisons: blocks.optimizerCount - 1, seeds: blocks.seedCount, variances: .pooled,
                    level: ComparisonPlan.level)
                return Estimate(mean: own - other, error: blocks.errorOfDifference, test: pooled)
            }
        }
        let estimates = differences.enumerated().map { index, difference in
            difference == nil ? nil : estimate(index, 0, difference)
        }
        let tested = estimates.indices.filter { estimates[$0] != nil }
        var equivalences: [Int: Double] = [:]
        if let margin = plan.margin {
            let adjusted = Multiplicity.holm(tested.map { estimates[$0]?.equivalence(margin) ?? 1 })
            equivalences = Dictionary(uniqueKeysWithValues: zip(tested, adjusted))
        }
        let contrasts = differences.enumerated().map { index, difference -> BaselineContrast? in
            guard let difference else { return nil }
            let estimate = estimates[index]
            return BaselineContrast(
                difference: difference,
                interval: estimate.map { estimate in
                    let half = estimate.error > 0 ? estimate.test.halfWidth * estimate.error : 0
                    return (estimate.mean - half)...(estimate.mean + half)
                },
                probability: estimate.map { $0.test.probability(beyond: $0.ratio) },
                equivalence: equivalences[index],
                validationError: ValidationNoise.errorOfDifference(entries[index], entries[0]))
        }
        // Hundreds of optimizers have too many pairs for a reader.
        let paired = entries.count <= 50 ? Array(entries.indices.dropFirst()) : []
        let pairs = paired.flatMap { reference in
            entries.indices.filter { $0 > reference }.compactMap { index in
                difference(index, reference).map { (index, reference, $0) }
            }
        }
        let pairEstimates = pairs.map { estimate($0.0, $0.1, $0.2) }
        let known = pairEstimates.compactMap { $0?.alone }
        var adjusted = Multiplicity.holm(known).makeIterator()
        let gate = contrasts.compactMap { $0?.probability }.min() ?? 0
        toBaseline = contrasts
        self.pairs = zip(pairs, pairEstimates).map { pair, estimate in
            PairContrast(
                index: pair.0, reference: pair.1, difference: pair.2,
                probability: estimate == nil ? nil : adjusted.next().map { max($0, gate) })
        }
        self.test = test
    }
}

/// A design of complete blocks: the seeds that all optimizers completed, and the variance that remains after the means of
/// seeds and optimizers are taken out.
struct CompleteBlocks {
    /// The mean of each optimizer over the seeds; nil for one that completed no run, which is left out.
    let means: [Double?]
    /// The seeds.
    let seedCount: Int
    /// The optimizers that completed a run.
    let optimizerCount: Int
    /// The residual variance, with (optimizers - 1)(seeds - 1) degrees of freedom.
    let variance: Double

    /// Forms the blocks; nil for fewer than two optimizers or three seeds that all of them completed.
    init?(_ losses: [[UInt64: Double]]) {
        let used = losses.indices.filter { !losses[$0].isEmpty }
        guard used.count > 1, let first = used.first else { return nil }
        let common = losses[first].keys.filter { seed in used.allSatisfy { losses[$0][seed] != nil } }
            .sorted()
        guard common.count >= ComparisonPlan.fewestSeeds else { return nil }
        let table = used.map { index in common.compactMap { losses[index][$0] } }
        let count = Double(common.count)
        let rows = table.map { $0.reduce(0, +) / count }
        let columns = common.indices.map { seed in
            table.reduce(0) { $0 + $1[seed] } / Double(used.count)
        }
        let whole = rows.reduce(0, +) / Double(used.count)
        var squares = 0.0
        for (row, values) in zip(rows, table) {
            for (column, value) in zip(columns, values) {
                let rest = value - row - column + whole
                squares += rest * rest
            }
        }
        var means = [Double?](repeating: nil, count: losses.count)
        for (index, row) in zip(used, rows) { means[index] = row }
        self.means = means
        seedCount = common.count
        optimizerCount = used.count
        variance = squares / (Double(used.count - 1) * (count - 1))
    }

    /// The standard error of the difference of two optimizers' means.
    var errorOfDifference: Double { (2 * variance / Double(seedCount)).squareRoot() }
}
