import Foundation

/// The log-likelihood of every row and its derivatives by the row's linear predictors, of which there are `width`.
struct RowTerms {
    let width: Int
    var logLikelihood = 0.0
    /// [row, predictor]
    var gradients: [Double]
    /// [row, predictor, predictor]
    var expected: [Double]
    /// [row, predictor, predictor]; empty where it is the expected one.
    var observed: [Double] = []
}

/// A response of one mean: Gaussian with variance 1, binomial, Poisson.
struct MeanKernel {
    let family: ModelFamily
    let link: Link

    var isCanonical: Bool { family.links[0] == link }

    /// log p without the terms that depend on the response only.
    @inline(__always)
    func logLikelihood(_ y: Double, _ trials: Double, _ eta: Double) -> Double {
        switch (family, link) {
        case (.gaussian, .identity): return -(y - eta) * (y - eta) / 2
        case (.gaussian, _):
            let mean = link.mean(eta).value
            return -(y - mean) * (y - mean) / 2
        case (.binomial, .logit):
            return y * eta - trials * (eta > 0 ? eta + log1p(exp(-eta)) : log1p(exp(eta)))
        case (.binomial, _):
            let mean = link.mean(eta).value
            let rest = trials - y
            return (y > 0 ? y * log(mean) : 0)
                + (rest > 0 ? rest * (link == .cloglog ? -exp(eta) : log(link.complement(eta))) : 0)
        case (_, .log): return y * eta - exp(eta)
        default: return eta > 0 ? y * log(eta) - eta : -.infinity
        }
    }

    /// The derivative by eta, its variance, and minus the second derivative.
    @inline(__always)
    func derivatives(
        _ y: Double, _ trials: Double, _ eta: Double
    ) -> (score: Double, expected: Double, observed: Double) {
        if family == .gaussian, link == .identity { return (y - eta, 1, 1) }
        if family == .poisson, link == .log {
            let mean = exp(eta)
            return (y - mean, mean, mean)
        }
        let (mean, first, second) = link.mean(eta)
        switch family {
        case .gaussian: return ((y - mean) * first, first * first, first * first - (y - mean) * second)
        case .binomial:
            let rest = link.complement(eta)
            let variance = mean * rest
            if link == .logit { return (y - trials * mean, trials * variance, trials * variance) }
            guard variance > 0 else { return (0, 0, 0) }
            let (residual, expected) = (y - trials * mean, trials * first * first / variance)
            let ratio = first / variance
            return (
                residual * ratio, expected,
                expected - residual * (second / variance - ratio * ratio * (rest - mean))
            )
        default:
            guard mean > 0 else { return (0, 0, 0) }
            let expected = first * first / mean
            return (
                (y - mean) * first / mean, expected,
                expected - (y - mean) * (second / mean - first * first / (mean * mean))
            )
        }
    }
}

/// One of several levels: softmax of the predictors of all but the first.
struct CategoricalKernel {
    /// Writes the probabilities of the levels; returns log p of the level `y`.
    func probabilities(
        _ y: Int, _ eta: UnsafePointer<Double>, into p: UnsafeMutablePointer<Double>, width: Int
    )
        -> Double
    {
        var largest = 0.0
        for k in 0..<width { largest = max(largest, eta[k]) }
        p[0] = exp(-largest)
        var total = p[0]
        for k in 0..<width {
            p[k + 1] = exp(eta[k] - largest)
            total += p[k + 1]
        }
        for k in 0...width { p[k] /= total }
        return (y == 0 ? 0 : eta[y - 1]) - largest - log(total)
    }
}

/// One of several ordered levels: P(Y <= j) = logistic(eta_j).
struct OrdinalKernel {
    /// logistic(a) - logistic(b) for a > b, without cancellation.
    private func difference(_ a: Double, _ b: Double) -> Double {
        logistic(a) * logistic(-b) * -expm1(b - a)
    }

    private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    /// The probability of a level, from the predictors of its upper and lower limit.
    func probability(_ y: Int, _ eta: UnsafePointer<Double>, width: Int) -> Double {
        if y == 0 { return logistic(eta[0]) }
        if y == width { return logistic(-eta[width - 1]) }
        return eta[y] > eta[y - 1] ? difference(eta[y], eta[y - 1]) : 0
    }

    /// Adds a row's derivatives, times its weight.
    func add(
        _ y: Int, _ weight: Double, _ eta: UnsafePointer<Double>, width: Int,
        gradient: UnsafeMutablePointer<Double>, expected: UnsafeMutablePointer<Double>,
        observed: UnsafeMutablePointer<Double>
    ) {
        func density(_ j: Int) -> Double { logistic(eta[j]) * logistic(-eta[j]) }
        func slope(_ j: Int) -> Double { density(j) * (logistic(-eta[j]) - logistic(eta[j])) }
        let p = probability(y, eta, width: width)
        if y < width {
            gradient[y] += weight * density(y) / p
            observed[y * width + y] += weight * (density(y) * density(y) / p - slope(y)) / p
        }
        if y > 0 {
            gradient[y - 1] -= weight * density(y - 1) / p
            observed[(y - 1) * width + y - 1] +=
                weight * (density(y - 1) * density(y - 1) / p + slope(y - 1)) / p
        }
        if y > 0, y < width {
            let cross = -weight * density(y) * density(y - 1) / (p * p)
            observed[y * width + y - 1] += cross
            observed[(y - 1) * width + y] += cross
        }
        var before = probability(0, eta, width: width)
        for j in 0..<width {
            let after = probability(j + 1, eta, width: width)
            expected[j * width + j] += weight * density(j) * density(j) * (1 / before + 1 / after)
            if j + 1 < width {
                let cross = -weight * density(j) * density(j + 1) / after
                expected[j * width + j + 1] += cross
                expected[(j + 1) * width + j] += cross
            }
            before = after
        }
    }
}
