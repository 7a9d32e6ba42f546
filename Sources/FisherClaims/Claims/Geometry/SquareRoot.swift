import Fisher
import FisherStudies
import Foundation

/// What the root does to the diagonal: rankings, ratios and lengths.
enum SquareRoot {
    static let ranking = Claim(
        "sqrt-ranking",
        says: """
            The square root changes the preconditioning from 1/v_i to 1/sqrt(v_i), compressing the dynamic range of the \
            per-parameter learning rates; it is a monotonic distortion that preserves the ranking of directions.
            """,
        in: .hierarchy("Adam and the Diagonal Fisher"),
        decidedBy: """
            The diagonal of a classifier's empirical information, random and trained: the ranking of 1/sqrt(v) is that of 1/v \
            (Kendall's tau of 1), and the logarithm of the ratio of largest to smallest is halved (0.5 to 1e-9). The ranking of \
            the steps g/v against g/sqrt(v), which decides where the weights go, is shown beside it.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try rankingFinding() }

    static let length = Claim(
        "invariant-length",
        says: """
            A gradient vector in Euclidean space that has the same length as the natural gradient's known length in the Fisher \
            metric: the invariant natural gradient grad J / sqrt(f), the reason why Adam uses the square root.
            """,
        in: .fadam("Section 3.4.1, Eqs. 25 and 27"),
        decidedBy: """
            A classifier's gradient g and diagonal f: |g / sqrt(f)|^2 and the square (f^-1 g)^T diag(f) (f^-1 g) of the natural \
            gradient's length agree to 1e-12, and the square root of the whole information gives the same for it.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try lengthFinding() }

