import Foundation

/// The chi-square distribution, for score tests and the spread of an estimated variance.
package enum ChiSquare {
    /// P(X >= x) for k degrees of freedom: the upper regularized incomplete gamma function Q(k/2, x/2), by
    /// its series below the mean and its continued fraction above (Abramowitz and Stegun 6.5.29 and 6.5.31).
    package static func survival(_ x: Double, degreesOfFreedom k: Int) -> Double {
        if x.isNaN { return .nan }
        guard x > 0, k > 0 else { return 1 }
        guard x.isFinite else { return 0 }
        let (a, y) = (Double(k) / 2, x / 2)
        let front = exp(a * log(y) - y - logGamma(a))
        return y < a + 1 ? 1 - front * series(a, y) : front * fraction(a, y)
    }

    /// The x with P(X <= x) = p, for 0 < p < 1: bisection.
    package static func quantile(_ p: Double, degreesOfFreedom k: Int) -> Double {
        precondition(p > 0 && p < 1, "a probability within (0, 1), not \(p)")
        var (low, high) = (0.0, Double(k) + 10)
        while 1 - survival(high, degreesOfFreedom: k) < p { high *= 2 }
        for _ in 0..<200 where high - low > 1e-14 * high {
            let middle = (low + high) / 2
            if 1 - survival(middle, degreesOfFreedom: k) < p { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// log Gamma(a) for a > 0, from Stirling's series past 10; `lgamma` writes a global sign.
    package static func logGamma(_ a: Double) -> Double {
        var (x, shift) = (a, 0.0)
        while x < 10 {
            shift -= log(x)
            x += 1
        }
        let r = 1 / (x * x)
        let tail = (1 / 12.0 - r * (1 / 360.0 - r * (1 / 1260.0 - r * (1 / 1680.0 - r / 1188)))) / x
        return shift + (x - 0.5) * log(x) - x + 0.5 * log(2 * Double.pi) + tail
    }

    private static func series(_ a: Double, _ y: Double) -> Double {
        var (term, sum, n) = (1 / a, 1 / a, a)
        while abs(term) > abs(sum) * 1e-16 {
            n += 1
            term *= y / n
            sum += term
        }
        return sum
    }

    /// Lentz's evaluation, which steps over vanishing denominators.
    private static func fraction(_ a: Double, _ y: Double) -> Double {
        let tiny = 1e-300
        var b = y + 1 - a
        var (c, d) = (1 / tiny, 1 / b)
        var h = d
        for i in 1...100_000 {
            let n = -Double(i) * (Double(i) - a)
            b += 2
            d = n * d + b
            if abs(d) < tiny { d = tiny }
            c = b + n / c
            if abs(c) < tiny { c = tiny }
            d = 1 / d
            h *= d * c
            if abs(d * c - 1) < 1e-15 { break }
        }
        return h
    }
}

/// The standard normal distribution.
package enum StandardNormal {
    /// P(X <= x).
    package static func probability(upTo x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

    /// The density at x.
    package static func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * Double.pi).squareRoot() }

    /// The x with P(X <= x) = p, for 0 < p < 1: bisection on `erfc`, which is exact in both tails.
    package static func quantile(_ p: Double) -> Double {
        var (low, high) = (-40.0, 40.0)
        for _ in 0..<200 {
            let middle = (low + high) / 2
            if probability(upTo: middle) < p { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
