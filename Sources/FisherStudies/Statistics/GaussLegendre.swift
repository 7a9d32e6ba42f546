import FisherInformation
import Foundation

/// The nodes and weights of Gauss-Legendre quadrature on an interval: exact for polynomials of degree 2 n - 1.
struct GaussLegendre: Sendable {
    /// The places at which the integrand is evaluated, from the lower end upwards.
    let nodes: [Double]
    /// Their weights, whose sum is the interval's length.
    let weights: [Double]

    /// The rule of `count` nodes on an interval.
    init(_ count: Int, over interval: ClosedRange<Double>) {
        let middle = (interval.lowerBound + interval.upperBound) / 2
        let half = (interval.upperBound - interval.lowerBound) / 2
        var nodes: [Double] = []
        var weights: [Double] = []
        for index in (0..<count).reversed() {
            // Newton's method from the asymptotic place of a root of the Legendre polynomial.
            var x = cos(Double.pi * (Double(index) + 0.75) / (Double(count) + 0.5))
            var slope = 1.0
            for _ in 0..<100 {
                var (value, before) = (1.0, 0.0)
                for degree in 1...count {
                    let k = Double(degree)
                    (value, before) = (((2 * k - 1) * x * value - (k - 1) * before) / k, value)
                }
                slope = Double(count) * (x * value - before) / (x * x - 1)
                let change = value / slope
                x -= change
                if abs(change) < 1e-15 { break }
            }
            nodes.append(middle + half * x)
            weights.append(2 * half / ((1 - x * x) * slope * slope))
        }
        self.nodes = nodes
        self.weights = weights
    }
}

/// The distribution of the root of chi-square over its degrees of freedom, as nodes with weights: the ratio of an
/// estimated standard deviation to the true one.
struct ScaleQuadrature: Sendable {
    /// The ratios, and the probability that each stands for.
    let points: [(ratio: Double, weight: Double)]

    /// The distribution with some degrees of freedom, one or more.
    init(degreesOfFreedom: Int) {
        let degrees = Double(degreesOfFreedom)
        // Beyond ten standard deviations, 1 / (2 nu) their square, there is less than rounding.
        let reach = 10 / (2 * degrees).squareRoot()
        let rule = GaussLegendre(96, over: max(0, 1 - reach)...(1 + reach))
        let constant = log(2.0) + degrees / 2 * log(degrees / 2) - ChiSquare.logGamma(degrees / 2)
        points = zip(rule.nodes, rule.weights).map { ratio, weight in
            let logarithm = constant + (degrees - 1) * log(ratio) - degrees * ratio * ratio / 2
            return (ratio, weight * exp(logarithm))
        }
    }
}