    static let printed = Claim(
        "printed-length",
        says:
            "grad J^T f^-1 grad J = |grad J| / sqrt(f^T f), the squared length of the natural gradient in the diagonal metric.",
        in: .fadam("Eq. 26"),
        decidedBy: """
            The two sides for a classifier's gradient and diagonal, and with the loss's scale changed by 10: holds if they agree \
            to 1 %.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try printedFinding() }

    private static func classifiers() throws -> [(name: String, classifier: DigitClassifier)] {
        let random = try DigitClassifier(hidden: [8], seed: 4, imageCount: 500)
        let trained = try DigitClassifier(hidden: [8], seed: 4, imageCount: 500)
        try trained.train(Adam(learningRate: 1e-2), steps: 300, seed: 5)
        return [("random", random), ("trained", trained)]
    }

    /// Kendall's tau of two lists without ties; of ties, the pairs count as neither.
    static func kendall(_ a: [Double], _ b: [Double]) -> Double {
        var (agree, differ) = (0, 0)
        for i in a.indices {
            for j in (i + 1)..<max(a.count, i + 1) {
                let product = (a[i] - a[j]) * (b[i] - b[j])
                if product > 0 { agree += 1 } else if product < 0 { differ += 1 }
            }
        }
        return Double(agree - differ) / Double(max(agree + differ, 1))
    }

    private static func rankingFinding() throws -> ClaimFinding {
        var measurements: [MeasuredQuantity] = []
        for (name, classifier) in try classifiers() {
            let all: [Double] = try classifier.diagonal(.empirical).scalars()
            let places = all.indices.filter { all[$0] > 1e-20 }
            let slopes: [Double] = try classifier.gradient().scalars()
            let v = places.map { all[$0] }
            let g = places.map { abs(slopes[$0]) }
            let range = (v.max() ?? .nan) / (v.min() ?? .nan)
            let compressed =
                (v.map { $0.squareRoot() }.max() ?? .nan) / (v.map { $0.squareRoot() }.min() ?? .nan)
            measurements += [
                MeasuredQuantity(
                    "Kendall's tau of 1/sqrt(v) and 1/v, \(name)",
                    kendall(v.map { 1 / $0 }, v.map { 1 / $0.squareRoot() }), .atLeast(1)),
                MeasuredQuantity(
                    "log range of sqrt(v) over that of v, \(name)", log(compressed) / log(range),
                    .within((0.5 - 1e-9)...(0.5 + 1e-9))),
                MeasuredQuantity("largest v over the smallest, \(name)", range),
                MeasuredQuantity(
                    "Kendall's tau of the steps |g|/sqrt(v) and |g|/v, \(name)",
                    kendall(
                        zip(g, v).map { $0 / $1.squareRoot() }, zip(g, v).map { $0 / $1 })),
                MeasuredQuantity(
                    "cosine of the steps g/sqrt(v) and g/v, \(name)",
                    try Tensor(zip(g, v).map { $0 / $1.squareRoot() }).cosine(
                        to: Tensor(zip(g, v).map { $0 / $1 }))),
            ]
        }
        return ClaimFinding(
            deciding: measurements,
            """
            The root keeps the ranking of the learning rates and halves the logarithm of their range (largest over smallest v \
            \(measurements[2].text) and \(measurements[7].text)). The steps themselves are ranked otherwise: Kendall's tau of \
            |g|/sqrt(v) and |g|/v is \(measurements[3].text) (random) and \(measurements[8].text) (trained), and the cosine of \
            the two steps \(measurements[4].text) and \(measurements[9].text).
            """,
            remarks: [
                """
                What is preserved is the ranking of the divisors. Which weight moves more depends on the gradient too, and is not.
                """
            ])
    }

    private static func lengthFinding() throws -> ClaimFinding {
        var measurements: [MeasuredQuantity] = []
        for (name, classifier) in try classifiers() {
            let found = try classifier.estimate([.full(.exact), .gradient])
            guard let matrix = found.full(.exact)?.mean, let gradient = found.gradient else {
                throw CurvatureError.noObservations
            }
            let g = classifier.joined(gradient)
            let damping = try matrix.diagonal().mean().item() / 100
            let f = matrix.diagonal() + damping
            let invariant = g / f.squareRoot()
            let natural = g / f
            let metric = try natural.inner(f * natural)
            measurements.append(
                MeasuredQuantity(
                    "relative difference of |g/sqrt(f)|^2 and the natural gradient's squared length, \(name)",
                    abs(try invariant.inner(invariant) / metric - 1), .atMost(1e-12)))
            let whole = matrix.addingDiagonal(damping)
            let (values, vectors) = whole.symmetricEigen()
            let root = vectors.transposed(0, 1).matmul(g.unsqueezed(1)).flattened() / values.squareRoot()
            let solution = whole.solvingPositiveDefinite(g)
            let exact = try solution.inner(whole.matmul(solution.unsqueezed(1)).flattened())
            measurements += [
                MeasuredQuantity(
                    "the same with the whole information, \(name)", abs(try root.inner(root) / exact - 1),
                    .atMost(1e-10)),
                MeasuredQuantity(
                    "squared length by the diagonal over that by the whole information, \(name)",
                    metric / exact),
            ]
        }
        return ClaimFinding(
            deciding: measurements,
            """
            |g / sqrt(f)| is the natural gradient's length in the diagonal metric exactly (to \
            \(NumberText.significant(measurements[0].value))). That metric's squared length is \(measurements[2].text) (random) \
            and \(measurements[5].text) (trained) times that of the whole information.
            """,
            remarks: [
                "Eq. 25 prints the length where its right side is the square of the length.",
                """
                Of the same length are infinitely many vectors: F^-1/2 g is one, and any rotation of it another. The length alone \
                does not single out the root of each element.
                """,
            ])
    }

    private static func printedFinding() throws -> ClaimFinding {
        var measurements: [MeasuredQuantity] = []
        for (name, classifier) in try classifiers() {
            let g = try classifier.gradient()
            let f = try classifier.diagonal(.exact) + 1e-6
            func ratio(_ scale: Double) throws -> Double {
                // A loss times s has a gradient times s and an information times s^2.
                let (g, f) = (g * scale, f * (scale * scale))
                return try (g.norm().item() / f.norm().item()) / g.inner(g / f)
            }
            measurements += [
                MeasuredQuantity(
                    "right side over left side, \(name)", try ratio(1), .within(0.99...1.01)),
                MeasuredQuantity(
                    "right side over left side, loss times 10, \(name)", try ratio(10),
                    .within(0.99...1.01)),
            ]
        }
        return ClaimFinding(
            deciding: measurements,
            """
            The right side is \(measurements[0].text) times the left in a random and \(measurements[2].text) times in a trained \
            network, and changes against it with the scale of the loss (\(measurements[1].text) and \(measurements[3].text) for \
            ten times the loss): it does not follow.
            """,
            remarks: [
                "The left side is right, and is all that Eq. 27 needs (claim invariant-length)."
            ])
    }
}
