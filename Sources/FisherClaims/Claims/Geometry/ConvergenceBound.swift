import Fisher
import FisherStudies
import Foundation

/// The bound on Adam without momentum, on a problem of which every constant is known.
enum ConvergenceBound {
    static let claim = Claim(
        "convergence-bound",
        says: """
            FAdam without the effects of momentum is Adam with beta1 = 0, whose expected squared gradient at a random iterate \
            is at most (F(x_0) - F_*)/(alpha_1 sqrt N) + (4 d R^2 + alpha_1 d R L)(ln(1 + R N/epsilon) + N/(N-1))/sqrt N; \
            momentum tightens the bound, and the expected value becomes sufficiently small as N grows.
            """,
        in: .fadam("Section 3.4.5, Eq. 29; Appendix B.6, Eqs. 61 and 62"),
        decidedBy: """
            F(x) = sum over i of log cosh(x_i - a_i) with noise of +-s in each element of the gradient: F_* = 0, L = 1, \
            R = 1 + s + sqrt(epsilon), d = 10. For every N from 10 to the largest, with alpha = alpha_1/sqrt N and \
            beta2 = 1 - 1/N as in the theorem, the mean over all iterates of |grad F|^2, by its 95 % interval over the seeds, \
            lies below the bound, for Adam without momentum and for FAdam without clip, with momentum; and it falls with N as \
            ln N / sqrt N or faster: the ratio to it has a power of at most 0.05.
            """,
        evidence: .seeds(atLeast: MeasuredQuantity.leastSeeds), cost: ClaimCost(short: 40, full: 300)
    ) { try finding(isShort: $0.form == .short, seeds: $0.seeds) }

    private static let dimension = 10
    private static let noise = 1.0
    private static let epsilon = 1e-8
    private static let firstRate = 1.0
    private static var largestGradient: Double { 1 + noise + epsilon.squareRoot() }

    /// Eq. 61 as it is printed.
    static func printedBound(_ steps: Int, gap: Double) -> Double {
        let (n, d, r) = (Double(steps), Double(dimension), largestGradient)
        return gap / (firstRate * n.squareRoot())
            + (4 * d * r * r + firstRate * d * r) * (log(1 + r * n / epsilon) + n / (n - 1)) / n.squareRoot()
    }

    /// Theorem 2 of Défossez et al. with the same choice of rates: the first term has a factor of 2 R, the logarithm R^2.
    static func provedBound(_ steps: Int, gap: Double) -> Double {
        let (n, d, r) = (Double(steps), Double(dimension), largestGradient)
        return 2 * r * gap / (firstRate * n.squareRoot())
            + (4 * d * r * r + firstRate * d * r) * (log(1 + r * r * n / epsilon) + n / (n - 1))
            / n.squareRoot()
    }

    private static func rule(_ name: String, steps: Int) throws -> any OptimizationRule {
        let n = Double(steps)
        let (rate, beta2) = (
            Schedule.constant(firstRate / n.squareRoot()), Schedule.constant(1 - 1 / n)
        )
        if name == "Adam, beta1 = 0" {
            return try Adam(learningRate: rate) {
                $0.beta1 = 0
                $0.beta2 = beta2
                $0.epsilon = .constant((epsilon / n).squareRoot())
            }
        }
        return try FAdam(learningRate: rate) {
            $0.beta1 = 0.9
            $0.beta2 = beta2
            $0.clip = nil
            $0.weightDecay = 0
            $0.epsilonPolicy = .fixed
            $0.epsilon = .constant((epsilon / n).squareRoot())
        }
    }

