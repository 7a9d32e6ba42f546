import Foundation
import Torch

/// Draws from the distributions of responses; equal generators give equal draws.
package struct RandomDraws: Sendable {
    private var generator: Xoshiro256
    private var spare: Double?

    package init(seed: UInt64) { generator = Xoshiro256(seed: seed) }

    /// The next 64 bits, for the seed of another generator.
    package mutating func bits() -> UInt64 { generator.next() }

    /// Uniform on (0, 1).
    package mutating func uniform() -> Double { (Double(generator.next() >> 11) + 0.5) * 0x1p-53 }

    /// Standard normal (Marsaglia's polar method).
    package mutating func normal() -> Double {
        if let value = spare {
            spare = nil
            return value
        }
        while true {
            let (u, v) = (2 * uniform() - 1, 2 * uniform() - 1)
            let square = u * u + v * v
            guard square > 0, square < 1 else { continue }
            let scale = (-2 * log(square) / square).squareRoot()
            spare = v * scale
            return u * scale
        }
    }

    /// Gamma with a shape and scale 1 (Marsaglia and Tsang, 2000).
    package mutating func gamma(shape: Double) -> Double {
        if shape < 1 { return gamma(shape: shape + 1) * pow(uniform(), 1 / shape) }
        let d = shape - 1 / 3.0
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
            guard v > 0 else { continue }
            if log(uniform()) < x * x / 2 + d - d * v + d * log(v) { return d * v }
        }
    }

    /// The number of successes of `trials`: each is drawn where they are few, and halved by order statistics (Devroye,
    /// X.4.3) while they are many.
    package mutating func binomial(_ trials: Int, _ probability: Double) -> Int {
        var (count, p, found) = (trials, probability, 0)
        while count > 40 {
            // The k-th smallest of n uniforms is Beta(k, n + 1 - k).
            let k = (count + 1) / 2
            let (a, b) = (gamma(shape: Double(k)), gamma(shape: Double(count + 1 - k)))
            let middle = a / (a + b)
            if middle <= p {
                found += k
                p = (p - middle) / (1 - middle)
                count -= k
            } else {
                p /= middle
                count = k - 1
            }
        }
        for _ in 0..<count where uniform() < p { found += 1 }
        return found
    }

    /// Poisson: by multiplication where the mean is small, and by reduction to gamma and binomial draws where it is large
    /// (Ahrens and Dieter, 1974).
    package mutating func poisson(_ mean: Double) -> Int {
        var (mean, found) = (mean, 0)
        while mean > 30 {
            let k = Int(mean * 7 / 8)
            let time = gamma(shape: Double(k))
            if time > mean { return found + binomial(k - 1, mean / time) }
            found += k
            mean -= time
        }
        let limit = exp(-mean)
        var (product, count) = (uniform(), 0)
        while product > limit {
            product *= uniform()
            count += 1
        }
        return found + count
    }

    /// An index with a probability proportional to its weight.
    package mutating func index(_ weights: [Double]) -> Int {
        var rest = uniform() * weights.reduce(0, +)
        for (index, weight) in weights.enumerated() {
            rest -= weight
            if rest < 0 { return index }
        }
        return weights.lastIndex { $0 > 0 } ?? 0
    }
}
