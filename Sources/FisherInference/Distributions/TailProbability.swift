import FisherInformation
import Foundation

/// The distribution by which a statistic is judged.
package enum ReferenceDistribution: Hashable, Sendable {
    case normal
    case studentT(Double)
    case chiSquare(Int)
    case fisherF(Int, Double)

    /// The name in tables.
    package var name: String {
        switch self {
        case .normal: "normal"
        case .studentT(let degrees): "t(\(Self.text(degrees)))"
        case .chiSquare(let degrees): "chi2(\(degrees))"
        case .fisherF(let first, let second): "F(\(first), \(Self.text(second)))"
        }
    }

    private static func text(_ degrees: Double) -> String { String(format: "%g", degrees) }

    /// P(|X| >= |x|) of the normal and t, P(X >= x) of chi-square and F.
    package func tail(_ x: Double) -> Double {
        switch self {
        case .normal: erfc(abs(x) / 2.0.squareRoot())
        case .studentT(let degrees): Self.fTail(x * x, 1, degrees)
        case .chiSquare(let degrees): ChiSquare.survival(x, degreesOfFreedom: degrees)
        case .fisherF(let first, let second): Self.fTail(x, Double(first), second)
        }
    }

    /// The x whose two-sided tail (normal, t) or upper tail (chi-square, F) is `probability`.
    package func quantile(tail probability: Double) -> Double {
        var (low, high) = (0.0, 1.0)
        while tail(high) > probability, high < 1e300 { (low, high) = (high, high * 2) }
        for _ in 0..<200 {
            let middle = (low + high) / 2
            if middle <= low || middle >= high { break }
            if tail(middle) > probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// P(F >= x): the regularized incomplete beta I_{d2 / (d2 + d1 x)}(d2 / 2, d1 / 2).
    private static func fTail(_ x: Double, _ d1: Double, _ d2: Double) -> Double {
        guard x > 0 else { return x.isNaN ? .nan : 1 }
        guard x.isFinite else { return 0 }
        return incompleteBeta(d2 / (d2 + d1 * x), 1 - d2 / (d2 + d1 * x), d2 / 2, d1 / 2)
    }

    /// I_x(a, b) by its continued fraction on the side where it converges fast (Numerical Recipes, 6.4).
    private static func incompleteBeta(_ x: Double, _ complement: Double, _ a: Double, _ b: Double) -> Double
    {
        if x <= 0 { return 0 }
        if complement <= 0 { return 1 }
        let front = exp(
            ChiSquare.logGamma(a + b) - ChiSquare.logGamma(a) - ChiSquare.logGamma(b) + a * log(x) + b
                * log(complement))
        return x < (a + 1) / (a + b + 2)
            ? front * fraction(x, a, b) / a : 1 - front * fraction(complement, b, a) / b
    }

    private static func fraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        let tiny = 1e-300
        func away(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / away(1 - (a + b) * x / (a + 1))
        var h = d
        for m in 1...10_000 {
            let k = Double(m)
            let even = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
            d = 1 / away(1 + even * d)
            c = away(1 + even / c)
            h *= d * c
            let odd = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
            d = 1 / away(1 + odd * d)
            c = away(1 + odd / c)
            h *= d * c
            if abs(d * c - 1) < 1e-16 { break }
        }
        return h
    }
}
