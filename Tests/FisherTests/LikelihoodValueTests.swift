import Fisher
import Foundation
import Testing

/// Losses against their formulas, written out in double.
@Suite struct LikelihoodValueTests {
    static func values(_ tensor: Tensor) throws -> [Double] { try tensor.scalars() }

    static func close(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-14) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
    }

    @Test func categorical() throws {
        let z = [0.5, -1, 2, 0, 0, 3]
        let likelihood = Categorical(logits: Tensor(z, shape: [2, 3]))
        let losses = try Self.values(
            likelihood.perObservationNegativeLogLikelihood(of: Tensor([2, 0] as [Int64])))
        let expected = [
            log(exp(0.5) + exp(-1) + exp(2)) - 2,
            log(exp(0) + exp(0) + exp(3)),
        ]
        #expect(Self.close(losses, expected))
    }

    /// The small loss of a sure bit keeps all its digits, on either side.
    @Test func bernoulli() throws {
        let z = [0.7, -2, 40, -40]
        let targets = [1.0, 0, 1, 0]
        for (logit, target) in zip(z, targets) {
            let loss = try Bernoulli(logits: Tensor([logit])).negativeLogLikelihood(of: Tensor([target]))
                .item()
            let expected = log1p(exp(target == 1 ? -logit : logit))
            #expect(abs(loss / expected - 1) < 1e-14)
        }
        // A target between 0 and 1 is the expectation over its roundings.
        let rounded = try Self.values(
            Bernoulli(logits: Tensor([0.7, 0.7], shape: [2, 1]))
                .perObservationNegativeLogLikelihood(of: Tensor([1.0, 0], shape: [2, 1])))
        let soft = try Bernoulli(logits: Tensor([0.7])).negativeLogLikelihood(of: Tensor([0.3])).item()
        #expect(abs(soft - (0.3 * rounded[0] + 0.7 * rounded[1])) < 1e-15)
    }

    @Test func gaussian() throws {
        let (mean, y) = ([0.3, -1, 2, 0.5], [1.0, -1.5, 1, 4])
        for variance in [1, 0.2, 9.0] {
            let likelihood = try Gaussian(mean: Tensor(mean, shape: [2, 2]), variance: variance)
            let constant = log(2 * .pi * variance) / 2
            let terms = zip(mean, y).map { pow($1 - $0, 2) / (2 * variance) + constant }
            let losses = try Self.values(
                likelihood.perObservationNegativeLogLikelihood(of: Tensor(y, shape: [2, 2])))
            #expect(Self.close(losses, [terms[0] + terms[1], terms[2] + terms[3]]))
        }
        let logVariance = [-1, 0.5, 2, 0.0]
        let apart = Gaussian(
            mean: Tensor(mean, shape: [2, 2]), logVariance: Tensor(logVariance, shape: [2, 2]))
        let terms = (0..<4).map { j -> Double in
            let square = pow(y[j] - mean[j], 2) / exp(logVariance[j])
            return (square + log(2 * .pi) + logVariance[j]) / 2
        }
        let losses = try Self.values(apart.perObservationNegativeLogLikelihood(of: Tensor(y, shape: [2, 2])))
        #expect(Self.close(losses, [terms[0] + terms[1], terms[2] + terms[3]]))
        #expect(try Self.values(apart.mean) == mean)
        #expect(try Self.values(apart.logVariance) == logVariance)
        #expect(try apart.observationCount(of: Tensor(y, shape: [2, 2])) == 2)
    }

    /// A fixed variance and the same one learned are one distribution: no divergence, either way round.
    @Test func gaussiansOfEitherKindCompare() throws {
        let mean = Tensor([0.3, -1, 2, 0.5], shape: [2, 2])
        let fixed = try Gaussian(mean: mean, variance: 0.25)
        let learned = Gaussian(mean: mean, logVariance: .full([2, 2], log(0.25), dtype: .float64))
        #expect(try abs(fixed.divergence(from: learned).item()) < 1e-15)
        let wide = try Gaussian(mean: mean + 1, variance: 2)
        let expected = 4 * ((0.25 + 1) / 2 - 1 + log(2 / 0.25)) / 2
        #expect(try abs(fixed.divergence(from: wide).item() - expected) < 1e-13)
        #expect(try abs(learned.divergence(from: wide).item() - expected) < 1e-13)
    }

    @Test func twoHot() throws {
        let bins = [-1.0, 0, 2, 10]
        let z = [0.5, -1, 2, 0.25]
        let total = log(z.map { exp($0) }.reduce(0, +))
        let likelihood = try TwoHot(logits: Tensor(z + z + z, shape: [3, 4]), bins: bins)
        let observed = Tensor([0.5, -1, 10])
        #expect(
            try Self.values(likelihood.weights(of: observed))
                == [0, 0.75, 0.25, 0, 1, 0, 0, 0, 0, 0, 0, 1])
        let losses = try Self.values(likelihood.perObservationNegativeLogLikelihood(of: .values(observed)))
        #expect(Self.close(losses, [total - 0.75 * z[1] - 0.25 * z[2], total - z[0], total - z[3]]))
        // The mean of the weights is the value.
        let many = Tensor.uniform(
            [100], from: -1, to: 10, dtype: .float64, using: try RandomGenerator(seed: 1))
        let weights = likelihood.weights(of: many)
        #expect(try relativeError(weights.matmul(Tensor(bins)), many) < 1e-14)
        #expect(try relativeError(weights.sum(along: -1), .ones([100], dtype: .float64)) < 1e-14)
        let p = z.map { exp($0 - total) }
        let mean = zip(p, bins).map { $0 * $1 }.reduce(0, +)
        #expect(Self.close(try Self.values(likelihood.expectedValue), [mean, mean, mean]))
    }

    /// The float32 nearest to 0.1 is larger than 0.1, and still a value at the last bin.
    @Test func twoHotAtItsEndsInSinglePrecision() throws {
        let likelihood = try TwoHot(logits: .zeros([2, 3]), bins: [-0.7, 0, 0.1])
        let ends = Tensor([-0.7, 0.1] as [Float])
        #expect(Self.close(try Self.values(likelihood.weights(of: ends)), [1, 0, 0, 0, 0, 1], 1e-7))
        #expect(likelihood.weights(of: ends * 1.001).failure != nil)
    }

    /// The expectation of the loss over the bins to which a value is rounded.
    @Test func theLossOfAValueIsItsExpectation() throws {
        let likelihood = try TwoHot(logits: Tensor([0.5, -1, 2], shape: [1, 3]), bins: [0, 1, 3])
        func loss(_ observed: TwoHot.Observation) throws -> Double {
            try likelihood.negativeLogLikelihood(of: observed).item()
        }
        let bins = try (0..<3).map { try loss(.bins(Tensor([Int64($0)]))) }
        let value = try loss(.values(Tensor([1.5])))
        #expect(abs(value - (0.75 * bins[1] + 0.25 * bins[2])) < 1e-15)
    }

    @Test func logitLaplace() throws {
        let (mu, logScale, x) = ([0.3, -1], [-0.5, 0.2], [0.9, 0.0])
        let likelihood = LogitLaplace(
            location: Tensor(mu, shape: [1, 2]), logScale: Tensor(logScale, shape: [1, 2]))
        let terms = (0..<2).map { j -> Double in
            let u = 0.8 * x[j] + 0.1
            let b = exp(logScale[j])
            return log(2 * b * u * (1 - u)) + abs(log(u / (1 - u)) - mu[j]) / b
        }
        let loss = try likelihood.negativeLogLikelihood(of: Tensor(x, shape: [1, 2])).item()
        #expect(abs(loss - terms[0] - terms[1]) < 1e-14)
        let median = (0..<2).map { (1 / (1 + exp(-mu[$0])) - 0.1) / 0.8 }
        #expect(Self.close(try Self.values(likelihood.median), median))
        // A draw from an extreme distribution is still an observation, in either precision.
        for dtype in [DType.float32, .float64] {
            let extreme = LogitLaplace(
                location: .full([1000, 1], 60, dtype: dtype), logScale: .full([1000, 1], 1, dtype: dtype))
            let draw = extreme.sample(using: try RandomGenerator(seed: 1))
            #expect(try extreme.negativeLogLikelihood(of: draw).item().isFinite)
        }
    }
}
