import FisherStudies
import Foundation

extension Claim {
    /// Whether Adagrad and RMSProp follow the equations that are said to be their limits.
    static let continuousTime = Claim(
        "continuous-time",
        says: """
            [Adagrad] can be seen as a discretization of the ODE system d theta/dt = -(df/d theta)/sqrt(G + epsilon), where \
            dG/dt = (df/d theta)^2. [...] [RMSProp] corresponds to an ODE where G is an exponentially weighted integral.
            """,
        in: .perspective("Section 2.2"),
        decidedBy: """
            A normal distribution is fitted from (2, 1.5) by the package's rules with exact gradients until the time 1, in steps of 1/16 to \
            1/1024. The claim holds if for both rules some dependence of the options on the step makes the distance from the \
            equation's solution fall as a power of the step whose 95 % interval lies within 0.8 to 1.2, fitted to the five smallest \
            steps. It does not hold if for one rule no dependence that is tried does so.
            """,
        evidence: .exact, cost: ClaimCost(short: 10)
    ) { _ in try ContinuousTimeStudy().finding }
}

/// Iterations against the differential equations of which they are said to be discretizations.
struct ContinuousTimeStudy {
    static let objective = NormalObjective(mean: 0, variance: 1)
    static let start = Pair(2, 1.5)
    static let end = 1.0
    /// Negative powers of two.
    static let exponents = 4...10

    /// The errors by step size, smallest exponent first.
    let errors: [ContinuousLimit: [(step: Double, error: Double)]]
    /// A coarse iteration beside the solution, for the figure.
    let coarse: [(limit: ContinuousLimit, points: [Pair])]

    init() throws {
        errors = Dictionary(
            uniqueKeysWithValues: try ContinuousLimit.allCases.map { limit in
                let solution = limit.solution(Self.objective, from: Self.start, until: Self.end)
                let target = solution[solution.count - 1].point
                let found = try Self.exponents.map { exponent in
                    let step = 1 / Double(1 << exponent)
                    let points = try limit.iterates(
                        Self.objective, from: Self.start, until: Self.end, step: step)
                    return (step: step, error: (points[points.count - 1] - target).length)
                }
                return (limit, found)
            })
        coarse = try [ContinuousLimit.adagrad, .rmsProp, .naturalGradient].map {
            ($0, try $0.iterates(Self.objective, from: Self.start, until: Self.end, step: 1.0 / 16))
        }
    }

    /// The power of the step as which the error falls.
    func order(of limit: ContinuousLimit) -> PowerLaw? {
        PowerLaw((errors[limit] ?? []).suffix(5).map { (x: $0.step, y: $0.error) })
    }

    private func isFirstOrder(_ limit: ContinuousLimit) -> Bool {
        guard let interval = order(of: limit)?.interval else { return false }
        return interval.lowerBound > 0.8 && interval.upperBound < 1.2
    }

    private func text(_ limit: ContinuousLimit) -> String {
        guard let order = order(of: limit), let interval = order.interval else { return "no order" }
        return String(
            format: "%.3f (95 %% interval %.3f to %.3f)", order.exponent, interval.lowerBound,
            interval.upperBound)
    }

