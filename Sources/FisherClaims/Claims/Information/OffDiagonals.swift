import Fisher
import FisherStudies
import FisherTasks

/// How large the elements beside the diagonal are, and whether they may be left out.
enum OffDiagonals {
    static let size = Claim(
        "off-diagonal",
        says: """
            Amari et al. (2019) prove that the off-diagonal elements of the Fisher information matrix are smaller than the \
            diagonal elements by an order of 1/sqrt(n).
            """,
        in: .fadam("Section 3.2"),
        decidedBy: """
            The exact information of the middle layer of classifiers with two hidden layers of n units, n over a factor of 8: \
            the mean magnitude beside the diagonal over the mean diagonal falls as n^b. Holds if b is -0.4 or less by the 95 % \
            intervals over the seeds, in the theorem's setting (random weights of variance 1/n, n independent normal inputs) and \
            on digits with random and with trained weights; does not hold if one of the three lies above.
            """,
        evidence: .seeds(atLeast: MeasuredQuantity.leastSeeds), cost: ClaimCost(short: 80, full: 300)
    ) { try sizeFinding(try observed($0)) }

    static let action = Claim(
        "off-diagonal-action",
        says: """
            This finding justifies the use of the quasi-diagonal natural gradient method when the weight matrices of each \
            layer are sufficiently large; the loss of covariance information might not be detrimental in practice.
            """,
        in: .fadam("Section 3.2"),
        decidedBy: """
            If the elements beside the diagonal can be left out where layers are wide, then the diagonal natural gradient \
            nears the natural gradient as the middle layer grows: the cosine of the two, each damped by a hundredth of the \
            mean diagonal, is 0.8 or more at the largest width by the 95 % intervals over the seeds, in the theorem's setting \
            and on digits with random and with trained weights.
            """,
        evidence: .seeds(atLeast: MeasuredQuantity.leastSeeds), cost: ClaimCost(short: 80, full: 300)
    ) { try actionFinding(try observed($0)) }

    /// What the information of a middle layer shows.
    private struct Observed: Codable {
        /// The mean |F_ij| over i != j, over the mean F_ii.
        let ratio: Double
        /// The mean over i of sum over j != i of |F_ij|, over the mean F_ii.
        let rowSum: Double
        /// The largest eigenvalue of D^-1/2 F D^-1/2, D the diagonal with damping; 1 for a diagonal matrix.
        let largest: Double
        /// The cosine of (F + damping I)^-1 g and (D + damping I)^-1 g.
        let cosine: Double
    }

    private struct Series {
        let name: String
        let widths: [Int]
        /// By seed and width.
        var values: [[Observed]] = []

        func powers(_ value: (Observed) -> Double) -> [Double] {
            values.map { row in
                PowerLaw(zip(widths, row).map { (Double($0), value($1)) })?.exponent ?? .nan
            }
        }

        func points(_ value: (Observed) -> Double) -> ClaimFigure.Series {
            .init(
                name,
                widths.indices.map { k in
                    let summary = SampleSummary(values.map { value($0[k]) })
                    return .init(
                        Double(widths[k]), summary?.mean ?? .nan, interval: summary?.interval())
                })
        }

        func last(_ value: (Observed) -> Double) -> [Double] { values.compactMap { $0.last.map(value) } }
    }

    private static func observe(_ classifier: DigitClassifier) throws -> Observed {
        let found = try classifier.estimate([.full(.exact), .gradient])
        guard let matrix = found.full(.exact)?.mean, let gradient = found.gradient else {
            throw CurvatureError.noObservations
        }
        return try observed(matrix, classifier.joined(gradient))
    }

    /// The theorem's setting: n inputs and two layers of n units, weights of variance 1/n, normal inputs.
    private static func theorem(width: Int, seed: UInt64) throws -> Observed {
        let generator = try RandomGenerator(seed: seed)
        func layer(_ outputs: Int) throws -> Linear {
            let layer = Linear(width, outputs, dtype: .float64, using: generator)
            try layer.$weight.assign(
                .normal(
                    [outputs, width], standardDeviation: 1 / Double(width).squareRoot(), dtype: .float64,
                    using: generator))
            return layer
        }
        let middle = try layer(width)
        let model = Sequential(try layer(width), Tanh(), middle, Tanh(), try layer(Digits.classCount))
        let inputs = Tensor.normal([1000, width], dtype: .float64, using: generator)
        let labels = Categorical(logits: model(inputs)).sample(using: generator)
        let named = model.parameters.filter { "\($0.path)".hasPrefix("2.") }
        let found = try CurvatureEstimator(of: model, for: named).estimate(
            [.full(.exact), .gradient],
            of: Objective(Categorical(logits: model(inputs)), observing: labels))
        guard let matrix = found.full(.exact)?.mean, let gradient = found.gradient else {
            throw CurvatureError.noObservations
        }
        return try observed(
            matrix, .concatenated(named.compactMap { gradient[$0.path]?.flattened() }))
    }

    private static func observed(_ matrix: Tensor, _ g: Tensor) throws -> Observed {
        let diagonal = matrix.diagonal()
        let count = Double(diagonal.count)
        let mean = try diagonal.mean().item()
        let sum = try matrix.magnitude().sum().item() - diagonal.sum().item()
        let damping = mean / 100
        let scale = 1 / (diagonal + damping).squareRoot()
        let correlations = matrix * scale.unsqueezed(0) * scale.unsqueezed(1)
        let natural = matrix.addingDiagonal(damping).solvingPositiveDefinite(g)
        return Observed(
            ratio: sum / (count * (count - 1)) / mean, rowSum: sum / count / mean,
            largest: try correlations.symmetricEigen().values.max().item(),
            cosine: try natural.cosine(to: g / (diagonal + damping)))
    }

