import Fisher
import FisherInformation
import Testing
import Torch

/// Solutions with the gradients of few units against those with the whole matrix.
@Suite struct InformationSystemTests {
    typealias Network = InformationTests.Network

    private struct Case {
        let model: any Module
        let estimator: CurvatureEstimator
        let batch: SupervisedBatch
        let logits: (Tensor) -> Tensor
        var parameterCount: Int { model.parameters.reduce(0) { $0 + $1.parameter.wrappedValue.count } }

        init(_ network: Network) throws {
            (model, batch, logits) = try network.make()
            estimator = try CurvatureEstimator(of: model)
        }

        func estimates(
            _ requests: [CurvatureRequest], units: Range<Int>? = nil
        ) throws -> CurvatureEstimates {
            let part = units.map { batch.slice($0) } ?? batch
            return try estimator.estimate(
                requests, of: Objective(Categorical(logits: logits(part.inputs)), observing: part.targets),
                units: part.unitCount, using: try RandomGenerator(seed: 6))
        }
    }

    private func length(_ x: Tensor) throws -> Double { try x.norm().item() }

    @Test(arguments: Network.allCases, [CurvatureSource.exact, .empirical, .sampled(2)])
    func theSolutionIsThatOfTheWholeMatrix(_ network: Network, _ source: CurvatureSource) throws {
        let subject = try Case(network)
        let found = try subject.estimates([.system(source), .full(source)])
        let system = try #require(found.system(source))
        let full = try #require(found.full(source))
        #expect(system.rowCount == rowCount(network, source))
        #expect(try relativeError(try system.matrix().mean, full.mean) < 1e-13)
        let target = Tensor.normal(
            [subject.parameterCount], dtype: .float64, using: try RandomGenerator(seed: 2))
        for damping in [1, 1e-3, 1e-7] {
            let x = try system.solution(damping: damping, target)
            let expected = try DampedSolution(full.mean, damping: damping, target)
            #expect(x.damping == damping && x.fallbackCount == 0)
            let error = try length(x.solution - expected.solution) / length(expected.solution)
            // The condition of F + damping I is about 1 / damping.
            #expect(error < 1e-13 + 1e-15 / damping, "damping \(damping)")
        }
    }

    /// Units times passes: in closed form one for each class but one, at each position.
    private func rowCount(_ network: Network, _ source: CurvatureSource) -> Int {
        let (units, classes, positions) =
            switch network {
            case .perceptron, .twice: (6, 3, 1)
            case .positions: (6, 3, 3)
            case .gpt, .tiedGPT: (4, 7, 5)
            }
        return switch source {
        case .exact: units * (classes - 1) * positions
        case .sampled(let draws): units * draws
        default: units
        }
    }

    @Test func manyRowsAreSummed() throws {
        let layer = Linear(4, 3, dtype: .float64, using: try RandomGenerator(seed: 1))
        let inputs = Tensor.normal([8, 4], dtype: .float64, using: try RandomGenerator(seed: 2))
        let targets = Tensor((0..<8).map { Int64($0 % 3) })
        func system(_ units: Int) throws -> InformationSystem {
            let found = try CurvatureEstimator(of: layer).estimate(
                [.system(.exact)],
                of: Objective(Categorical(logits: layer(inputs[..<units])), observing: targets[..<units]))
            return try #require(found.system(.exact))
        }
        let (few, many) = (try system(7), try system(8))
        #expect(few.rowCount == 14 && many.rowCount == nil)
        let target = Tensor.ones([15], dtype: .float64)
        for one in [few, many] {
            let expected = try DampedSolution(try one.matrix().mean, damping: 1e-3, target).solution
            #expect(try relativeError(try one.solution(damping: 1e-3, target).solution, expected) < 1e-11)
        }
    }

