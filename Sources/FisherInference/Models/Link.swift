import Foundation

/// The function by which a mean depends on its linear predictor eta.
package enum Link: String, CaseIterable, Codable, Hashable, Sendable {
    case identity, log, logit, probit, cloglog

    /// The mean with its first two derivatives by eta.
    func mean(_ eta: Double) -> (value: Double, first: Double, second: Double) {
        switch self {
        case .identity: return (eta, 1, 0)
        case .log:
            let value = exp(eta)
            return (value, value, value)
        case .logit:
            let p = 1 / (1 + exp(-eta))
            let first = p * complement(eta)
            return (p, first, first * (complement(eta) - p))
        case .probit:
            let density = exp(-eta * eta / 2) / (2 * Double.pi).squareRoot()
            return (erfc(-eta / 2.0.squareRoot()) / 2, density, -eta * density)
        case .cloglog:
            let rate = exp(eta)
            let first = rate * exp(-rate)
            return (-expm1(-rate), first, first * (1 - rate))
        }
    }

    /// One less the mean, without cancellation.
    func complement(_ eta: Double) -> Double {
        switch self {
        case .identity: 1 - eta
        case .log: -expm1(eta)
        case .logit: 1 / (1 + exp(eta))
        case .probit: erfc(eta / 2.0.squareRoot()) / 2
        case .cloglog: exp(-exp(eta))
        }
    }

    /// The eta of a mean.
    func predictor(of mean: Double) -> Double {
        switch self {
        case .identity: mean
        case .log: Foundation.log(mean)
        case .logit: Foundation.log(mean / (1 - mean))
        // A start needs no more than the logistic approximation.
        case .probit: Foundation.log(mean / (1 - mean)) / 1.6
        case .cloglog: Foundation.log(-log1p(-mean))
        }
    }
}
