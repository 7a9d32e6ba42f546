import Foundation

extension LikelihoodFit {
    /// The values of a linear function that the likelihood-ratio test does not reject: those where
    /// 2 (l - max l) is at most the chi-square quantile of one degree of freedom, times a learned quasi-dispersion.
    ///
    /// An end is infinite where the likelihood stays above the limit up to 1,000 standard errors. Costs some five
    /// constrained fits an end.
    package func profileInterval(of function: [Double], level: Double) throws -> (
        lower: Double, upper: Double
    ) {
        let estimate = dot(function, point)
        let error = (expected.inverse.form(function, function) * scale).squareRoot()
        let root = ReferenceDistribution.normal.quantile(tail: 1 - level) * profileScale
        return (
            try end(function, estimate, error, root, sign: -1),
            try end(function, estimate, error, root, sign: 1)
        )
    }

    private var profileScale: Double {
        guard let model = model as? RegressionModel, model.family != .gaussian else { return 1 }
        return scale.squareRoot()
    }

    /// The root of r(x) = root(2 (max l - l(x))) - limit, where r grows nearly linearly away from the estimate.
    private func end(
        _ function: [Double], _ estimate: Double, _ error: Double, _ limit: Double, sign: Double
    ) throws -> Double {
        let direction = expected.inverse * function
        var start = point
        func excess(_ distance: Double) throws -> Double {
            let space = Subspace(
                function, equals: estimate + sign * distance * error, from: start, along: direction)
            do {
                let found = try maximizer.maximum(of: model, within: space)
                start = found.point
                return max(0, 2 * (logLikelihood - found.evaluation.logLikelihood)).squareRoot() - limit
            } catch let fault as FitError where fault.kind == .notFinite {
                // Beyond the range of the parameters.
                return .infinity
            }
        }
        var (low, below) = (0.0, -limit)
        var high = limit
        var above = try excess(high)
        while above < 0 {
            if high > 1000 { return sign * .infinity }
            (low, below) = (high, above)
            high *= 1.5
            above = try excess(high)
        }
        // Regula falsi with the Illinois halving, which keeps the root between its ends.
        var lastSide = 0
        for _ in 0..<60 where high - low > 1e-10 * high {
            let guess =
                above.isFinite ? (low * above - high * below) / (above - below) : (low + high) / 2
            let middle = guess > low && guess < high ? guess : (low + high) / 2
            let value = try excess(middle)
            if abs(value) < 1e-10 { return estimate + sign * middle * error }
            if value < 0 {
                (low, below) = (middle, value)
                if lastSide == -1 { above /= 2 }
                lastSide = -1
            } else {
                (high, above) = (middle, value)
                if lastSide == 1 { below /= 2 }
                lastSide = 1
            }
        }
        return estimate + sign * (low + high) / 2 * error
    }
}
