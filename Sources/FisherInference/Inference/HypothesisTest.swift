import Foundation

/// A test of linear hypotheses about the parameters.
package struct HypothesisTest: Sendable {
    package enum Kind: String, Sendable { case wald, score, likelihoodRatio = "likelihood ratio" }
    package let kind: Kind
    package let statistic: Double
    package let distribution: ReferenceDistribution
    /// Whether it holds under a wrong model too.
    package let isRobust: Bool

    package var probability: Double { distribution.tail(statistic) }
}

extension LikelihoodFit {
    /// Wald's test that the rows of C times theta are these values.
    ///
    /// Rows that are combinations of others or that the data do not determine take no part, and no degree of freedom.
    package func waldTest(
        _ rows: [[Double]], values: [Double], covariance: DenseMatrix, kind: CovarianceKind
    ) throws -> HypothesisTest {
        let matrix = DenseMatrix(rows: rows, columnCount: names.count)
        let difference = zip(matrix * point, values).map { $0 - $1 }
        let inverse = try InformationInverse(of: covariance.congruent(by: matrix))
        let statistic = inverse.inverse.form(difference, difference)
        let rank = inverse.rank
        if case .studentT(let degrees) = reference(kind) {
            return HypothesisTest(
                kind: .wald, statistic: statistic / Double(rank), distribution: .fisherF(rank, degrees),
                isRobust: kind.isRobust)
        }
        return HypothesisTest(
            kind: .wald, statistic: statistic, distribution: .chiSquare(rank), isRobust: kind.isRobust)
    }

    /// The maximum of the likelihood where some parameters are zero.
    package func maximum(dropping dropped: [Int]) throws -> Maximum {
        try maximizer.maximum(of: model, within: Subspace(zero: dropped, from: nullStart(dropped)))
    }

    /// Where a fit without some parameters begins: at the model's start if nothing but intercepts is left.
    private func nullStart(_ dropped: [Int]) -> [Double] {
        let start = model.start
        let set = Set(dropped)
        let isNull = start.indices.allSatisfy { set.contains($0) || start[$0] != 0 }
        return isNull ? start : point
    }

    /// The score test at a constrained maximum.
    ///
    /// With a robust kind the generalized one (Boos, 1992), whose variance of C H^-1 s is C H^-1 J H^-1 C^T.
    ///
    /// - Parameter rows: C, the functions of the parameters that the constraint fixes.
    package func scoreTest(
        at constrained: Maximum, _ rows: [[Double]], degrees: Int, kind: CovarianceKind
    ) throws -> HypothesisTest {
        let score = constrained.evaluation.score
        guard kind.isRobust else {
            let inverse = try InformationInverse(of: constrained.evaluation.expected)
            let dispersion = model is RegressionModel && estimatesQuasi ? scale : 1
            return HypothesisTest(
                kind: .score, statistic: inverse.inverse.form(score, score) / dispersion,
                distribution: .chiSquare(degrees), isRobust: false)
        }
        let matrix = DenseMatrix(rows: rows, columnCount: names.count)
        let inverse = try InformationInverse(of: constrained.evaluation.observed).inverse
        let variance =
            kind == .cluster
            ? (model as? RegressionModel)?.clusterVariance(at: constrained.point)
            : try model.unitVariance(at: constrained.point)
        guard let variance else {
            throw InferenceFault("a covariance by clusters needs --cluster and its column")
        }
        let moved = matrix * (inverse * score)
        let spread = variance.matrix.congruent(by: matrix * inverse)
        return HypothesisTest(
            kind: .score, statistic: try InformationInverse(of: spread).inverse.form(moved, moved),
            distribution: .chiSquare(degrees), isRobust: true)
    }

    /// Twice the log-likelihood that a constraint costs; it supposes a right model.
    package func likelihoodRatioTest(against constrained: Maximum, degrees: Int) -> HypothesisTest {
        let statistic = max(0, 2 * (logLikelihood - constrained.evaluation.logLikelihood))
        guard estimatesQuasi else {
            return HypothesisTest(
                kind: .likelihoodRatio, statistic: statistic, distribution: .chiSquare(degrees),
                isRobust: false)
        }
        return HypothesisTest(
            kind: .likelihoodRatio, statistic: statistic / scale / Double(degrees),
            distribution: .fisherF(degrees, residualDegrees), isRobust: false)
    }

    /// Whether the dispersion is outside the likelihood: that of a Gaussian is within.
    private var estimatesQuasi: Bool {
        guard let model = model as? RegressionModel else { return false }
        return model.family != .gaussian && scale != 1
    }

    /// The three tests that some parameters are zero.
    ///
    /// Their degrees of freedom are the directions that the constraint takes from those that the data determine.
    package func tests(
        dropping dropped: [Int], covariance: DenseMatrix, kind: CovarianceKind
    ) throws -> [HypothesisTest] {
        let rows = dropped.map { index in names.indices.map { $0 == index ? 1.0 : 0 } }
        let constrained = try maximum(dropping: dropped)
        let remaining = names.indices.filter { !dropped.contains($0) }
        let rest = try InformationInverse(of: maximum.evaluation.expected.block(remaining)).rank
        let degrees = rank - rest
        guard degrees > 0 else { return [] }
        return [
            try waldTest(
                rows, values: rows.map { _ in 0 }, covariance: covariance, kind: kind),
            try scoreTest(at: constrained, rows, degrees: degrees, kind: kind),
            likelihoodRatioTest(against: constrained, degrees: degrees),
        ]
    }

    /// The three tests that a linear function has a value.
    package func tests(
        _ function: [Double], equals value: Double, covariance: DenseMatrix, kind: CovarianceKind
    ) throws -> [HypothesisTest] {
        let space = Subspace(
            function, equals: value, from: point, along: expected.inverse * function)
        let constrained = try maximizer.maximum(of: model, within: space)
        return [
            try waldTest([function], values: [value], covariance: covariance, kind: kind),
            try scoreTest(at: constrained, [function], degrees: 1, kind: kind),
            likelihoodRatioTest(against: constrained, degrees: 1),
        ]
    }
}
