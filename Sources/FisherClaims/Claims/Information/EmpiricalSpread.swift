import Fisher
import FisherStudies
import Foundation

/// How far the empirical diagonal is from the exact one, by likelihood.
enum EmpiricalSpread {
    static let claim = Claim(
        "empirical-spread",
        says: """
            The empirical approximations cause significantly more problems in continuous distributions than in discrete ones: \
            softmax concentrates most of the probability on a few top logits, which allows relatively accurate empirical \
            approximations, while for a continuous distribution a single sampled value is overly simple.
            """,
        in: .fadam("Section 3.3.1"),
        decidedBy: """
            The same networks with observations of one number or class drawn from the model itself, so that nothing but the \
            distribution differs: |empirical diagonal - exact diagonal| / |exact diagonal| over n = 200 observations, its root \
            mean square over draws. The error of a normal distribution of fixed variance (L2) and that of logit-Laplace, over \
            that of 256 classes, the replacement that the text proposes for pixels, must be 1 or more by the 95 % intervals over \
            the seeds, for spread-out and for concentrated classes (logits times 1 and times 6).
            """,
        evidence: .seeds(atLeast: MeasuredQuantity.leastSeeds), cost: ClaimCost(short: 60, full: 300)
    ) { try finding(isShort: $0.form == .short, seeds: $0.seeds) }

    private static let count = 200

    /// The error of the empirical diagonal, and its median over elements.
    private static func error<Model: ClosedFormFisher & Samplable>(
        outputs: Int, gain: Double, draws: Int, seed: UInt64, _ likelihood: @escaping (Tensor) -> Model
    ) throws -> (whole: Double, median: Double) {
        let generator = try RandomGenerator(seed: seed)
        let network = try SmallNetwork(inputs: 6, hidden: 8, outputs: outputs, gain: gain, using: generator)
        let inputs = Tensor.normal([count, 6], dtype: .float64, using: generator)
        let estimator = try CurvatureEstimator(of: network.model)
        let before = withoutGradients { likelihood(network(inputs)) }
        func diagonal(_ source: CurvatureSource, _ labels: Model.Observation) throws -> Tensor {
            let found = try estimator.estimate(
                [.diagonal(source)], of: Objective(likelihood(network(inputs)), observing: labels))
            return network.joined(found.diagonal(source)?.mean ?? [:])
        }
        let exact = try diagonal(.exact, before.sample(using: generator))
        var squares = 0.0
        var deviations = Tensor.zeros(like: exact)
        for _ in 0..<draws {
            let difference = try diagonal(.empirical, before.sample(using: generator)) - exact
            squares += try difference.inner(difference)
            deviations = deviations + (difference / exact).squared()
        }
        let elements: [Double] = try (deviations / Double(draws)).squareRoot().scalars()
        return (
            (squares / Double(draws)).squareRoot() / (try exact.norm().item()),
            SampleSummary.median(elements) ?? .nan
        )
    }

    private static func finding(isShort: Bool, seeds: [UInt64]) throws -> ClaimFinding {
        let draws = isShort ? 20 : 100
        typealias Case = (
            name: String, isDiscrete: Bool, error: (UInt64) throws -> (whole: Double, median: Double)
        )
        var cases: [Case] = []
        for gain in [1.0, 6] {
            for classes in [2, 10, 256] {
                cases.append(
                    (
                        "categorical, \(classes) classes, logits times \(NumberText.short(gain))", true,
                        {
                            try error(outputs: classes, gain: gain, draws: draws, seed: $0) {
                                Categorical(logits: $0)
                            }
                        }
                    ))
            }
        }
        cases += [
            (
                "normal, fixed variance", false,
                { try error(outputs: 1, gain: 1, draws: draws, seed: $0) { Gaussian(mean: $0) } }
            ),
            (
                "normal, learned variance", false,
                {
                    try error(outputs: 2, gain: 1, draws: draws, seed: $0) {
                        Gaussian(meanAndLogVariance: $0)
                    }
                }
            ),
            (
                "logit-Laplace", false,
                {
                    try error(outputs: 2, gain: 1, draws: draws, seed: $0) {
                        LogitLaplace(locationAndLogScale: $0)
                    }
                }
            ),
        ]
        let found = try cases.map { one in try seeds.map { try one.error($0) } }
        func errors(_ start: String) -> [Double] {
            cases.firstIndex { $0.name.hasPrefix(start) }.map { found[$0].map(\.whole) } ?? []
        }
        var measurements: [MeasuredQuantity] = []
        for continuous in ["normal, fixed", "logit-Laplace"] {
            for scale in ["1", "6"] {
                let reference = errors("categorical, 256 classes, logits times \(scale)")
                measurements.append(
                    MeasuredQuantity(
                        "error: \(continuous) over 256 classes, logits times \(scale)",
                        over: zip(errors(continuous), reference).map { $0 / $1 }, isRatio: true, .atLeast(1)))
            }
        }
        for (one, values) in zip(cases, found) {
            measurements += [
                MeasuredQuantity(
                    "error of the diagonal: \(one.name)", over: values.map(\.whole), isRatio: true),
                MeasuredQuantity(
                    "median error of an element: \(one.name)", over: values.map(\.median), isRatio: true),
            ]
        }
        let figure = ClaimFigure(
            title: "Error of the empirical diagonal from \(count) observations, by likelihood",
            caption: "The cases in the order of the table; geometric means over \(seeds.count) networks.",
            horizontal: .init("case"), vertical: .init("relative error", isLogarithmic: true),
            series: [true, false].map { isDiscrete in
                .init(
                    isDiscrete ? "categorical" : "continuous",
                    cases.indices.filter { cases[$0].isDiscrete == isDiscrete }.map { k in
                        let one = MeasuredQuantity("", over: found[k].map(\.whole), isRatio: true)
                        return .init(Double(k + 1), one.value, interval: one.interval)
                    }, isJoined: false)
            })
        func relativeError(_ start: String) -> String {
            let place = cases.firstIndex { $0.name.hasPrefix(start) } ?? 0
            return NumberText.significant(measurements[4 + 2 * place].value)
        }
        return ClaimFinding(
            deciding: measurements,
            """
            At \(count) observations of the model's own the relative error of the empirical diagonal is \
            \(relativeError("normal, fixed")) for a normal distribution of fixed variance and \(relativeError("logit-Laplace")) for \
            logit-Laplace, \(relativeError("categorical, 10 classes, logits times 1")) for 10 and \
            \(relativeError("categorical, 256 classes, logits times 1")) for 256 spread-out classes. The normal distribution's over \
            that of 256 classes is \(measurements[0].text) for spread-out and \(measurements[1].text) for concentrated classes.
            """, figures: [figure],
            remarks: [
                """
                One observation's squared score has a variance of 2 times its squared mean for a normal mean, 0 for the location \
                of a Laplace distribution (its score is +-1/b), and about 1/p for a class of probability p: the rarer a class, \
                the worse its estimate. Concentration lowers the error of the few large elements, not that of the median element.
                """,
                """
                This is the error of sampling under a right model. What a wrong model adds is the claim two-regimes; what either \
                does to training is decided by trained runs.
                """,
            ])
    }
}
