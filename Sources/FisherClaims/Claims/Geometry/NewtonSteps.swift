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
        evidence: .seeds(atLeast: MeasuredQuantity.leastSeeds), cost: ClaimCost(short: 15, full: 30)
    ) { try ascentFinding(seeds: $0.seeds, starts: $0.form == .short ? 16 : 40) }

    static let guarantee = Claim(
        "natural-convergence",
        says: """
            Natural gradient descent guarantees convergence due to the positive semi-definiteness of the information, whereas \
            Newton's method does not.
            """,
        in: .fadam("Appendix B.1"),
        decidedBy: """
            20 undamped steps of length 1 of the natural gradient from random weights, of a network with least squares and of a \
            logistic regression, which is convex. Holds if no run ends above the loss of its start or at a loss that is not \
            finite, over all seeds and starts; does not hold if one does.
            """,
        evidence: .seeds(atLeast: MeasuredQuantity.leastSeeds), cost: ClaimCost(short: 20, full: 60)
    ) { try guaranteeFinding(seeds: $0.seeds, starts: $0.form == .short ? 6 : 20) }

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
            MeasuredQuantity("share of ascending directions, Newton", over: shares.newton, .atLeast(0.1)),
            MeasuredQuantity(
                "share of ascending directions, natural gradient", over: shares.natural, .atMost(0)),
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

    /// A logistic regression of two inputs whose classes overlap, from weights far from the best ones.
    private struct Logistic {
        let network: SmallNetwork
        private let inputs: Tensor
        private let labels: Tensor

        init(seed: UInt64) throws {
            let generator = try RandomGenerator(seed: seed)
            inputs = Tensor.normal([100, 2], dtype: .float64, using: generator)
            labels = (inputs.narrowed(1, from: 0, length: 1) * 2).sigmoid().sampledBernoulli(using: generator)
            network = try SmallNetwork(inputs: 2, hidden: nil, outputs: 1, gain: 8, using: generator)
        }

        func objective() throws -> Objective {
            try Objective(Bernoulli(logits: network(inputs)), observing: labels)
        }
    }

    /// The loss after 20 steps over that at the start; infinite if a step could not be made.
    private static func growth(_ network: SmallNetwork, _ objective: () throws -> Objective) throws -> Double
    {
        func loss() throws -> Double { try withoutGradients { try objective().loss.item() } }
        let before = try loss()
        do {
            let optimizer = try Optimizer(for: network.model, try natural())
            for _ in 0..<20 { try optimizer.step(objective) }
            let after = try loss()
            return after.isFinite ? after / before : .infinity
        } catch is NonFiniteError {
            return .infinity
        }
    }

    private static func guaranteeFinding(seeds: [UInt64], starts: Int) throws -> ClaimFinding {
        var shares: [[Double]] = [[], []]
        var points: [[ClaimFigure.Point]] = [[], []]
        for seed in seeds {
            var found: [[Double]] = [[], []]
            for start in 0..<starts {
                let own = seed &* 1000 &+ UInt64(start)
                let regression = try Regression(seed: own, gain: 1)
                found[0].append(try growth(regression.network, regression.objective))
                let logistic = try Logistic(seed: own)
                found[1].append(try growth(logistic.network, logistic.objective))
            }
            for k in found.indices {
                shares[k].append(Double(found[k].count { !($0 <= 1) }) / Double(starts))
                for value in found[k] where value.isFinite {
                    points[k].append(.init(Double(points[k].count + 1), value))
                }
            }
        }
        let total = shares.joined().reduce(0) { $0 + $1 * Double(starts) }.rounded()
        let measurements = [
            MeasuredQuantity("runs that ended above their start", total, .atMost(0)),
            MeasuredQuantity("share of such runs, network with least squares", over: shares[0]),
            MeasuredQuantity("share of such runs, logistic regression", over: shares[1]),
        ]
        return ClaimFinding(
            deciding: measurements,
            """
            Of \(2 * seeds.count * starts) runs of the undamped natural gradient with steps of length 1, \(Int(total)) ended \
            above the loss of their start: a share of \(measurements[1].text) of the networks and of \(measurements[2].text) of \
            the logistic regressions. A positive definite matrix makes the direction one of descent; how far to go along it is \
            another question.
            """,
            figures: [
                ClaimFigure(
                    title: "The loss after 20 steps over that at the start",
                    caption: "Runs that ended at no number are left out.",
                    horizontal: .init("run"), vertical: .init("ratio of losses", isLogarithmic: true),
                    series: [
                        .init("network", points[0], isJoined: false),
                        .init("logistic regression", points[1], isJoined: false),
                    ])
            ],
            remarks: [
                """
                In the logistic regression the information is the Hessian: the natural gradient is Newton's method there, with \
                its overshoot where the probabilities are near 0 and 1.
                """
            ])
    }
}
