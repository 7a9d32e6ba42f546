import Fisher
import FisherStudies
import Foundation

/// The score has mean zero, and its covariance is the expected Hessian of -log p.
enum ScoreIdentities {
    static let mean = Claim(
        "score-mean",
        says: "Under regularity conditions, the score has zero mean under the model's own distribution.",
        in: .hierarchy("Fisher Information; also Hwang (2024), Eqs. 42-44"),
        decidedBy: """
            For networks with four likelihoods, the sum over all observations with their probabilities (for continuous ones a \
            Gauss quadrature that is exact for the polynomials that occur) of the gradient of -log p: holds if its largest \
            element is at most 1e-12 of the largest element of a single score.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try meanFinding() }

    static let hessian = Claim(
        "fisher-is-expected-hessian",
        says: """
            The Fisher information, the covariance of the score, is the expected Hessian of -log p under the model (Bartlett's \
            second identity), under regularity conditions.
            """,
        in: .fadam("Eqs. 8, 37-39, 48; also both articles"),
        decidedBy: """
            With the same sums as for score-mean: covariance of the score, exact information and expected Hessian agree to \
            1e-10 of the information's norm for categorical, Bernoulli and normal observations. The logit-Laplace likelihood, \
            whose density has a kink, is outside the conditions: there the first two must agree and the third must differ by 0.01 \
            or more.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try hessianFinding() }

    /// The sums of one likelihood.
    private struct Sums {
        let name: String
        /// Largest |E s| over the largest |s|.
        let meanScore: Double
        /// |E s s^T - F| / |F|.
        let covariance: Double
        /// |E H - F| / |F|.
        let hessian: Double
    }

    /// An observation and its probability, for one output.
    private typealias Outcome = (probability: Double, observation: Tensor)

    private static func sums<Model: Likelihood>(
        _ name: String, outputs: Int, seed: UInt64, _ likelihood: (Tensor) -> Model,
        _ outcomes: (Tensor) throws -> [Outcome]
    ) throws -> Sums where Model.Observation == Tensor {
        let generator = try RandomGenerator(seed: seed)
        let network = try SmallNetwork(inputs: 3, hidden: 4, outputs: outputs, using: generator)
        let inputs = Tensor.normal([4, 3], dtype: .float64, using: generator)
        let size = network.parameterCount
        var mean = Tensor.zeros([size], dtype: .float64)
        var (covariance, hessian, exact) = (
            Tensor.zeros([size, size], dtype: .float64), Tensor.zeros([size, size], dtype: .float64),
            Tensor.zeros([size, size], dtype: .float64)
        )
        var largest = 0.0
        for number in 0..<inputs.shape[0] {
            let input = inputs.narrowed(0, from: number, length: 1)
            for (place, outcome) in try outcomes(network(input).detached()).enumerated() {
                func objective() throws -> Objective {
                    try Objective(likelihood(network(input)), observing: outcome.observation)
                }
                let score = try network.gradient(objective)
                largest = max(largest, try score.magnitude().max().item())
                // The mean of each input is zero by itself; the largest would hide behind a sum.
                mean = mean + score * outcome.probability
                covariance =
                    covariance + score.unsqueezed(1) * score.unsqueezed(0) * outcome.probability
                hessian = hessian + (try network.hessian(objective)) * outcome.probability
                if place == 0 { exact = exact + (try network.information(.exact, objective)) }
            }
        }
        return Sums(
            name: name, meanScore: try mean.magnitude().max().item() / largest,
            covariance: try covariance.relativeDistance(to: exact),
            hessian: try hessian.relativeDistance(to: exact))
    }

    private static func all() throws -> [Sums] {
        [
            try sums("categorical, 3 classes", outputs: 3, seed: 1) {
                Categorical(logits: $0)
            } _: { logits in
                let shares: [Double] = try logits.softmax(along: -1).scalars()
                return shares.enumerated().map { ($0.element, Tensor([Int64($0.offset)])) }
            },
            try sums("Bernoulli", outputs: 1, seed: 2) {
                Bernoulli(logits: $0)
            } _: { logits in
                let share = try logits.sigmoid().item()
                return [
                    (share, .ones([1, 1], dtype: .float64)), (1 - share, .zeros([1, 1], dtype: .float64)),
                ]
            },
            try sums("normal, learned variance", outputs: 2, seed: 3) {
                Gaussian(meanAndLogVariance: $0)
            } _: { outputs in
                // Gauss-Hermite with three nodes: exact up to the fifth power, and the fourth occurs.
                let values: [Double] = try outputs.scalars()
                let (mean, deviation) = (values[0], exp(values[1] / 2))
                let nodes: [(Double, Double)] = [(-1, 1.0 / 6), (0, 2.0 / 3), (1, 1.0 / 6)]
                return nodes.map { node, weight in
                    let y = mean + node * 3.0.squareRoot() * deviation
                    return (weight, Tensor([y], shape: [1, 1]))
                }
            },
            try sums("logit-Laplace", outputs: 2, seed: 4) {
                LogitLaplace(locationAndLogScale: $0)
            } _: { outputs in
                // The distance over the scale is exponential: Gauss-Laguerre with two nodes, exact up to the third power.
                let values: [Double] = try outputs.scalars()
                let (location, scale) = (values[0], exp(values[1]))
                let nodes: [Double] = [2 - 2.0.squareRoot(), 2 + 2.0.squareRoot()]
                var found: [Outcome] = []
                for node in nodes {
                    for sign in [-1.0, 1.0] {
                        let mapped = 1 / (1 + exp(-(location + sign * node * scale)))
                        let intensity = (mapped - LogitLaplace.margin) / (1 - 2 * LogitLaplace.margin)
                        found.append(((4 - node) / 8, Tensor([intensity], shape: [1, 1])))
                    }
                }
                return found
            },
        ]
    }

    private static func meanFinding() throws -> ClaimFinding {
        let found = try all()
        return ClaimFinding(
            deciding: found.map {
                MeasuredQuantity(
                    "largest |E s| over the largest |s|: \($0.name)", $0.meanScore, .atMost(1e-12))
            },
            """
            The mean score of the four likelihoods is at most \
            \(NumberText.significant(found.map(\.meanScore).max() ?? .nan)) of a single score, rounding of float64. It is zero \
            at every theta, not only at the best one: the mean over the data's labels, the gradient of the loss, is another.
            """)
    }

    private static func hessianFinding() throws -> ClaimFinding {
        let found = try all()
        let measurements = found.flatMap { sums in
            [
                MeasuredQuantity("|E s s^T - F| / |F|: \(sums.name)", sums.covariance, .atMost(1e-10)),
                MeasuredQuantity(
                    "|E H - F| / |F|: \(sums.name)", sums.hessian,
                    sums.name == "logit-Laplace" ? .atLeast(0.01) : .atMost(1e-10)),
            ]
        }
        let regular = found.filter { $0.name != "logit-Laplace" }
        return ClaimFinding(
            deciding: measurements,
            """
            Covariance of the score, exact information and expected Hessian agree to \
            \(NumberText.significant(regular.map { max($0.covariance, $0.hessian) }.max() ?? .nan)) for categorical, Bernoulli \
            and normal observations. For logit-Laplace ones the Hessian differs from the information by \
            \(NumberText.significant(found.last?.hessian ?? .nan)) of its norm: |x| has no curvature where it has one, and all \
            of the location's information is in the kink.
            """,
            remarks: [
                """
                Eq. 48 calls the information equivalent to the Hessian of the loss. That holds in expectation under the model; \
                at the data's labels the two differ (claim two-regimes).
                """
            ])
    }
}
