import Fisher
import FisherStudies
import FisherTraining

extension Claim {
    /// The variance of a maximum-likelihood estimate reaches the inverse information, and only at convergence.
    static let cramerRao = Claim(
        "cramer-rao",
        says: """
            At the MLE the variance is I(theta_0)^-1 / n: uncertainty from the inverse Fisher is principled in the classical \
            regime. It requires convergence; stopped before, I^-1 is no covariance.
            """,
        in: .hierarchy("Two Regimes"),
        decidedBy: """
            Logistic regression of four parameters with known theta_0: a thousand data sets of n = 40, 160 and 640 on one \
            design each, fitted by undamped natural-gradient steps. The statistic is the mean of \
            (theta - theta_0)^T n I (theta - theta_0) / 4, which is 1 where the estimate is efficient. It holds if at n = 640 \
            the 95 % interval of that mean lies within 0.1 of 1, and for fits that are stopped after three steps of gradient \
            descent it lies outside; it does not hold if at n = 640 the interval lies outside of 0.1 of 1.
            """,
        evidence: .exact, cost: ClaimCost(short: 40)
    ) { context in
        let replicates = 1000
        let found: CramerRao = try context.kept("replicates", of: "\(replicates)") {
            try CramerRao(sizes: [40, 160, 640], replicates: replicates)
        }
        return found.finding
    }
}

/// The efficiency of logistic regression by the number of observations.
struct CramerRao: Codable, Sendable {
    /// Fits of one size.
    struct Fits: Codable, Sendable {
        /// The observations of a data set.
        let count: Int
        /// Whether the fits are converged.
        let isConverged: Bool
        /// (theta - theta_0)^T n I (theta - theta_0) / d of each data set.
        let squares: [Double]
        /// The variances of the estimates over those of the inverse information, by parameter.
        let varianceRatios: [Double]
        /// Data sets without a finite estimate, whose classes are separated.
        let separated: Int
    }

    /// The fits, by size; converged ones first.
    let fits: [Fits]
}

extension CramerRao {
    private static let truth = [0.8, -0.6, 0.4, 0.3]

    /// Draws data sets and fits them.
    ///
    /// - Parameters:
    ///   - sizes: the observations of a data set.
    ///   - replicates: the data sets of each size; a fifth of them for the fits that are stopped early.
    init(sizes: [Int], replicates: Int) throws {
        fits =
            try sizes.map { try Self.fits($0, replicates, isConverged: true) }
            + [try Self.fits(sizes.last ?? 1, max(2, replicates / 5), isConverged: false)]
    }

