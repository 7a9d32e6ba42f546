import Fisher
import FisherStudies

/// The divergence of nearby distributions is half the square of the distance in the Fisher metric.
enum Divergence {
    static let claim = Claim(
        "kl",
        says: "KL(P_theta || P_(theta + d)) is (1/2) d^T F(theta) d for an infinitesimal d, by a Taylor series to second order.",
        in: .fadam("Eqs. 9, 40-47; also both articles"),
        decidedBy: """
            Networks with three likelihoods and random directions, d scaled to d^T F d = e^2 for e from 0.1 down to 0.001: \
            |KL / (e^2 / 2) - 1| falls as e to a power of 0.9 or more in every case (the error is of third order, or of fourth \
            where it is symmetric), and is at most 0.01 at e = 0.001.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try finding() }

    private static let lengths = geometric(from: 0.1, to: 0.001, count: 7)

    /// |KL / (e^2 / 2) - 1| by length for some directions.
    private static func curves<Model: ClosedFormFisher & Samplable>(
        outputs: Int, seed: UInt64, _ likelihood: @escaping (Tensor) -> Model
    ) throws -> [[(x: Double, y: Double)]] {
        let generator = try RandomGenerator(seed: seed)
        let network = try SmallNetwork(inputs: 4, hidden: 6, outputs: outputs, using: generator)
        let inputs = Tensor.normal([50, 4], dtype: .float64, using: generator)
        let start = network.weights
        let before = withoutGradients { likelihood(network(inputs)) }
        let labels = before.sample(using: generator)
        let information = try network.information(.exact) {
            try Objective(likelihood(network(inputs)), observing: labels)
        }
        let count = Double(try before.observationCount(of: labels))
        return try (0..<5).map { _ in
            let random = Tensor.normal(like: start, using: generator)
            let square = try random.inner(information.matmul(random.unsqueezed(1)).flattened())
            let unit = random / square.squareRoot()
            let curve = try lengths.map { length in
                try network.setWeights(start + unit * length)
                let after = withoutGradients { likelihood(network(inputs)) }
                let divergence = try before.divergence(from: after).item() / count
                return (x: length, y: abs(divergence / (length * length / 2) - 1))
            }
            try network.setWeights(start)
            return curve
        }
    }

    private static func finding() throws -> ClaimFinding {
        let found: [(name: String, curves: [[(x: Double, y: Double)]])] = [
            ("categorical", try curves(outputs: 5, seed: 1) { Categorical(logits: $0) }),
            ("Bernoulli", try curves(outputs: 2, seed: 2) { Bernoulli(logits: $0) }),
            ("normal, learned variance", try curves(outputs: 2, seed: 3) { Gaussian(meanAndLogVariance: $0) }),
        ]
        let measurements = found.flatMap { name, curves in
            [
                Measurement(
                    "smallest power of e in the relative error over \(curves.count) directions: \(name)",
                    curves.map { PowerLaw($0)?.exponent ?? .nan }.min() ?? .nan, .atLeast(0.9)),
                Measurement(
                    "largest relative error at e = 0.001: \(name)",
                    curves.compactMap { $0.last?.y }.max() ?? .nan, .atMost(0.01)),
            ]
        }
        let figure = ClaimFigure(
            title: "The relative error of the quadratic form",
            caption: "One line for each direction.",
            horizontal: .init("length e of d in the Fisher metric", isLogarithmic: true),
            vertical: .init("|KL / (e^2/2) - 1|", isLogarithmic: true),
            series: found.flatMap { name, curves in
                curves.enumerated().map { number, points in
                    .init("\(name) \(number + 1)", points.reversed().map { .init($0.x, $0.y) })
                }
            })
        return ClaimFinding(
            deciding: measurements,
            """
            The relative error of (1/2) d^T F d falls as the length to a power of \
            \(found.indices.map { "\(measurements[2 * $0].text) (\(found[$0].name))" }.joined(separator: ", ")) or more; at a \
            length of 0.1 it is up to \
            \(NumberText.significant(found.flatMap { $0.curves.compactMap(\.first?.y) }.max() ?? .nan)).
            """, figures: [figure])
    }
}
