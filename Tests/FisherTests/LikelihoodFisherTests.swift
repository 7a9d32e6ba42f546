import Fisher
import Foundation
import Testing

/// Scores, informations, Hessians and divergences of every likelihood against what they mean.
@Suite struct LikelihoodFisherTests {
    /// The model's own scores have mean zero and the variance F.
    ///
    /// 200,000 draws from a fixed seed. Each element of the mean and of the mean outer product must lie within
    /// 5 standard errors of what it should be: were the draws fresh, one of some 120 elements would be outside
    /// in one of 15,000 runs. A wrong element of more than about 2 % of F is found.
    @Test(arguments: LikelihoodKind.allCases)
    func theVarianceOfTheScoreIsTheFisher(_ kind: LikelihoodKind) throws {
        let point = try kind.outputs([1], seed: 3)
        let draws = 200_000
        let repeated = Tensor.zeros([draws, 1], dtype: .float64) + point
        let outputs = try repeated.copy().requiringGradient()
        let scores = try sampledScores(try kind(outputs), outputs, try RandomGenerator(seed: 8))
        let fisher = try denseFisher(try kind(point))
        let n = Double(draws)
        for i in 0..<kind.width {
            let s = scores.selecting(-1, i)
            let mean = try s.mean().item()
            let sigma = (fisher[i][i] / n).squareRoot()
            #expect(abs(mean) < 5 * sigma, "the mean score of output \(i)")
            for j in 0...i {
                let products = s * scores.selecting(-1, j)
                let found = try products.mean().item()
                let spread = (try (products - found).squared().mean().item() / n).squareRoot()
                // Some products do not vary at all: the squared score of a Laplace location.
                #expect(abs(found - fisher[i][j]) < 5 * spread + 1e-9, "F[\(i)][\(j)]")
            }
        }
    }

    private func sampledScores<Model: Samplable>(
        _ likelihood: Model, _ outputs: Tensor, _ generator: RandomGenerator
    ) throws -> Tensor {
        let loss = likelihood.negativeLogLikelihood(of: likelihood.sample(using: generator))
        return try #require(try gradients(of: loss, withRespectTo: [outputs])[0])
    }

    /// F of a single observation, column by column.
    private func denseFisher(_ likelihood: some ClosedFormFisher) throws -> [[Double]] {
        let width = likelihood.outputs.count
        return try (0..<width).map { i in
            var unit = [Double](repeating: 0, count: width)
            unit[i] = 1
            return try likelihood.outputFisherProduct(Tensor(unit, shape: [1, width])).scalars()
        }
    }

    /// KL(z || z + h d) = (1 + O(h)) h^2 d^T F d / 2: halving h halves the relative rest, once the next term of
    /// the series is small beside it.
    @Test(arguments: LikelihoodKind.allCases)
    func theDivergenceIsHalfTheFisherNorm(_ kind: LikelihoodKind) throws {
        let z = try kind.outputs([3, 2], seed: 5)
        let d = try kind.outputs([3, 2], seed: 6)
        let likelihood = try kind(z)
        let norm = try (d * likelihood.outputFisherProduct(d)).sum().item()
        #expect(norm > 0.1)
        let sizes = (7...12).map { pow(0.5, Double($0)) }
        let rests = try sizes.map { h in
            try divergence(of: likelihood, from: try kind(z + d * h)) / (h * h * norm / 2) - 1
        }
        #expect(abs(rests[5]) < 1e-3)
        for (rest, next) in zip(rests, rests.dropFirst()) {
            if kind == .gaussian || kind == .narrowGaussian {
                // There the divergence is the quadratic form itself.
                #expect(abs(next) < 1e-8)
            } else {
                let slope = log2(abs(rest / next))
                #expect(abs(slope - 1) < 0.1, "relative rests \(rest), \(next)")
            }
        }
        #expect(try divergence(of: likelihood, from: likelihood) == 0)
        #expect(try divergence(of: likelihood, from: try kind(z + d)) > 0)
    }

    @Test(arguments: LikelihoodKind.allCases)
    func factorsMakeTheProduct(_ kind: LikelihoodKind) throws {
        let likelihood = try kind(try kind.outputs([2, 3], seed: 7))
        let v = try kind.outputs([2, 3], seed: 9)
        let factors = likelihood.outputFisherFactors()
        #expect(factors.count == likelihood.outputFisherFactorCount)
        #expect(factors.count == kind.rank)
        var sum = Tensor.zeros(like: v)
        for b in factors {
            #expect(b.shape == v.shape)
            sum = sum + b * (b * v).sum(along: -1, keepingDimensions: true)
        }
        #expect(try relativeError(sum, likelihood.outputFisherProduct(v)) < 1e-13)
    }

    /// H v against autograd, which differentiates the loss twice, and against F v.
    @Test(arguments: LikelihoodKind.withHessian)
    func theHessianIsTheFisher(_ kind: LikelihoodKind) throws {
        let outputs = try kind.outputs([4], seed: 11).requiringGradient()
        try checkHessian(try kind(outputs), outputs, try kind.outputs([4], seed: 12))
    }

    private func checkHessian<Model: ClosedFormFisher & Samplable>(
        _ likelihood: Model, _ outputs: Tensor, _ v: Tensor
    ) throws {
        let observed = likelihood.sample(using: try RandomGenerator(seed: 13))
        let loss = likelihood.negativeLogLikelihood(of: observed)
        let slope = try #require(try gradients(of: loss, withRespectTo: [outputs], createGraph: true)[0])
        let expected = try #require(try gradients(of: (slope * v).sum(), withRespectTo: [outputs])[0])
        let found = try likelihood.outputHessianProduct(of: observed, v)
        #expect(try relativeError(found, expected) < 1e-12)
        #expect(try relativeError(found, likelihood.outputFisherProduct(v)) < 1e-15)
        #expect(!found.requiresGradient)
    }

    @Test func aLearnedVarianceHasAnIndefiniteHessian() throws {
        // One element, z = (y - mean)^2/variance: the determinant is -z/(2 variance).
        let outputs = try Tensor([0.2, -0.4], shape: [1, 2]).requiringGradient()
        let likelihood = Gaussian(meanAndLogVariance: outputs)
        let loss = likelihood.negativeLogLikelihood(of: Tensor([1.5], shape: [1, 1]))
        let slope = try #require(try gradients(of: loss, withRespectTo: [outputs], createGraph: true)[0])
        let rows = try (0..<2).map { i -> [Double] in
            let row = try gradients(
                of: slope.flattened().selecting(0, i), withRespectTo: [outputs], keepGraph: true)
            return try #require(row[0]).scalars()
        }
        let determinant = rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]
        let variance = exp(-0.4)
        #expect(abs(determinant + 1.3 * 1.3 / variance / (2 * variance)) < 1e-12)
        #expect(throws: LikelihoodError.self) {
            try likelihood.outputHessianProduct(of: Tensor([1.5], shape: [1, 1]), .ones([1, 2]))
        }
    }

    @Test(arguments: LikelihoodKind.allCases)
    func equalGeneratorsGiveEqualDraws(_ kind: LikelihoodKind) throws {
        func losses(_ likelihood: some Samplable, _ seed: UInt64) throws -> [Double] {
            let draw = likelihood.sample(using: try RandomGenerator(seed: seed))
            return try likelihood.perObservationNegativeLogLikelihood(of: draw).scalars()
        }
        let likelihood = try kind(try kind.outputs([50], seed: 2))
        #expect(try losses(likelihood, 1) == losses(likelihood, 1))
        #expect(try losses(likelihood, 1) != losses(likelihood, 2))
    }
}
