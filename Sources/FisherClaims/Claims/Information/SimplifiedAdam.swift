import Fisher
import FisherStudies
import FisherTasks

/// Simplified Adam is the diagonal natural gradient with forgetting, and with any of its simplifications undone it is not.
enum SimplifiedAdam {
    static let claim = Claim(
        "simplified-adam",
        says: """
            With all four simplifications (no bias correction, no epsilon, no square root, the empirical Fisher), \
            simplified Adam and diagonal natural gradient with exponential forgetting beta2 produce identical parameter \
            trajectories. Without them, they don't.
            """,
        in: .hierarchy("Adam and the Diagonal Fisher"),
        decidedBy: """
            Adam with its options switched off (beta1 = 0 among them) and the rule DiagonalNaturalGradient make the same \
            steps on the same mini-batches in float64. The end points may differ by 1e-10 of the distance covered; with any \
            one of the simplifications undone they must differ by 1e-6 of it or more.
            """,
        evidence: .exact, cost: ClaimCost(short: 30)
    ) { try finding(isShort: $0.form == .short) }

    /// What is undone, alone.
    private enum Undone: String, CaseIterable {
        case nothing = "all four simplifications"
        case biasCorrection = "bias correction kept"
        case epsilon = "epsilon 1e-8 kept"
        case root = "square root kept"
        case empirical = "the natural gradient's Fisher exact, not empirical"
        case perSample = "the natural gradient's Fisher the mean of per-sample squares"
        case momentum = "first moment kept (beta1 0.9)"

        var criterion: Criterion? {
            switch self {
            case .nothing: .atMost(1e-10)
            case .biasCorrection, .epsilon, .root, .empirical: .atLeast(1e-6)
            // The text means g^2 by the empirical Fisher here, and does not speak of the first moment.
            case .perSample, .momentum: nil
            }
        }

        var source: CurvatureSource {
            switch self {
            case .empirical: .exact
            case .perSample: .empirical
            default: .minibatch
            }
        }
    }

    private static let beta2 = Schedule.constant(0.99)

    private static func adam(_ undone: Undone, rate: Double) throws -> Adam {
        try Adam(learningRate: .constant(rate)) {
            $0.beta1 = undone == .momentum ? 0.9 : 0
            $0.beta2 = beta2
            $0.epsilon = undone == .epsilon ? 1e-8 : 0
            $0.power = undone == .root ? 0.5 : 1
            $0.correctsBias = undone == .biasCorrection
        }
    }

    /// The displacement after some steps.
    private static func path(_ rule: any OptimizationRule, steps: Int) throws -> Tensor {
        let classifier = try DigitClassifier(hidden: [12], seed: 1, imageCount: 512)
        let start = classifier.weights
        try classifier.train(rule, steps: steps, seed: 7)
        return classifier.weights - start
    }

    /// The loss after training at each rate; infinite where it diverged.
    private static func losses(root: Bool, rates: [Double], steps: Int) throws -> [(x: Double, y: Double)] {
        try rates.map { rate in
            let classifier = try DigitClassifier(hidden: [12], seed: 1, imageCount: 512)
            do {
                try classifier.train(adam(root ? .root : .nothing, rate: rate), steps: steps, seed: 7)
                let loss = try classifier.loss()
                return (rate, loss.isFinite ? loss : .infinity)
            } catch is NonFiniteError {
                return (rate, .infinity)
            }
        }
    }

    private static func finding(isShort: Bool) throws -> ClaimFinding {
        let steps = isShort ? 300 : 1000
        let rate = 1e-9
        let measurements = try Undone.allCases.map { undone in
            let natural = try DiagonalNaturalGradient(learningRate: .constant(rate)) {
                $0.beta2 = beta2
                $0.source = undone.source
            }
            let reference = try path(natural, steps: steps)
            let found = try path(adam(undone, rate: rate), steps: steps)
            return MeasuredQuantity(
                "distance of the end points over the distance covered: \(undone.rawValue)",
                try found.relativeDistance(to: reference), undone.criterion)
        }
        let start = try DigitClassifier(hidden: [12], seed: 1, imageCount: 512).loss()
        let without = try losses(root: false, rates: (-10 ... -3).map { pow10($0) }, steps: steps)
        let with = try losses(root: true, rates: (-6 ... -1).map { pow10($0) }, steps: steps)
        func best(_ found: [(x: Double, y: Double)]) -> (x: Double, y: Double) {
            found.min { $0.y < $1.y } ?? (.nan, .nan)
        }
        let (worse, better) = (best(without), best(with))
        let figure = ClaimFigure(
            title: "Training loss after \(steps) steps, with the square root and without",
            caption: """
                Both without momentum, bias correction and epsilon, beta2 0.99. The loss at the start is \
                \(NumberText.significant(start)) nats; losses that are not finite are left out.
                """,
            horizontal: .init("learning rate", isLogarithmic: true),
            vertical: .init("training loss, nats", isLogarithmic: true),
            series: [("with the root", with), ("without the root", without)].map { label, points in
                .init(label, points.filter { $0.y.isFinite }.map { .init($0.x, $0.y) })
            })
        return ClaimFinding(
            deciding: measurements,
            """
            After \(steps) steps the two end points differ by \(measurements[0].text) of the distance covered with all \
            simplifications, and by \(measurements[1].text), \(measurements[2].text), \(measurements[3].text) and \
            \(measurements[4].text) with bias correction, epsilon, root or the exact Fisher put back alone. Without the root the \
            best of \(without.count) rates ends at a loss of \(NumberText.significant(worse.y)) from \
            \(NumberText.significant(start)) (rate \(NumberText.significant(worse.x))), with it at \
            \(NumberText.significant(better.y)) (rate \(NumberText.significant(better.x))).
            """,
            figures: [figure],
            remarks: [
                """
                The list of four leaves the first moment out: with beta1 = 0.9 kept and all four made, the end points differ \
                by \(measurements[6].text) of the distance covered.
                """,
                """
                Elements whose gradient has been exactly zero so far (weights of blank pixels) would be 0/0 in both; this \
                package leaves them where they are.
                """,
            ])
    }
}
