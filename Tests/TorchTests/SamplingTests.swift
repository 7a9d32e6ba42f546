import Foundation
import Testing
import Torch

/// Draws whose parameters are tensors, and the functions that likelihoods need.
@Suite struct SamplingTests {
    static let draws = 100_000

    /// A stream, or the numbers of single draws.
    private static func generator(_ seed: UInt64, byUnit: Bool) throws -> RandomGenerator {
        let stream = try RandomGenerator(seed: seed)
        return byUnit ? try UnitDraws(from: stream).generator(units: draws) : stream
    }

    /// The frequencies lie within 5 standard errors of the probabilities, from a fixed seed.
    @Test(arguments: [false, true])
    func frequencies(_ byUnit: Bool) throws {
        let generator = try Self.generator(1, byUnit: byUnit)
        let p = [0.1, 0.0, 0.6, 0.3]
        let rows = Tensor.zeros([Self.draws, 4], dtype: .float64) + Tensor(p)
        let drawn = rows.sampledCategories(using: generator)
        #expect(drawn.shape == [Self.draws] && drawn.dtype == .int64)
        let bits = rows.sampledBernoulli(using: generator)
        for (k, p) in p.enumerated() {
            let bound = 5 * (p * (1 - p) / Double(Self.draws)).squareRoot()
            let frequency = try drawn.equals(Double(k)).sum().item() / Double(Self.draws)
            #expect(abs(frequency - p) <= bound)
            #expect(abs(try bits.selecting(-1, k).mean().item() - p) <= bound)
        }
    }

    @Test(arguments: [DType.float32, .float64], [false, true])
    func moments(_ dtype: DType, _ byUnit: Bool) throws {
        let generator = try Self.generator(2, byUnit: byUnit)
        let like = Tensor.zeros([Self.draws], dtype: dtype)
        let n = Double(Self.draws)
        // Variances of x and of x^2: 1 and 2 for the normal distribution, 1 and 20 for the exponential.
        let normal = Tensor.normal(like: like, using: generator)
        #expect(normal.dtype == dtype)
        #expect(abs(try normal.mean(dtype: .float64).item()) < 5 / n.squareRoot())
        #expect(abs(try normal.squared().mean(dtype: .float64).item() - 1) < 5 * (2 / n).squareRoot())
        let waiting = Tensor.exponential(like: like, using: generator)
        #expect(try waiting.min().item() >= 0)
        #expect(abs(try waiting.mean(dtype: .float64).item() - 1) < 5 / n.squareRoot())
        #expect(abs(try waiting.squared().mean(dtype: .float64).item() - 2) < 5 * (20 / n).squareRoot())
    }

    @Test(arguments: [false, true])
    func badProbabilitiesAreAnError(_ byUnit: Bool) throws {
        let generator = try Self.generator(1, byUnit: byUnit)
        #expect(Tensor([0.5, .nan], shape: [1, 2]).sampledCategories(using: generator).failure != nil)
        #expect(Tensor([1.5]).sampledBernoulli(using: generator).failure != nil)
    }

    @Test(arguments: [-30, -1, 0, 1e-9, 2, 30.0])
    func functions(_ x: Double) throws {
        func close(_ found: Tensor, _ expected: Double) throws -> Bool {
            abs(try found.item() - expected) <= 1e-14 * abs(expected)
        }
        let tensor = Tensor([x])
        #expect(try close(tensor.sigmoid(), 1 / (1 + exp(-x))))
        #expect(try close(tensor.logSigmoid(), -log1p(exp(-x))))
        #expect(try close(tensor.expMinusOne(), expm1(x)))
        let p = 1 / (1 + exp(-x))
        #expect(try close(Tensor([p]).logit(), log(p / (1 - p))))
        #expect(try Tensor.full(like: tensor, x).item() == x)
    }

    @Test func crossEntropyOfEachSample() throws {
        let logits = Tensor([1.0, 2, 3, 0, 0, 0], shape: [2, 3])
        let targets = Tensor([2, -100] as [Int64])
        let losses: [Double] = try logits.crossEntropy(targets: targets).scalars()
        #expect(abs(losses[0] - log(exp(-2) + exp(-1) + 1)) < 1e-15)
        #expect(losses[1] == 0)
        #expect(try logits.crossEntropySum(targets: targets).item() == losses[0])
    }
}
