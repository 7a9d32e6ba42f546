import Fisher
import FisherStudies
import FisherTasks

/// What Adam squares, the mean gradient of a mini-batch, depends on the batch size by a law.
enum BatchLaw {
    static let claim = Claim(
        "batch-law",
        says: """
            Adam tracks the outer product of the batch-averaged gradient, not the mean of per-sample squares; these differ, \
            because the square of a mean is not the mean of squares. (Hwang (2024), Eqs. 20-21 and 57-58, calls the step \
            from one to the other an approximation.)
            """,
        in: .hierarchy("Adam and the Diagonal Fisher; also Hwang (2024), Section 3.3"),
        decidedBy: """
            For batches of B samples drawn with replacement E|g_B|^2 / mean|g_i|^2 is 1/B + (1 - 1/B) r with \
            r = |mean g|^2 / mean|g_i|^2. At the start and after training the measured ratio over that law must be within 0.9 to \
            1.1 at every B by its 95 % interval over the seeds, and the ratio itself at most 0.1 at B = 128: the law holds, and \
            the two objects differ by ten times and more.
            """,
        evidence: .seeds(atLeast: MeasuredQuantity.leastSeeds), cost: ClaimCost(short: 60, full: 240)
    ) { try finding(isShort: $0.form == .short, seeds: $0.seeds) }

    private static let sizes = [2, 8, 32, 128, 512]

    /// What one network shows at one time.
    private struct Observed {
        /// r.
        let limit: Double
        /// E|g_B|^2 / mean|g_i|^2 by batch size.
        let ratios: [Double]
        /// The cosine of the mean of g_B^2 and the mean of g_i^2, by batch size.
        let cosines: [Double]

        /// The law's value.
        func law(_ size: Int) -> Double { 1 / Double(size) + (1 - 1 / Double(size)) * limit }
    }

    private static func observe(
        _ classifier: DigitClassifier, draws: Int, generator: inout SplitMix64
    ) throws -> Observed {
        let squares = try classifier.diagonal(.empirical)
        let whole = try squares.sum().item()
        var ratios: [Double] = []
        var cosines: [Double] = []
        for size in sizes {
            var sum = Tensor.zeros(like: squares)
            // Small batches vary more and cost less.
            let count = size < 16 ? 4 * draws : draws
            for _ in 0..<count {
                let picks = (0..<size).map { _ in generator.uniform(below: classifier.count) }
                sum = sum + (try classifier.gradient(at: picks).squared())
            }
            ratios.append(try sum.sum().item() / Double(count) / whole)
            cosines.append(try sum.cosine(to: squares))
        }
        return Observed(
            limit: try classifier.diagonal(.minibatch).sum().item() / whole, ratios: ratios, cosines: cosines)
    }

    private static func finding(isShort: Bool, seeds: [UInt64]) throws -> ClaimFinding {
        var found: [(name: String, observed: [Observed])] = [("at the start", []), ("after training", [])]
        for seed in seeds {
            let classifier = try DigitClassifier(hidden: [16], seed: seed)
            var generator = SplitMix64(seed: seed &+ 100)
            for stage in found.indices {
                if stage > 0 {
                    try classifier.train(
                        Adam(learningRate: 1e-2), steps: isShort ? 400 : 2000, seed: seed &+ 1)
                }
                found[stage].observed.append(
                    try observe(classifier, draws: isShort ? 300 : 2000, generator: &generator))
            }
        }
        var measurements: [MeasuredQuantity] = []
        for (name, observed) in found {
            for (k, size) in sizes.enumerated() {
                measurements.append(
                    MeasuredQuantity(
                        "ratio over the law, B = \(size), \(name)",
                        over: observed.map { $0.ratios[k] / $0.law(size) }, .within(0.9...1.1)))
            }
            measurements.append(
                MeasuredQuantity(
                    "E|g_B|^2 / mean|g_i|^2 at B = 128, \(name)",
                    over: observed.map { $0.ratios[sizes.firstIndex(of: 128) ?? 0] }, isRatio: true,
                    .atMost(0.1)))
            measurements.append(
                MeasuredQuantity("r, \(name)", over: observed.map(\.limit), isRatio: true))
            for size in [32, 512] {
                measurements.append(
                    MeasuredQuantity(
                        "cosine of the two diagonals at B = \(size), \(name)",
                        over: observed.map { $0.cosines[sizes.firstIndex(of: size) ?? 0] }))
            }
        }
        func points(_ observed: [Observed], _ value: (Observed, Int) -> Double) -> [ClaimFigure.Point] {
            sizes.indices.map { k in
                let summary = SampleSummary(observed.map { value($0, k) })
                return .init(
                    Double(sizes[k]), summary?.mean ?? .nan, interval: summary?.interval())
            }
        }
        let laws = ClaimFigure(
            title: "The mini-batch square against the mean of squares",
            caption:
                "Means over \(seeds.count) networks with 95 % intervals; lines without marks are the law.",
            horizontal: .init("batch size B", isLogarithmic: true),
            vertical: .init("E|g_B|^2 / mean|g_i|^2", isLogarithmic: true),
            series: found.flatMap { name, observed in
                [
                    .init("measured, \(name)", points(observed) { $0.ratios[$1] }, isJoined: false),
                    .init(
                        "law, \(name)",
                        points(observed) { $0.law(sizes[$1]) }.map { .init($0.x, $0.y) }),
                ]
            })
        let angles = ClaimFigure(
            title: "The direction of the two diagonals",
            horizontal: .init("batch size B", isLogarithmic: true),
            vertical: .init("cosine of the mean of g_B^2 and the mean of g_i^2"),
            series: found.map { name, observed in .init(name, points(observed) { $0.cosines[$1] }) })
        let ratios = found.map { stage in
            MeasuredQuantity(
                "", over: stage.observed.map { $0.ratios[sizes.firstIndex(of: 128) ?? 0] }, isRatio: true)
        }
        let overLaw = found.flatMap { stage in
            sizes.indices.compactMap { k in
                SampleSummary(stage.observed.map { $0.ratios[k] / $0.law(sizes[k]) })?.mean
            }
        }
        return ClaimFinding(
            deciding: measurements,
            """
            Over \(seeds.count) networks the square of a mini-batch of 128 has \(ratios[0].text) of the per-sample trace at the \
            start and \(ratios[1].text) after training. Over B from 2 to 512 and both times, the ratio over the law \
            1/B + (1 - 1/B) r is \(NumberText.significant(overLaw.min() ?? .nan)) to \
            \(NumberText.significant(overLaw.max() ?? .nan)).
            """, figures: [laws, angles])
    }
}
