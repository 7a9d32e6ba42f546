import Fisher
import FisherStudies

/// The divergence of nearby distributions is half the square of the distance in the Fisher metric.
enum Divergence {
    static let claim = Claim(
        "kl",
        says:
            "KL(P_theta || P_(theta + d)) is (1/2) d^T F(theta) d for an infinitesimal d, by a Taylor series to second order.",
        in: .fadam("Eqs. 9, 40-47; also both articles"),
        decidedBy: """
            Networks with three likelihoods and ten random directions each, d scaled to d^T F d = e^2 for e from 0.02 down to \
            0.0002: the root mean square over the directions of KL / (e^2 / 2) - 1 falls as e to a power of 0.9 or more (the error \
            is of third order, or of fourth where it is symmetric), and is at most 0.01 at e = 0.0002.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try finding() }

    private static let directions = 10
    private static let lengths = geometric(from: 0.02, to: 0.0002, count: 7)

    /// The root mean square over directions of KL / (e^2 / 2) - 1, by length.
    private static func curve<Model: ClosedFormFisher & Samplable>(
        outputs: Int, seed: UInt64, _ likelihood: @escaping (Tensor) -> Model
    ) throws -> [(x: Double, y: Double)] {
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
        var squares = lengths.map { _ in 0.0 }
        for _ in 0..<directions {
            let random = Tensor.normal(like: start, using: generator)
            let square = try random.inner(information.matmul(random.unsqueezed(1)).flattened())
            let unit = random / square.squareRoot()
            for (k, length) in lengths.enumerated() {
                try network.setWeights(start + unit * length)
                let after = withoutGradients { likelihood(network(inputs)) }
                let error = try before.divergence(from: after).item() / count / (length * length / 2) - 1
                squares[k] += error * error
            }
            try network.setWeights(start)
        }
        return zip(lengths, squares).map { ($0, ($1 / Double(directions)).squareRoot()) }
    }

    private static func finding() throws -> ClaimFinding {
        let found: [(name: String, curve: [(x: Double, y: Double)])] = [
            ("categorical", try curve(outputs: 5, seed: 1) { Categorical(logits: $0) }),
            ("Bernoulli", try curve(outputs: 2, seed: 2) { Bernoulli(logits: $0) }),
            ("normal, learned variance", try curve(outputs: 2, seed: 3) { Gaussian(meanAndLogVariance: $0) }),
        ]
        let measurements = found.flatMap { name, curve in
            [
                MeasuredQuantity("power of e in the relative error: \(name)", PowerLaw(curve), .atLeast(0.9)),
                MeasuredQuantity(
                    "relative error at e = 0.0002: \(name)", curve.last?.y ?? .nan, .atMost(0.01)),
            ]
        }
        let figure = ClaimFigure(
            title: "The relative error of the quadratic form",
            caption: "Root mean squares over \(directions) directions.",
            horizontal: .init("length e of d in the Fisher metric", isLogarithmic: true),
            vertical: .init("|KL / (e^2/2) - 1|", isLogarithmic: true),
            series: found.map { name, curve in .init(name, curve.reversed().map { .init($0.x, $0.y) }) })
        return ClaimFinding(
            deciding: measurements,
            """
            The relative error of (1/2) d^T F d falls as the length to a power of \
            \(found.indices.map { "\(measurements[2 * $0].text) (\(found[$0].name))" }.joined(separator: ", ")); at a \
            length of 0.02 it is up to \(NumberText.significant(found.compactMap(\.curve.first?.y).max() ?? .nan)).
            """, figures: [figure])
    }
}