    private static func observed(_ context: ClaimContext) throws -> [Series] {
        let widths = context.form == .short ? [4, 8, 16, 32] : [4, 8, 16, 32, 48]
        var found = ["theorem's setting", "digits, random weights", "digits, trained weights"].map {
            Series(name: $0, widths: widths)
        }
        for seed in context.seeds {
            let rows: [[Observed]] = try context.kept("seed-\(seed)", in: "off-diagonals", of: "\(widths)") {
                var rows: [[Observed]] = [[], [], []]
                for width in widths {
                    rows[0].append(try theorem(width: width, seed: seed))
                    let classifier = try DigitClassifier(
                        hidden: [width, width], seed: seed, imageCount: 400, only: 1)
                    rows[1].append(try observe(classifier))
                    try classifier.train(Adam(learningRate: 1e-2), steps: 300, seed: seed &+ 1)
                    rows[2].append(try observe(classifier))
                }
                return rows
            }
            for k in found.indices { found[k].values.append(rows[k]) }
        }
        return found
    }

    private static func figures(_ found: [Series]) -> [ClaimFigure] {
        func figure(
            _ title: String, _ axis: String, isLogarithmic: Bool = true, _ value: (Observed) -> Double
        ) -> ClaimFigure {
            ClaimFigure(
                title: title, caption: "Means over the seeds with 95 % intervals.",
                horizontal: .init("width n of the hidden layers", isLogarithmic: true),
                vertical: .init(axis, isLogarithmic: isLogarithmic),
                series: found.map { $0.points(value) })
        }
        return [
            figure("One element beside the diagonal", "mean |F_ij| / mean F_ii") { $0.ratio },
            figure("All elements of a row beside the diagonal", "sum of |F_ij| / mean F_ii") { $0.rowSum },
            figure(
                "The direction that is taken", "cosine of diagonal and whole natural gradient",
                isLogarithmic: false
            ) { $0.cosine },
        ]
    }

    private static func sizeFinding(_ found: [Series]) throws -> ClaimFinding {
        var measurements: [MeasuredQuantity] = []
        for series in found {
            measurements += [
                MeasuredQuantity(
                    "power of n in mean |F_ij| / mean F_ii, \(series.name)", over: series.powers(\.ratio),
                    .atMost(-0.4)),
                MeasuredQuantity(
                    "mean |F_ij| / mean F_ii at n = \(series.widths.last ?? 0), \(series.name)",
                    over: series.last(\.ratio), isRatio: true),
                MeasuredQuantity(
                    "power of n in a row's sum of |F_ij| / mean F_ii, \(series.name)",
                    over: series.powers(\.rowSum)),
            ]
        }
        return ClaimFinding(
            deciding: measurements,
            """
            The mean magnitude beside the diagonal over the mean diagonal goes as n to the power \(measurements[0].text) in the \
            theorem's setting, \(measurements[3].text) on digits with random and \(measurements[6].text) with trained weights. A \
            row has n^2 + n elements, and their sum goes as n to the power \(measurements[2].text), \(measurements[5].text) and \
            \(measurements[8].text).
            """, figures: figures(found),
            remarks: [
                """
                The text lets n be the number of elements of the matrix; the theorem's n is the number of units of a layer, \
                which is taken here.
                """,
                """
                The theorem needs inputs without means and correlations, whose number grows with n. Pixels have both, and units \
                that see the same 16 numbers are correlated however many they are.
                """,
            ])
    }

    private static func actionFinding(_ found: [Series]) throws -> ClaimFinding {
        var measurements: [MeasuredQuantity] = []
        for series in found {
            measurements += [
                MeasuredQuantity(
                    "cosine of the two natural gradients at n = \(series.widths.last ?? 0), \(series.name)",
                    over: series.last(\.cosine), .atLeast(0.8)),
                MeasuredQuantity(
                    "cosine of the two natural gradients at n = \(series.widths.first ?? 0), \(series.name)",
                    over: series.values.compactMap { $0.first?.cosine }),
                MeasuredQuantity(
                    "largest eigenvalue of D^-1/2 F D^-1/2 at n = \(series.widths.last ?? 0), \(series.name)",
                    over: series.last(\.largest), isRatio: true),
                MeasuredQuantity(
                    "power of n in that eigenvalue, \(series.name)", over: series.powers(\.largest)),
            ]
        }
        return ClaimFinding(
            deciding: measurements,
            """
            At the largest width the diagonal natural gradient has a cosine of \(measurements[0].text) with the natural \
            gradient in the theorem's setting, \(measurements[4].text) on digits with random and \(measurements[8].text) with \
            trained weights; at the smallest \(measurements[1].text), \(measurements[5].text) and \(measurements[9].text). Small \
            elements add up: scaled to a diagonal of ones the information has an eigenvalue of \(measurements[2].text), \
            \(measurements[6].text) and \(measurements[10].text), where a diagonal matrix has 1, and it grows as n to the power \
            \(measurements[3].text), \(measurements[7].text) and \(measurements[11].text).
            """, figures: figures(found))
    }
}
