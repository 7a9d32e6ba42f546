import Fisher
import FisherStudies

/// Newton's method and the natural gradient where the loss is not convex.
enum NewtonSteps {
    static let ascent = Claim(
        "newton",
        says: """
            Newton's method is effective only when the loss is strongly convex; since the Fisher information is positive \
            semi-definite the natural gradient has no such restriction.
            """,
        in: .fadam("Appendix B.1, Eqs. 48-50"),
        decidedBy: """
            A small network at random weights and after little training: the direction -C^-1 g is one of ascent if its product \
            with the gradient is positive. Holds if that is so for no direction of the natural gradient, and for a tenth or more of \
            Newton's, by the 95 % interval over the seeds.
            """,
        evidence: .seeds(atLeast: Measurement.leastSeeds), cost: ClaimCost(short: 15, full: 30)
    ) { try ascentFinding(seeds: $0.seeds, starts: $0.form == .short ? 16 : 40) }

    static let guarantee = Claim(
        "natural-convergence",
        says: """
            Natural gradient descent guarantees convergence due to the positive semi-definiteness of the information, whereas \
            Newton's method does not.
            """,
        in: .fadam("Appendix B.1"),
        decidedBy: """
            30 undamped steps of length 1 of the natural gradient from random weights. Holds if no run ends above the loss of its \
            start or at a loss or weight that is not finite, over all seeds and starts; does not hold if one does.
            """,
        evidence: .seeds(atLeast: Measurement.leastSeeds), cost: ClaimCost(short: 20, full: 40)
    ) { try guaranteeFinding(seeds: $0.seeds, starts: $0.form == .short ? 8 : 20) }

    private struct Regression {
        let network: SmallNetwork
        private let inputs: Tensor
        private let targets: Tensor

        init(seed: UInt64, gain: Double) throws {
            let generator = try RandomGenerator(seed: seed)
            let teacher = try SmallNetwork(inputs: 2, hidden: 3, outputs: 1, gain: 3, using: generator)
            inputs = Tensor.normal([80, 2], standardDeviation: 1.5, dtype: .float64, using: generator)
            let x = inputs
            targets = withoutGradients {
                teacher(x).detached()
                    + Tensor.normal([80, 1], standardDeviation: 0.3, dtype: .float64, using: generator)
            }
            network = try SmallNetwork(inputs: 2, hidden: 3, outputs: 1, gain: gain, using: generator)
        }

        func objective() throws -> Objective {
            try Objective(Gaussian(mean: network(inputs)), observing: targets)
        }

        func loss() throws -> Double { try withoutGradients { try objective().loss.item() } }

        /// What one step of a rule adds to the weights, which are put back; nil if it was not made.
        func step(_ rule: any OptimizationRule) throws -> Tensor? {
            let start = network.weights
            defer { try? network.setWeights(start) }
            do {
                try Optimizer(for: network.model, rule).step(objective)
            } catch is NonFiniteError {
                return nil
            }
            return network.weights - start
        }
    }

    private static func newton() throws -> Newton {
        try Newton(learningRate: 1) {
            $0.solver = .dense
            $0.damping = 0
            $0.adaptsDamping = false
        }
    }

    private static func natural() throws -> NaturalGradient {
        try NaturalGradient(learningRate: 1) { $0.damping = 0 }
    }

    private static func ascentFinding(seeds: [UInt64], starts: Int) throws -> ClaimFinding {
        var shares: (newton: [Double], natural: [Double]) = ([], [])
        var points: (newton: [ClaimFigure.Point], natural: [ClaimFigure.Point]) = ([], [])
        for seed in seeds {
            var (newtonCount, naturalCount) = (0, 0)
            for start in 0..<starts {
                let problem = try Regression(seed: seed &* 1000 &+ UInt64(start), gain: 1)
                if start % 2 == 1 {
                    let optimizer = try Optimizer(for: problem.network.model, SGD(learningRate: 0.05))
                    for _ in 0..<10 { try optimizer.step(problem.objective) }
                }
                let g = try problem.network.gradient(problem.objective)
                func slope(_ rule: any OptimizationRule) throws -> Double {
                    guard let step = try problem.step(rule) else { return .nan }
                    return try step.cosine(to: g)
                }
                let (a, b) = (try slope(newton()), try slope(natural()))
                if a > 0 { newtonCount += 1 }
                if b > 0 { naturalCount += 1 }
                let place = Double(points.newton.count + 1)
                points.newton.append(.init(place, a))
                points.natural.append(.init(place, b))
            }
            shares.newton.append(Double(newtonCount) / Double(starts))
            shares.natural.append(Double(naturalCount) / Double(starts))
        }
        let measurements = [
            Measurement("share of ascending directions, Newton", over: shares.newton, .atLeast(0.1)),
            Measurement("share of ascending directions, natural gradient", over: shares.natural, .atMost(0)),
        ]
        return ClaimFinding(
            deciding: measurements,
            """
            Of \(starts) points for each of \(seeds.count) seeds Newton's undamped direction ascends in a share of \
            \(measurements[0].text), the natural gradient's in \(measurements[1].text).
            """,
            figures: [
                ClaimFigure(
                    title: "The cosine of direction and gradient",
                    caption: "Below zero a small step lowers the loss, above zero it raises it.",
                    horizontal: .init("point"), vertical: .init("cosine with the gradient"),
                    series: [
                        .init("Newton", points.newton, isJoined: false),
                        .init("natural gradient", points.natural, isJoined: false),
                    ])
            ])
    }

    private static func guaranteeFinding(seeds: [UInt64], starts: Int) throws -> ClaimFinding {
        var failures: [Double] = []
        var newtonFailures: [Double] = []
        var worst = 0.0
        for seed in seeds {
            var counts = [0, 0]
            for start in 0..<starts {
                for (k, rule) in [try natural() as any OptimizationRule, try newton()].enumerated() {
                    let problem = try Regression(seed: seed &* 1000 &+ UInt64(start), gain: 1)
                    let before = try problem.loss()
                    var after = Double.infinity
                    do {
                        let optimizer = try Optimizer(for: problem.network.model, rule)
                        for _ in 0..<30 { try optimizer.step(problem.objective) }
                        after = try problem.loss()
                    } catch is NonFiniteError {}
                    if !(after <= before) { counts[k] += 1 }
                    if k == 0, after.isFinite { worst = max(worst, after / before) }
                }
            }
            failures.append(Double(counts[0]) / Double(starts))
            newtonFailures.append(Double(counts[1]) / Double(starts))
        }
        let total = failures.reduce(0) { $0 + $1 * Double(starts) }
        let measurements = [
            Measurement("runs that ended above their start, natural gradient", total, .atMost(0)),
            Measurement("share of such runs, natural gradient", over: failures),
            Measurement("share of such runs, Newton", over: newtonFailures),
            Measurement("largest loss at the end over that at the start, natural gradient", worst),
        ]
        return ClaimFinding(
            deciding: measurements,
            """
            Of \(seeds.count * starts) runs of the undamped natural gradient with steps of length 1, \
            \(Int(total.rounded())) ended above the loss of their start (a share of \(measurements[1].text); Newton's: \
            \(measurements[2].text)). A positive definite matrix makes the direction one of descent; how far to go along it is \
            another question.
            """,
            remarks: [
                "With a small enough step each step of the natural gradient lowers the loss; so does plain gradient descent's."
            ])
    }
}