    /// Parameters in float32 have a factorization in float32, and the solution of one in float64.
    @Test(arguments: [1, 1e-2, 1e-4, 1e-8])
    func refinementReachesFloat64(_ damping: Double) throws {
        let generator = try RandomGenerator(seed: 3)
        let (first, second) = (Linear(30, 20, using: generator), Linear(20, 6, using: generator))
        let model = [first, second]
        let inputs = Tensor.normal([40, 30], using: generator)
        let targets = Tensor((0..<40).map { Int64($0 % 6) })
        let estimator = try CurvatureEstimator(of: Chain(first, second))
        let found = try estimator.estimate(
            [.system(.exact), .full(.exact)],
            of: Objective(
                Categorical(logits: model[1](model[0](inputs).tanh())), observing: targets))
        let system = try #require(found.system(.exact))
        #expect(system.rowCount == 200)
        let target = Tensor.normal([746], using: generator)
        let x = try system.solution(damping: damping, target).solution
        // The rows are float32 numbers: their information in float64 is the one to compare with.
        let j = try #require(
            try estimator.estimate(
                [.unitGradients(.exact, units: 40)],
                of: Objective(Categorical(logits: model[1](model[0](inputs).tanh())), observing: targets)
            ).unitGradients(.exact, units: 40))
        let rows = try j.matrix()
        let b = target.to(dtype: .float64)
        let left = rows.transposed(0, 1).matmul(rows.matmul(x)) + x * damping - b
        #expect(try length(left) <= 1e-6 * length(b))
        let expected = try DampedSolution(
            rows.transposed(0, 1).matmul(rows), damping: damping, b
        ).solution
        let error = try length(x - expected) / length(expected)
        #expect(error <= 1e-7, "damping \(damping)")
    }

    final class Chain: Module {
        let first: Linear
        let second: Linear
        init(_ first: Linear, _ second: Linear) { (self.first, self.second) = (first, second) }
    }

    @Test func withoutDampingTheWholeMatrixIsTaken() throws {
        let subject = try Case(.perceptron)
        let found = try subject.estimates([.system(.empirical), .full(.empirical)])
        let target = Tensor.ones([subject.parameterCount], dtype: .float64)
        let x = try #require(found.system(.empirical)).solution(damping: 0, target)
        let expected = try DampedSolution(
            try #require(found.full(.empirical)).mean, damping: 0, target)
        #expect(x.damping == expected.damping && x.fallbackCount == expected.fallbackCount)
        #expect(x.fallbackCount > 0)
        #expect(try relativeError(x.solution, expected.solution) < 1e-9)
    }

    /// Sums of batches stay rows while these are few.
    @Test func batchesAddUp() throws {
        let subject = try Case(.perceptron)
        let target = Tensor.ones([subject.parameterCount], dtype: .float64)
        let full = try #require(try subject.estimates([.full(.exact)]).full(.exact))
        let expected = try DampedSolution(full.mean, damping: 1e-2, target).solution
        var sum = try subject.estimates([.system(.exact)], units: 0..<2)
        for units in [2..<3, 3..<6] { sum = try sum + subject.estimates([.system(.exact)], units: units) }
        #expect(sum.system(.exact)?.rowCount == 12)
        let x = try #require(sum.system(.exact)).solution(damping: 1e-2, target).solution
        #expect(try relativeError(x, expected) < 1e-11)
        for _ in 1...4 { sum = try sum + subject.estimates([.system(.exact)]) }
        #expect(sum.system(.exact)?.rowCount == nil)
        let again = try #require(sum.system(.exact)).solution(damping: 1e-2, target).solution
        #expect(try relativeError(again, expected) < 1e-11)
    }

    @Test(arguments: [1, 2, 5, 48, 300], [1, 7, 48, 512])
    func blocksFactorizeEveryMatrix(_ size: Int, _ width: Int) throws {
        let generator = try RandomGenerator(seed: 8)
        let rows = Tensor.normal([size, size], dtype: .float64, using: generator)
        let matrix = rows.matmul(rows.transposed(0, 1)) / Double(size)
        func columns(_ range: Range<Int>) -> Tensor {
            matrix[range.lowerBound..., range].copy().contiguous()
        }
        let factor = try #require(
            try BlockedCholesky(size: size, width: width, damping: 0.1, columns: columns))
        let b = Tensor.normal([size], dtype: .float64, using: generator)
        let x = try factor.solving(b)
        #expect(try relativeError(matrix.addingDiagonal(0.1).matmul(x), b) < 1e-11)
        let none = try BlockedCholesky(size: size, width: width, damping: -100, columns: columns)
        #expect(none.map { _ in 0 } == nil)
    }
}