    /// The start's F(x_0) - F_*, and the mean of |grad F|^2 over the iterates 0 to N - 1.
    private static func run(_ name: String, steps: Int, seed: UInt64) throws -> (gap: Double, mean: Double) {
        let generator = try RandomGenerator(seed: seed)
        let optimum = Tensor.normal([dimension], standardDeviation: 3, dtype: .float64, using: generator)
        let parameter = Parameter(wrappedValue: .zeros([dimension], dtype: .float64))
        let path = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)],
            groups: [.init(.rest, try rule(name, steps: steps))])
        var sum = 0.0
        let target: [Double] = try optimum.scalars()
        let gap = target.reduce(0) { $0 + log(cosh($1)) }
        // All signs at once; an iterate's noise is one row.
        let signs =
            Tensor.bernoulli(
                like: .zeros([steps, dimension], dtype: .float64), probability: 0.5, using: generator)
            * (2 * noise) - noise
        for step in 0..<steps {
            let gradient = withoutGradients { (parameter.wrappedValue.detached() - optimum).tanh() }
            let length = try gradient.norm().item()
            sum += length * length
            try optimizer.update(with: [path: gradient + signs.selecting(0, step)])
        }
        return (gap, sum / Double(steps))
    }

    private static func finding(isShort: Bool, seeds: [UInt64]) throws -> ClaimFinding {
        let counts = isShort ? [10, 32, 100, 316, 1000] : [10, 100, 1000, 10_000, 100_000]
        let names = ["Adam, beta1 = 0", "FAdam, beta1 = 0.9, no clip"]
        var measurements: [MeasuredQuantity] = []
        var series: [ClaimFigure.Series] = []
        var rows: [[String]] = []
        var gaps: [Double] = []
        for name in names {
            var means: [[Double]] = []
            for count in counts {
                let runs = try seeds.map { try run(name, steps: count, seed: $0) }
                gaps = runs.map(\.gap)
                let shares = runs.map { $0.mean / printedBound(count, gap: $0.gap) }
                means.append(runs.map(\.mean))
                let share = MeasuredQuantity(
                    "E|grad F|^2 over the bound, N = \(count), \(name)", over: shares, isRatio: true,
                    .atMost(1))
                measurements.append(share)
                let gap = SampleSummary(gaps)?.mean ?? .nan
                rows.append([
                    name, "\(count)",
                    MeasuredQuantity("", over: runs.map(\.mean), isRatio: true).text,
                    NumberText.significant(printedBound(count, gap: gap)),
                    NumberText.significant(provedBound(count, gap: gap)),
                ])
            }
            // By seed: the power of N in the ratio to ln N / sqrt N.
            let powers = seeds.indices.map { k in
                PowerLaw(
                    zip(counts, means).map { count, values in
                        let n = Double(count)
                        return (n, values[k] * n.squareRoot() / log(n))
                    })?.exponent ?? .nan
            }
            measurements.append(
                MeasuredQuantity(
                    "power of N in E|grad F|^2 / (ln N / sqrt N), \(name)", over: powers, .atMost(0.05)))
            series.append(
                .init(
                    name,
                    zip(counts, means).map { count, values in
                        let summary = SampleSummary(values)
                        return .init(Double(count), summary?.mean ?? .nan, interval: summary?.interval())
                    }))
        }
        let gap = SampleSummary(gaps)?.mean ?? .nan
        series.append(
            .init("bound, as printed", counts.map { .init(Double($0), printedBound($0, gap: gap)) }))
        series.append(
            .init("bound, as proved", counts.map { .init(Double($0), provedBound($0, gap: gap)) }))
        let figure = ClaimFigure(
            title: "The mean squared gradient and its bound",
            caption: "Means over \(seeds.count) problems with 95 % intervals, d = \(dimension), noise +-1.",
            horizontal: .init("steps N", isLogarithmic: true),
            vertical: .init("|grad F|^2", isLogarithmic: true), series: series)
        let table = ExhibitTable(
            title: "Measured and bound",
            columns: ["rule", "N", "E|grad F|^2", "bound, printed", "bound, proved"],
            rows: rows)
        let (first, last) = (measurements[0], measurements[counts.count - 1])
        return ClaimFinding(
            deciding: measurements,
            """
            Adam without momentum lies at \(first.text) of the bound for N = \(counts[0]) and at \(last.text) for \
            N = \(counts[counts.count - 1]), FAdam with momentum at \(measurements[2 * counts.count].text): the bound is true \
            and tells little. Over ln N / sqrt N the measured values have a power of N of \
            \(measurements[counts.count].text) and \(measurements[2 * counts.count + 1].text).
            """, exhibits: [.table(table)], figures: [figure],
            remarks: [
                """
                Eq. 61 is not the theorem that it cites (Défossez et al. 2020): there the first term has a factor of 2 R, without \
                which the units of its two terms differ, and the logarithm has R^2 in place of R. Both are in the table.
                """,
                """
                The theorem's Adam has epsilon inside the root; the rules here have sqrt(epsilon / N) outside, which is no more.
                """,
            ])
    }
}