    private static func fits(_ count: Int, _ replicates: Int, isConverged: Bool) throws -> Fits {
        let generator = try RandomGenerator(seed: UInt64(count))
        let model = Linear(3, 1, dtype: .float64, using: generator)
        let layout = ParameterLayout(of: model.parameters.map(\.parameter.wrappedValue))
        let inputs = Tensor.normal([count, 3], dtype: .float64, using: generator)
        func move(to point: [Double]) throws {
            let parts = layout.split(Tensor(point, shape: [point.count]))
            try withoutGradients {
                for (named, part) in zip(model.parameters, parts) {
                    try named.parameter.wrappedValue.detached().assign(part)
                }
            }
        }
        try move(to: truth)
        let anyTargets = Tensor.zeros([count, 1], dtype: .float64)
        let estimate = try CurvatureEstimator(of: model).estimate(
            [.full(.exact)], of: try Objective(Bernoulli(logits: model(inputs)), observing: anyTargets))
        guard let information = estimate.full(.exact)?.sums.sum else { throw CurvatureError.noObservations }
        let inverse = try SafeCholesky.inverse(information).scalars(as: Double.self)
        let bound = truth.indices.map { inverse[$0 * (truth.count + 1)] }
        let population = withoutGradients { Bernoulli(logits: model(inputs)) }
        var estimates: [[Double]] = []
        var (squares, separated) = ([Double](), 0)
        for _ in 0..<replicates {
            try Interruption.poll()
            let targets = population.sample(using: generator)
            try move(to: isConverged ? truth : [0, 0, 0, 0])
            guard try fit(model, inputs, targets, isConverged) else {
                separated += 1
                continue
            }
            let point = try withoutGradients {
                try model.parameters.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) }
            }
            let error = Tensor(zip(point, truth).map { $0 - $1 }, shape: [truth.count])
            squares.append(
                try (error * information.matmul(error)).sum().item() / Double(truth.count))
            estimates.append(point)
        }
        let ratios = bound.indices.map { j -> Double in
            let deviation = SampleSummary(estimates.map { $0[j] })?.standardDeviation ?? .nan
            return deviation * deviation / bound[j]
        }
        return Fits(
            count: count, isConverged: isConverged, squares: squares, varianceRatios: ratios,
            separated: separated)
    }

    /// Fits a data set; false if the estimate is not finite or its steps do not vanish, as for separated classes.
    private static func fit(
        _ model: Linear, _ inputs: Tensor, _ targets: Tensor, _ isConverged: Bool
    ) throws -> Bool {
        let rule: any OptimizationRule =
            isConverged
            ? try NaturalGradient(learningRate: 1) { $0.damping = 0 } : try SGD(learningRate: 0.5)
        let optimizer = try Optimizer(for: model, rule)
        for _ in 0..<(isConverged ? 15 : 3) {
            let report: StepReport
            do {
                report = try optimizer.step {
                    try Objective(Bernoulli(logits: model(inputs)), observing: targets)
                }
            } catch is NonFiniteError {
                return false
            } catch is TorchError {
                // The information of separated classes is singular.
                return false
            }
            if isConverged, report.gradientNorm < 1e-9 { return true }
        }
        return !isConverged
    }

    /// The verdict on the mean square of the largest size, and on that of fits stopped early.
    static func verdict(
        converged: ClosedRange<Double>?, stopped: ClosedRange<Double>?
    ) -> ClaimVerdict {
        guard let converged, let stopped else { return .undecided }
        let near = 0.9...1.1
        if !near.overlaps(converged) { return .doesNotHold }
        let isWithin = near.contains(converged.lowerBound) && near.contains(converged.upperBound)
        return isWithin && !near.overlaps(stopped) ? .holds : .undecided
    }

    private static func text(_ interval: ClosedRange<Double>) -> String {
        [interval.lowerBound, interval.upperBound].map { NumberText.plain.fixed($0, decimals: 2) }
            .joined(separator: " to ")
    }

    /// What was found.
    var finding: ClaimFinding {
        let summaries = fits.map { SampleSummary($0.squares) }
        let last = fits.lastIndex { $0.isConverged }
        let (converged, stopped) = (last.flatMap { summaries[$0]?.interval() }, summaries.last??.interval())
        let rows = zip(fits, summaries).map { fits, summary -> [String] in
            let interval = summary?.interval().map(Self.text) ?? "-"
            let ratios = fits.varianceRatios.map { NumberText.plain.fixed($0, decimals: 2) }
            return [
                "\(fits.count)", fits.isConverged ? "converged" : "three steps of gradient descent",
                summary.map { NumberText.significant($0.mean) } ?? "-", interval,
                ratios.joined(separator: ", "), "\(fits.squares.count)", "\(fits.separated)",
            ]
        }
        let table = ExhibitTable(
            title: "Efficiency of the estimates",
            caption:
                "The mean square is 1, and the ratios of the variances are 1, where the bound is reached.",
            columns: [
                "n", "fit", "mean square", "95 % interval", "variance n I, by parameter", "data sets",
                "without an estimate",
            ],
            rows: rows)
        let points = zip(fits, summaries).filter(\.0.isConverged).compactMap { fits, summary in
            summary.map { ClaimFigure.Point(Double(fits.count), $0.mean, interval: $0.interval()) }
        }
        let figure = ClaimFigure(
            title: "Mean square of the error in the metric n I, over the number of parameters",
            horizontal: .init("observations", isLogarithmic: true), vertical: .init("mean square"),
            series: [
                .init("converged", points),
                .init("the bound", points.map { .init($0.x, 1) }),
            ])
        func text(_ position: Int?) -> String {
            guard let position, let summary = summaries[position], let interval = summary.interval() else {
                return "not known"
            }
            return "\(NumberText.plain.fixed(summary.mean, decimals: 2)) [\(Self.text(interval))]"
        }
        let count = last.map { fits[$0].count } ?? 0
        return ClaimFinding(
            Self.verdict(converged: converged, stopped: stopped),
            """
            The mean square of the error in units of the bound is \(text(last)) at n = \(count) for converged fits, and \
            \(text(fits.indices.last)) for fits that are stopped after three steps.
            """,
            exhibits: [.table(table)], figures: [figure])
    }
}
