/// What a pilot's seeds say about the number that a comparison needs.
///
/// The spread that counts is that of differences seed by seed. From runs of one optimizer it is not known: sqrt(2) times
/// the spread of its losses is what differences would have if seeds did not pair, the cautious choice.
public struct PilotSummary: Sendable, Hashable, Encodable {
    /// The spread of one difference.
    public struct Spread: Sendable, Hashable, Encodable {
        /// What it is the difference of.
        public let label: String
        /// The number of seeds.
        public let count: Int
        /// The standard deviation of the difference of one seed, in nats.
        public let deviation: Double
        /// Its 95 % interval, by chi-square; nil for two seeds.
        public let interval: ClosedRange<Double>?
        /// Whether it was seen in differences; otherwise it is sqrt(2) times the spread of single runs.
        public let isPaired: Bool
    }

    /// The seeds for one difference.
    public struct Need: Sendable, Hashable, Encodable {
        /// The difference in nats.
        public let difference: Double
        /// The seeds for each of the powers; nil for more than 10,000.
        public let seeds: [Int?]
        /// The same if the spread is as large as its interval allows; nil without an interval.
        public let cautiousSeeds: [Int?]?
    }

    /// The largest spread of those that were seen, by which the numbers of seeds are computed.
    public let spread: Spread
    /// All spreads.
    public let spreads: [Spread]
    /// The probabilities of finding a difference.
    public let powers: [Double]
    /// The number of optimizers that will be compared to the baseline.
    public let comparisons: Int
    /// Which variance the comparison will use.
    public let variances: VarianceModel
    /// The seeds for each difference.
    public let needs: [Need]

    /// Summarizes a pilot's runs; nil if no optimizer completed two.
    public init?(of result: OptimizerComparison, _ plan: PilotPlan, variances: VarianceModel) {
        guard let first = result.entries.first else { return nil }
        var spreads: [Spread] = result.entries.dropFirst().compactMap { entry in
            PairedDifference(of: entry, to: first).flatMap {
                Spread("\(entry.label) less \(first.label)", $0.summary, factor: 1, isPaired: true)
            }
        }
        if spreads.isEmpty,
            let losses = SampleSummary(first.finalLosses.sorted { $0.key < $1.key }.map(\.value)),
            let spread = Spread(first.label, losses, factor: 2.0.squareRoot(), isPaired: false)
        {
            spreads = [spread]
        }
        guard let spread = spreads.max(by: { $0.deviation < $1.deviation }) else { return nil }
        let differences =
            plan.differences.isEmpty
            ? (spread.deviation > 0 ? [0.25, 0.5, 1, 2, 4].map { $0 * spread.deviation } : [])
            : plan.differences
        func seeds(_ difference: Double, _ deviation: Double) -> [Int?] {
            plan.powers.map { power in
                deviation > 0
                    ? BaselineTest.seeds(
                        toFind: difference / deviation, power: power, comparisons: plan.comparisons,
                        variances: variances)
                    : ComparisonPlan.fewestSeeds
            }
        }
        self.spread = spread
        self.spreads = spreads
        powers = plan.powers
        comparisons = plan.comparisons
        self.variances = variances
        needs = differences.map { difference in
            Need(
                difference: difference, seeds: seeds(difference, spread.deviation),
                cautiousSeeds: spread.interval.map { seeds(difference, $0.upperBound) })
        }
    }

    /// The spread in a sentence, and what the table of seeds means.
    public func sentences(unit: String) -> [String] {
        let text = NumberText.typographic
        func number(_ value: Double) -> String { NumberText.significant(value) }
        let interval = spread.interval.map {
            " (95 % interval \(number($0.lowerBound)) to \(number($0.upperBound)))"
        }
        let what =
            spread.isPaired
            ? "The difference of one seed, \(spread.label), has a standard deviation of"
            : "The difference of one seed to \(spread.label) has, if seeds do not pair, a standard deviation of"
        let source =
            spread.isPaired
            ? "" : ", sqrt(2) times that of its own losses; name the optimizers and --pilot-all to measure it"
        return [
            "\(what) \(number(spread.deviation)) nats/\(unit)\(interval ?? "") over "
                + "\(text.counted(spread.count, "pilot seed"))\(source).",
            "The seeds below find a difference of final losses with the probability above them, two-sided at 5 % over all "
                + "of a table with \(text.counted(comparisons, "difference")) to the baseline "
                + "(\(variances == .own ? "own variances" : "pooled variance")); in brackets if the standard deviation is at "
                + "the upper end of its interval.",
        ]
    }

    /// A row per difference.
    public func table(unit: String) -> StudyTable {
        func written(_ seeds: Int?) -> String { seeds.map { "\($0)" } ?? "more than 10000" }
        return StudyTable(
            needs,
            [
                StudyColumn(["difference"], unit: ["nats/\(unit)"], key: "difference") {
                    .init(NumberText.significant($0.difference))
                },
                StudyColumn(["in standard", "deviations"]) {
                    .init(
                        spread.deviation > 0
                            ? NumberText.plain.fixed($0.difference / spread.deviation, decimals: 2) : "-")
                },
            ]
                + powers.indices.map { index in
                    let share = NumberText.short(powers[index] * 100)
                    return StudyColumn(["seeds for", "power \(share) %"], key: "seeds_\(share)") { need in
                        let cautious = need.cautiousSeeds.map { " (\(written($0[index])))" } ?? ""
                        return .init(written(need.seeds[index]) + cautious)
                    }
                })
    }
}

extension PilotSummary.Spread {
    fileprivate init?(_ label: String, _ summary: SampleSummary, factor: Double, isPaired: Bool) {
        guard let deviation = summary.standardDeviation else { return nil }
        self.init(
            label: label, count: summary.count, deviation: deviation * factor,
            interval: summary.deviationInterval.map { ($0.lowerBound * factor)...($0.upperBound * factor) },
            isPaired: isPaired)
    }
}