    /// The verdict and its page.
    var finding: ClaimFinding {
        let rules: [[ContinuousLimit]] = [[.adagrad, .adagradByRate], [.rmsProp, .rmsPropFixed]]
        let parts: [ClaimVerdict] = rules.map { $0.contains(where: isFirstOrder) ? .holds : .doesNotHold }
        let answer =
            "The distance from the equation falls as the step to the power \(text(.adagrad)) for Adagrad whose time is the square of "
            + "its learning rate, and \(text(.rmsProp)) for RMSProp with 1 - beta in proportion to the step. With the learning "
            + "rate as the step of time Adagrad's power is \(text(.adagradByRate)), RMSProp's at constant beta \(text(.rmsPropFixed))."
        return ClaimFinding(
            .all(parts), answer, exhibits: [table], figures: [errorFigure, planeFigure, timeFigure],
            remarks: [
                "The article does not say how a step is related to time. Adagrad's sum of squares grows by a whole square at each "
                    + "step however small: it is G/h, so that the learning rate is the root of the step h and epsilon is divided by h. "
                    + "With the learning rate as the step the limit is none of this equation.",
                "At a constant beta RMSProp forgets within 1/(1 - beta) steps, which last no time in the limit: it becomes sign "
                    + "descent.",
                "First order shows once a step's share of the squares is small beside epsilon. From (2, 0.5), where the gradient is "
                    + "40 long, with epsilon 0.1 a step of 1/1024 is not yet small enough: the power was 0.58 for Adagrad and 0.52 for "
                    + "RMSProp, so start and epsilon were changed.",
                "The natural gradient's flow is e^-t in the mean and in the second moment; its iteration has order "
                    + "\(text(.naturalGradient)).",
            ])
    }

    private var table: TaskExhibit {
        .table(
            ExhibitTable(
                title: "Distance from the solution at the time 1",
                caption: "In (mu, sigma), by the step h of time.",
                columns: ["step"] + ContinuousLimit.allCases.map(\.rawValue),
                rows: Self.exponents.enumerated().map { place, exponent in
                    ["1/\(1 << exponent)"]
                        + ContinuousLimit.allCases.map { limit in
                            errors[limit].map { String(format: "%.2e", $0[place].error) } ?? "–"
                        }
                } + [["order"] + ContinuousLimit.allCases.map(text)]))
    }

    private var errorFigure: ClaimFigure {
        ClaimFigure(
            title: "Distance from the solution by the step",
            caption:
                "At the time 1. A straight line of slope one is convergence of first order; a level one is none.",
            horizontal: .init("step h of time", isLogarithmic: true),
            vertical: .init("distance in (mu, sigma)", isLogarithmic: true),
            series: ContinuousLimit.allCases.map { limit in
                .init(
                    limit.rawValue,
                    (errors[limit] ?? []).reversed().map { .init($0.step, $0.error) })
            })
    }

    private func solution(_ limit: ContinuousLimit) -> [(time: Double, point: Pair)] {
        let all = limit.solution(Self.objective, from: Self.start, until: Self.end)
        return stride(from: 0, to: all.count, by: 10).map { all[$0] }
    }

    /// The rule's name without its dependence on the step.
    private static func rule(_ limit: ContinuousLimit) -> String {
        String(limit.rawValue.prefix { $0 != "," })
    }

    private var planeFigure: ClaimFigure {
        ClaimFigure(
            title: "Paths until the time 1",
            caption: "Lines are solutions of the equations, points the iterations with a step of 1/16.",
            horizontal: .init("mean mu"), vertical: .init("standard deviation sigma"),
            series: coarse.flatMap { limit, points -> [ClaimFigure.Series] in
                let line = solution(limit).map(\.point).sorted { $0.x < $1.x }
                return [
                    .init("\(Self.rule(limit)): equation", line.map { .init($0.x, $0.y) }),
                    .init("\(Self.rule(limit)): steps", points.map { .init($0.x, $0.y) }, isJoined: false),
                ]
            })
    }

    private var timeFigure: ClaimFigure {
        ClaimFigure(
            title: "The mean over time",
            caption:
                "Lines are solutions of the equations, points the iterations with a step of 1/16; the natural gradient's is "
                + "2 e^-t.",
            horizontal: .init("time"), vertical: .init("mean mu"),
            series: coarse.flatMap { limit, points -> [ClaimFigure.Series] in
                [
                    .init(
                        "\(Self.rule(limit)): equation", solution(limit).map { .init($0.time, $0.point.x) }),
                    .init(
                        "\(Self.rule(limit)): steps",
                        points.enumerated().map { .init(Double($0.offset) / 16, $0.element.x) },
                        isJoined: false),
                ]
            })
    }
}
