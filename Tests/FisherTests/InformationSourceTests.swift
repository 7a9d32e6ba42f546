import Fisher
import Foundation
import Testing

/// Estimates from the model's own labels against sums over classes, a backward pass each.
@Suite struct InformationSourceTests {
    typealias Network = InformationTests.Network

    /// sum over units, positions and classes of p_c g g^T with g the gradient of -log p(c), and N.
    static func exact(
        _ model: any Module, _ batch: SupervisedBatch, _ logits: (Tensor) -> Tensor
    ) throws -> (matrix: [[Double]], count: Int) {
        let parameters = model.parameters.map(\.parameter.wrappedValue)
        let size = parameters.reduce(0) { $0 + $1.count }
        var matrix = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
        let targets = try batch.targets.scalars(as: Int64.self)
        let positions = targets.count / batch.unitCount
        for unit in 0..<batch.unitCount {
            for position in 0..<positions where targets[unit * positions + position] != -100 {
                let one = logits(batch.slice(unit..<unit + 1).inputs).reshaped([positions, -1])
                let scores = one.narrowed(0, from: position, length: 1).logSoftmax(along: -1)
                let probabilities = try scores.exp().scalars(as: Double.self)
                for (c, p) in probabilities.enumerated() {
                    let found = try gradients(
                        of: scores.narrowed(1, from: c, length: 1).sum(), withRespectTo: parameters,
                        keepGraph: true)
                    let g = try zip(found, parameters).flatMap { gradient, tensor in
                        try gradient?.scalars(as: Double.self) ?? [Double](repeating: 0, count: tensor.count)
                    }
                    for i in 0..<size where g[i] != 0 {
                        for j in 0..<size { matrix[i][j] += p * g[i] * g[j] }
                    }
                }
            }
        }
        return (matrix, targets.filter { $0 != -100 }.count)
    }

    private func close(_ found: [Double], _ expected: [Double], _ tolerance: Double = 1e-10) -> Bool {
        let scale = max(expected.map(abs).max() ?? 0, 1e-300)
        return found.count == expected.count
            && zip(found, expected).allSatisfy { abs($0 - $1) <= tolerance * scale }
    }

    @Test(arguments: [Network.perceptron, .positions, .twice])
    func exactEstimatesAreSumsOverClasses(_ network: Network) throws {
        let (model, batch, logits) = try network.make()
        let (matrix, count) = try Self.exact(model, batch, logits)
        let expected = matrix.joined().map { $0 / Double(count) }
        let estimator = try CurvatureEstimator(of: model)
        for source in [CurvatureSource.exact, .gaussNewton] {
            let full = try #require(
                try estimator.estimate(
                    [.full(source)],
                    of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
                ).full(source))
            #expect(full.observationCount == count)
            #expect(close(try full.mean.scalars(as: Double.self), Array(expected)), "\(source)")
            let diagonal = try #require(
                try estimator.estimate(
                    [.diagonal(source)],
                    of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
                ).diagonal(source))
            let joined = try full.paths.flatMap { try #require(diagonal.mean[$0]).scalars(as: Double.self) }
            #expect(close(joined, matrix.indices.map { matrix[$0][$0] / Double(count) }))
        }
    }

    /// A GPT with a tied head and a masked position: the diagonal, and products with the whole matrix.
    @Test func aTiedGPTIsExactToo() throws {
        let (model, batch, logits) = try Network.tiedGPT.make()
        let (matrix, count) = try Self.exact(model, batch, logits)
        let estimator = try CurvatureEstimator(of: model)
        let diagonal = try #require(
            try estimator.estimate(
                [.diagonal(.exact)],
                of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
            ).diagonal(.exact)
        ).mean
        let joined = try model.parameters.flatMap { try #require(diagonal[$0.path]).scalars(as: Double.self) }
        #expect(close(joined, matrix.indices.map { matrix[$0][$0] / Double(count) }))

        let vector = Tensor.normal([matrix.count], dtype: .float64, using: try RandomGenerator(seed: 3))
        let v = try vector.scalars(as: Double.self)
        let expected = matrix.map { row in zip(row, v).reduce(0) { $0 + $1.0 * $1.1 } / Double(count) }
        let found = try estimator.estimate(
            [.products(.exact), .products(.gaussNewton)],
            of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets))
        for product in [try #require(found.products(.exact)), try #require(found.products(.gaussNewton))] {
            #expect(close(try product(vector).scalars(as: Double.self), expected, 1e-9))
        }
    }

    /// The mean over many draws is the exact one, within five standard errors of its trace.
    @Test(arguments: [Network.perceptron, .positions])
    func draws(_ network: Network) throws {
        let (model, batch, logits) = try network.make()
        let estimator = try CurvatureEstimator(of: model)
        let generator = try RandomGenerator(seed: 9)
        func trace(_ information: DiagonalInformation) throws -> Double {
            try information.mean.sorted { $0.key < $1.key }.reduce(0) { $0 + (try $1.value.sum().item()) }
        }
        func estimate(_ source: CurvatureSource) throws -> Double {
            try trace(
                try #require(
                    try estimator.estimate(
                        [.diagonal(source)],
                        of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets),
                        using: generator
                    ).diagonal(source)))
        }
        let exact = try estimate(.exact)
        let draws = try (0..<300).map { _ in try estimate(.sampled(1)) }
        let mean = draws.reduce(0, +) / 300
        let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 299
        #expect(abs(mean - exact) <= 5 * (variance / 300).squareRoot())
        #expect(variance > 0)
        // Several draws at once are their mean; equal generators give equal draws.
        let (one, two) = (try RandomGenerator(seed: 4), try RandomGenerator(seed: 4))
        func sampled(_ generator: RandomGenerator) throws -> Double {
            try trace(
                try #require(
                    try estimator.estimate(
                        [.diagonal(.sampled(3))],
                        of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets),
                        using: generator
                    ).diagonal(.sampled(3))))
        }
        #expect(try sampled(one) == sampled(two))
        #expect(throws: CurvatureError.self) {
            try #require(
                try estimator.estimate(
                    [.diagonal(.sampled(1))],
                    of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
                ).diagonal(.sampled(1)))
        }
    }
}
