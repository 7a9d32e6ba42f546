import Foundation

/// The chi-square distribution with a whole number of degrees of freedom: the spread of an estimated variance.
struct ChiSquare: Sendable {
    /// The degrees of freedom, one or more.
    let degreesOfFreedom: Int

    /// The probability of a value of at most `x`: the regularized incomplete gamma function P(nu / 2, x / 2).
    func probability(upTo x: Double) -> Double {
        let (a, z) = (Double(degreesOfFreedom) / 2, x / 2)
        guard z > 0 else { return 0 }
        let factor = exp(a * log(z) - z - lgamma(a))
        if z < a + 1 {
            var (term, sum, k) = (1 / a, 1 / a, a)
            while term > sum * 1e-17 {
                k += 1
                term *= z / k
                sum += term
            }
            return factor * sum
        }
        // The continued fraction of the upper function, by Lentz's method.
        var b = z + 1 - a
        var c = 1e300
        var d = 1 / b
        var value = d
        for k in 1..<1000 {
            let n = -Double(k) * (Double(k) - a)
            b += 2
            d = 1 / (n * d + b)
            c = b + n / c
            value *= c * d
            if abs(c * d - 1) < 1e-16 { break }
        }
        return 1 - factor * value
    }

    /// The value below which a share of the distribution lies.
    func quantile(_ probability: Double) -> Double {
        precondition(probability > 0 && probability < 1)
        var (low, high) = (0.0, Double(degreesOfFreedom) + 10)
        while self.probability(upTo: high) < probability { high *= 2 }
        for _ in 0..<200 where high - low > 1e-14 * high {
            let middle = (low + high) / 2
            if self.probability(upTo: middle) < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}

extension SampleSummary {
    /// The 95 % interval of the standard deviation of normal numbers, from chi-square; nil for fewer than three.
    public var deviationInterval: ClosedRange<Double>? {
        guard let standardDeviation, count > 2 else { return nil }
        let degrees = Double(count - 1)
        let distribution = ChiSquare(degreesOfFreedom: count - 1)
        func end(_ share: Double) -> Double {
            standardDeviation * (degrees / distribution.quantile(share)).squareRoot()
        }
        return end(0.975)...max(end(0.975), end(0.025))
    }
}
