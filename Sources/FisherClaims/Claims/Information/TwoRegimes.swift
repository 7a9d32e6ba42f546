import Fisher
import FisherStudies

/// Where observed, empirical and expected information are the same, and where not.
enum TwoRegimes {
    static let claim = Claim(
        "two-regimes",
        says: """
            Train to convergence on a well-specified model: at the MLE the observed Fisher converges to the expected Fisher, and \
            the empirical one agrees with the true one. Stop before convergence, or take a wrong model, and they do not: neither \
            version generally approximates the true Fisher well away from critical points.
            """,
        in: .hierarchy("Two Regimes; Adam and the Diagonal Fisher (after Kunstner et al. 2019)"),
        decidedBy: """
            A linear model of mean and log-variance with n observations, n from 100 up. At the maximum of a right model's \
            likelihood the distances |observed - expected| / |expected| and |empirical - expected| / |expected| fall as n to a \
            power within -0.7 to -0.3 by the 95 % intervals over the seeds, eight data sets each. Away from the maximum, and at the maximum of a \
            wrong model (skewed errors, another variance function), both stay at 0.1 or more at the largest n.
            """,
        evidence: .seeds(atLeast: MeasuredQuantity.leastSeeds), cost: ClaimCost(short: 40, full: 200)
    ) { try finding(isShort: $0.form == .short, seeds: $0.seeds) }

    private enum Regime: String, CaseIterable {
        case classical = "right model, at its maximum"
        case early = "right model, before the maximum"
        case wrong = "wrong model, at its maximum"
    }

    /// The two distances from the expected information.
    private static func distances(
        _ regime: Regime, count: Int, seed: UInt64, draw: Int
    ) throws -> (observed: Double, empirical: Double) {
        let generator = try RandomGenerator(
            seed: (seed &* 1000 &+ UInt64(draw)) &* 1_000_000 &+ UInt64(count))
        let network = try SmallNetwork(inputs: 2, hidden: nil, outputs: 2, using: generator)
        let truth = Tensor([0.8, -0.5, 0.3, 0.4, 0.2, -0.3])
        try network.setWeights(truth)
        let x = Tensor.normal([count, 2], dtype: .float64, using: generator)
        let y: Tensor
        if regime == .wrong {
            let first = x.narrowed(1, from: 0, length: 1)
            let errors = Tensor.exponential(like: first, using: generator) - 1
            y = withoutGradients {
                network(x).narrowed(1, from: 0, length: 1).detached() + errors * (0.5 + first.squared() / 2)
            }
        } else {
            y = Gaussian(meanAndLogVariance: network(x)).sample(using: generator)
        }
        func objective() throws -> Objective {
            try Objective(Gaussian(meanAndLogVariance: network(x)), observing: y)
        }
        if regime == .early {
            try network.setWeights(truth + Tensor([0.4, 0.3, 0.2, 0.1, 0.1, -0.3]))
        } else {
            // Scoring from a small variance overshoots where the errors are larger.
            if regime == .wrong { try network.setWeights(Tensor([0.8, -0.5, 0, 0, 0.2, 2])) }
            let optimizer = try Optimizer(
                for: network.model, try NaturalGradient(learningRate: 0.4) { $0.damping = 0 })
            for _ in 0..<(regime == .wrong ? 50 : 25) { try optimizer.step(objective) }
        }
        let inference = try LikelihoodInference(of: network.model, on: objective())
        return (
            try inference.observed.relativeDistance(to: inference.expected),
            try inference.empirical.relativeDistance(to: inference.expected)
        )
    }

    private static func finding(isShort: Bool, seeds: [UInt64]) throws -> ClaimFinding {
        let counts = geometric(from: 100, to: isShort ? 10_000 : 100_000, count: 5).map { Int($0.rounded()) }
        var measurements: [MeasuredQuantity] = []
        var series: [ClaimFigure.Series] = []
        for regime in Regime.allCases {
            let found = try seeds.map { seed in
                try counts.map { count in
                    // Where the distances are chance alone, several data sets of a seed are averaged.
                    let draws = regime == .classical ? 8 : 1
                    let pairs = try (0..<draws).map {
                        try distances(regime, count: count, seed: seed, draw: $0)
                    }
                    func mean(_ value: ((observed: Double, empirical: Double)) -> Double) -> Double {
                        pairs.reduce(0) { $0 + value($1) } / Double(draws)
                    }
                    return (observed: mean(\.observed), empirical: mean(\.empirical))
                }
            }
            for (name, value) in [
                ("observed", { (pair: (observed: Double, empirical: Double)) in pair.observed }),
                ("empirical", { $0.empirical }),
            ] {
                let powers = found.map { row in
                    PowerLaw(zip(counts, row).map { (Double($0), value($1)) })?.exponent ?? .nan
                }
                measurements.append(
                    MeasuredQuantity(
                        "power of n in |\(name) - expected| / |expected|, \(regime.rawValue)", over: powers,
                        regime == .classical ? .within(-0.7 ... -0.3) : nil))
                measurements.append(
                    MeasuredQuantity(
                        "|\(name) - expected| / |expected| at n = \(counts[counts.count - 1]), \(regime.rawValue)",
                        over: found.map { value($0[counts.count - 1]) }, isRatio: true,
                        regime == .classical ? nil : .atLeast(0.1)))
                series.append(
                    .init(
                        "\(name), \(regime.rawValue)",
                        counts.indices.map { k in
                            let summary = SampleSummary(found.map { value($0[k]) })
                            return .init(
                                Double(counts[k]), summary?.mean ?? .nan, interval: summary?.interval())
                        }))
            }
        }
        let figure = ClaimFigure(
            title: "Distance from the expected information",
            caption: "Means over \(seeds.count) data sets with 95 % intervals.",
            horizontal: .init("observations n", isLogarithmic: true),
            vertical: .init("relative distance", isLogarithmic: true), series: series)
        return ClaimFinding(
            deciding: measurements,
            """
            At the maximum of a right model's likelihood observed and empirical information near the expected one as n to the \
            power \(measurements[0].text) and \(measurements[2].text), to \(measurements[1].text) and \(measurements[3].text) \
            at the largest n. Before the maximum they stay at \(measurements[5].text) and \(measurements[7].text) of it, in the \
            wrong model at \(measurements[9].text) and \(measurements[11].text).
            """, figures: [figure])
    }
}
