import Foundation

/// The mean negative log-likelihood of data under a normal distribution, as a function of (mu, sigma): it depends on the data
/// by their mean and variance only.
package struct NormalObjective: Hashable, Sendable {
    /// The data's mean.
    package let mean: Double
    /// The data's variance, divided by their number.
    package let variance: Double

    package init(mean: Double, variance: Double) {
        self.mean = mean
        self.variance = variance
    }

    /// log sigma + (variance + (mu - mean)^2) / (2 sigma^2), without the constant log(2 pi) / 2.
    package func loss(at point: Pair) -> Double {
        let distance = point.x - mean
        return log(point.y) + (variance + distance * distance) / (2 * point.y * point.y)
    }

    /// The derivatives by mu and sigma.
    package func gradient(at point: Pair) -> Pair {
        let (distance, deviation) = (point.x - mean, point.y)
        let square = deviation * deviation
        return Pair(
            distance / square, 1 / deviation - (variance + distance * distance) / (square * deviation))
    }

    /// F^-1 g.
    package func naturalGradient(at point: Pair) -> Pair {
        gradient(at: point) / NormalFamily.information(at: point)
    }

    /// Where the natural gradient's flow d theta/dt = -F^-1 g has led from `start` after a time t.
    ///
    /// The mean and the second moment approach those of the data as e^-t, as the expectation parameters of every exponential
    /// family do.
    package func naturalFlow(from start: Pair, after time: Double) -> Pair {
        let decay = exp(-time)
        let mu = mean + (start.x - mean) * decay
        let target = variance + mean * mean
        let second = target + (start.x * start.x + start.y * start.y - target) * decay
        return Pair(mu, (second - mu * mu).squareRoot())
    }
}
