import Fisher
import FisherStudies
import Foundation

/// What the average of squares remembers: its half-life, its start, and whether it underestimates early.
enum ForgettingAverage {
    static let halfLife = Claim(
        "half-life",
        says: """
            As beta2 = 0.999 is the standard value in Adam, the average of the information has a half-life of 700 steps, 13.5 \
            steps with beta2 = 0.95; it averages over roughly 1000 steps.
            """,
        in: .fadam("Section 3.4.1, footnotes 10 and 11"),
        decidedBy: """
            FAdam's f of one element, after 10 / (1 - beta2) gradients of 1, under gradients of zero: the step at which it has \
            halved, interpolated in its logarithm, must be 700 and 13.5 to 2 %, and the mean age of what it holds 1000 to 2 %.
            """,
        evidence: .exact, cost: ClaimCost(short: 10)
    ) { _ in try halfLifeFinding() }

    static let initialMetric = Claim(
        "initial-metric",
        says: """
            The information f_0 is initialized to 1, the identity metric of flat space, not 0; this change does not affect the \
            logic of the algorithm because bias correction ignores the initial value.
            """,
        in: .fadam("Section 3.4.4"),
        decidedBy: """
            The averages of squares set to 0, 1 and 1e6 before the first of 50 steps of the rules: the paths must be \
            identical to the last bit, for FAdam and FAdafactor.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try initialMetricFinding() }

    static let earlyCurvature = Claim(
        "early-curvature",
        says: """
            Adam's standard bias correction for v_t might systematically underestimate curvature, especially early in training, \
            when viewed as an estimate of the Fisher diagonal; FAdam's leads to slightly different formulas.
            """,
        in: .perspective("Section 4.2"),
        decidedBy: """
            Independent normal gradients of variance 1: Adam's v_t / (1 - beta2^t) over the variance, its mean over 20,000 \
            elements at t = 1, 2, 5, 20, 100 with standard error, must lie below 0.98 at some t for the claim to hold; it does \
            not hold if every one is 0.98 or more. FAdam's f must equal Adam's corrected v to 1e-12.
            """,
        evidence: .exact, cost: ClaimCost(short: 5)
    ) { _ in try earlyCurvatureFinding() }

    private static let path = ParameterPath("x")

    private static func optimizer(_ rule: any OptimizationRule, shape: [Int]) throws -> (Optimizer, Parameter)
    {
        let parameter = Parameter(wrappedValue: .zeros(shape, dtype: .float64))
        return (
            try Optimizer(
                parameters: [NamedParameter(path: path, parameter: parameter)], groups: [.init(.rest, rule)]),
            parameter
        )
    }

    private static func state(_ optimizer: Optimizer, _ name: String) throws -> Tensor {
        guard let found = optimizer.state["parameter/\(path)/\(name)"] else {
            throw CurvatureError.noObservations
        }
        return found
    }

    private static func halfLifeFinding() throws -> ClaimFinding {
        var measurements: [MeasuredQuantity] = []
        for (beta2, published) in [(0.999, 700.0), (0.95, 13.5)] {
            let (optimizer, _) = try optimizer(
                try FAdam { $0.beta2 = .constant(beta2) }, shape: [1])
            let one = Tensor.ones([1], dtype: .float64)
            for _ in 0..<Int((10 / (1 - beta2)).rounded()) { try optimizer.update(with: [path: one]) }
            let full = try state(optimizer, "fisher").item()
            var (before, steps) = (full, 0)
            var after = full
            while after > full / 2 {
                before = after
                try optimizer.update(with: [path: one * 0])
                after = try state(optimizer, "fisher").item()
                steps += 1
            }
            let share = log(before / (full / 2)) / log(before / after)
            let half = Double(steps - 1) + share
            measurements += [
                MeasuredQuantity(
                    "steps to half of f over the published \(NumberText.short(published)), beta2 = \(beta2)",
                    half / published, .within(0.98...1.02)),
                MeasuredQuantity("steps to half of f, beta2 = \(beta2)", half),
            ]
            if beta2 == 0.999 {
                // Of weights b^k the mean age is b / (1 - b); b from what one step leaves.
                let kept = after / before
                measurements.append(
                    MeasuredQuantity(
                        "mean age of f's squares in steps over 1000, beta2 = 0.999",
                        kept / (1 - kept) / 1000, .within(0.98...1.02)))
            }
        }
        return ClaimFinding(
            deciding: measurements,
            """
            f halves in \(measurements[1].text) steps for beta2 = 0.999 (700 in the text, whose formula gives 692.8) and in \
            \(measurements[4].text) for 0.95; the mean age of what it holds is \
            \(NumberText.significant(1000 * measurements[2].value)) steps.
            """,
            remarks: [
                """
                That is the average's memory late in training. With the bias correction its weights after t steps are those of \
                the last t squares alone: while t is below 1,000 it is nearly their plain mean.
                """
            ])
    }

    private static func initialMetricFinding() throws -> ClaimFinding {
        func path(_ rule: any TensorRule, start: Double) throws -> [Double] {
            let generator = try RandomGenerator(seed: 4)
            var theta = Tensor.zeros([6, 4], dtype: .float64)
            // A first step names what the rule keeps; the averages of squares then begin at f_0.
            var state = TensorState()
            _ = rule.update(for: RuleInput(parameter: theta, gradient: theta, step: 1), state: &state)
            for (name, tensor) in state.tensors where name != "momentum" {
                state[name] = .full(like: tensor, start)
            }
            for step in 1...50 {
                let gradient = Tensor.normal([6, 4], dtype: .float64, using: generator)
                theta =
                    theta
                    + rule.update(
                        for: RuleInput(parameter: theta, gradient: gradient, step: step), state: &state
                    ).change
            }
            return try theta.scalars()
        }
        var measurements: [MeasuredQuantity] = []
        for (name, rule) in [("FAdam", FAdam() as any TensorRule), ("FAdafactor", FAdafactor())] {
            let one = try path(rule, start: 1)
            for start in [0, 1e6] {
                let other = try path(rule, start: start)
                let distance = zip(one, other).map { abs($0 - $1) }.max() ?? .nan
                measurements.append(
                    MeasuredQuantity(
                        "\(name): largest difference of the weights, f_0 = \(NumberText.short(start)) against 1",
                        distance, .atMost(0)))
            }
        }
        return ClaimFinding(
            deciding: measurements,
            """
            From f_0 = 0, 1 and 1e6 the weights after 50 steps differ by at most \
            \(NumberText.significant(measurements.map(\.value).max() ?? .nan)): the factor on f_0 is exactly zero at t = 1.
            """,
            remarks: [
                """
                The initial value is neither a metric nor a prior in the algorithm: nothing of the identity is left after the \
                first step.
                """
            ])
    }

    private static func earlyCurvatureFinding() throws -> ClaimFinding {
        let count = 20_000
        let (adam, _) = try optimizer(
            try Adam { $0.beta2 = 0.999 }, shape: [count])
        let (fadam, _) = try optimizer(try FAdam { $0.beta2 = 0.999 }, shape: [count])
        let generator = try RandomGenerator(seed: 6)
        var points: [ClaimFigure.Point] = []
        var measurements: [MeasuredQuantity] = []
        var largest = 0.0
        let shown = [1, 2, 5, 20, 100]
        for step in 1...100 {
            let gradient = Tensor.normal([count], dtype: .float64, using: generator)
            try adam.update(with: [path: gradient])
            try fadam.update(with: [path: gradient])
            let corrected = try state(adam, "fisher") / (1 - pow(0.999, Double(step)))
            let f = try state(fadam, "fisher")
            largest = max(largest, try ((f - corrected) / corrected).magnitude().max().item())
            guard shown.contains(step) else { continue }
            let mean = try corrected.mean().item()
            // The variance of a square of a normal number is 2, and the average at t has about t of them.
            let half = 1.96 * (try (corrected - mean).squared().mean().item() / Double(count)).squareRoot()
            points.append(.init(Double(step), mean, interval: (mean - half)...(mean + half)))
            measurements.append(
                MeasuredQuantity(
                    "corrected v_t over the variance of g, t = \(step)", mean,
                    interval: (mean - half)...(mean + half)))
        }
        measurements.append(
            MeasuredQuantity("largest relative difference of FAdam's f and Adam's corrected v_t", largest))
        let lowest = points.compactMap(\.upper).min() ?? .nan
        let highest = points.compactMap(\.lower).min() ?? .nan
        let verdict: ClaimVerdict =
            lowest < 0.98 && largest > 1e-12
            ? .holds : highest >= 0.98 || largest <= 1e-12 ? .doesNotHold : .undecided
        var finding = ClaimFinding(
            deciding: measurements,
            """
            Adam's corrected average is \(measurements[0].text) of the variance at t = 1 and \(measurements[4].text) at t = 100: \
            it underestimates nothing on average, and FAdam's f is the same number to \(NumberText.significant(largest)).
            """,
            figures: [
                ClaimFigure(
                    title: "Adam's corrected average of squares over the variance",
                    caption: "Means over 20,000 elements with 95 % intervals.",
                    horizontal: .init("step", isLogarithmic: true), vertical: .init("ratio"),
                    series: [.init("corrected v_t", points)])
            ],
            remarks: [
                """
                What is true early is that the average is noisy: at t = 1 it is the square of one gradient, whose root divides it \
                to +-1.
                """
            ])
        finding.verdict = verdict
        return finding
    }
}
