import Fisher
import Foundation
import Testing

/// Estimates against brute force: a backward pass of autograd for every unit.
@Suite struct InformationTests {
    /// A linear layer that is called twice, and one that is not.
    final class Twice: Module {
        let inner: Linear
        let outer: Linear

        init(using generator: RandomGenerator) {
            inner = Linear(4, 4, dtype: .float64, using: generator)
            outer = Linear(4, 3, bias: false, dtype: .float64, using: generator)
        }

        func callAsFunction(_ x: Tensor) -> Tensor { outer(inner(inner(x).tanh()).tanh()) }
    }

    final class Perceptron: Module {
        let first: Linear
        let norm: LayerNorm
        let second: Linear

        init(using generator: RandomGenerator) {
            first = Linear(4, 5, dtype: .float64, using: generator)
            norm = LayerNorm(5, dtype: .float64)
            second = Linear(5, 3, dtype: .float64, using: generator)
        }

        func callAsFunction(_ x: Tensor) -> Tensor { second(norm(first(x).tanh())) }
    }

    enum Network: String, CaseIterable, CustomTestStringConvertible {
        case perceptron, positions, twice, gpt, tiedGPT
        var testDescription: String { rawValue }

        /// The model, and the logits and targets of some units.
        func make() throws -> (model: any Module, batch: SupervisedBatch, logits: (Tensor) -> Tensor) {
            let generator = try RandomGenerator(seed: 5)
            let points = Tensor.normal([6, 4], dtype: .float64, using: generator)
            let classes = Tensor([0, 1, 2, 0, 2, 1] as [Int64], shape: [6])
            switch self {
            case .perceptron:
                let model = Perceptron(using: generator)
                return (model, SupervisedBatch(inputs: points, targets: classes), { model($0) })
            case .positions:
                let model = Perceptron(using: generator)
                let sequences = Tensor.normal([6, 3, 4], dtype: .float64, using: generator)
                let targets = Tensor((0..<18).map { Int64($0 * 7 % 3) }, shape: [6, 3])
                return (model, SupervisedBatch(inputs: sequences, targets: targets), { model($0) })
            case .twice:
                let model = Twice(using: generator)
                return (model, SupervisedBatch(inputs: points, targets: classes), { model($0) })
            case .gpt, .tiedGPT:
                let model = GPT(
                    .init(
                        vocabulary: 7, context: 5, width: 8, layers: 1, heads: 2, tiesHead: self == .tiedGPT),
                    dtype: .float64, using: generator)
                let tokens = Tensor((0..<20).map { Int64($0 * 5 % 7) }, shape: [4, 5])
                // A masked position counts nothing.
                let targets = Tensor((0..<20).map { $0 == 3 ? -100 : Int64($0 * 3 % 7) }, shape: [4, 5])
                return (model, SupervisedBatch(inputs: tokens, targets: targets), { model($0) })
            }
        }
    }

    /// Each unit's gradient of -log p by a backward pass of its own, [units][parameter elements], and N.
    private func bruteForce(
        _ model: any Module, _ batch: SupervisedBatch, _ logits: (Tensor) -> Tensor
    ) throws -> (rows: [[[Double]]], count: Int) {
        let parameters = model.parameters.map(\.parameter.wrappedValue)
        var count = 0
        let rows = try (0..<batch.unitCount).map { unit in
            let one = batch.slice(unit..<unit + 1)
            let objective = try Objective(Categorical(logits: logits(one.inputs)), observing: one.targets)
            count += objective.observationCount
            return try zip(
                parameters, try gradients(of: objective.negativeLogLikelihood, withRespectTo: parameters)
            ).map {
                try $1?.scalars(as: Double.self) ?? [Double](repeating: 0, count: $0.count)
            }
        }
        return (rows, count)
    }

    private func expectClose(_ found: [Double], _ expected: [Double], _ what: String) {
        let scale = max(expected.map(abs).max() ?? 0, 1e-300)
        let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
        #expect(found.count == expected.count && worst <= 1e-10 * scale, "\(what): \(worst / scale)")
    }

    @Test(arguments: Network.allCases)
    func diagonalsAreSumsOfSquaredUnitGradients(_ network: Network) throws {
        let (model, batch, logits) = try network.make()
        let (rows, count) = try bruteForce(model, batch, logits)
        let estimator = try CurvatureEstimator(of: model)
        let objective = { try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets) }
        let empirical = try #require(
            try estimator.estimate([.diagonal(.empirical)], of: objective()).diagonal(.empirical))
        let minibatch = try #require(
            try estimator.estimate([.diagonal(.minibatch)], of: objective()).diagonal(.minibatch))
        #expect(empirical.observationCount == count)
        for (k, named) in model.parameters.enumerated() {
            let elements = named.parameter.wrappedValue.count
            let squares = (0..<elements).map { e in
                rows.reduce(0) { $0 + $1[k][e] * $1[k][e] } / Double(count)
            }
            let means = (0..<elements).map { e in rows.reduce(0) { $0 + $1[k][e] } / Double(count) }
            let found = try #require(empirical.mean[named.path]).scalars(as: Double.self)
            expectClose(found, squares, "\(named.path)")
            let adam = try #require(minibatch.mean[named.path]).scalars(as: Double.self)
            expectClose(adam, means.map { $0 * $0 }, "\(named.path) minibatch")
            let gradient = try #require(empirical.gradients[named.path]).scalars(as: Double.self)
            expectClose(gradient.map { $0 / Double(count) }, means, "\(named.path) gradient")
        }
    }

    @Test(arguments: [Network.perceptron, .positions, .twice, .tiedGPT])
    func fullMatricesAreSumsOfOuterProducts(_ network: Network) throws {
        let (model, batch, logits) = try network.make()
        let (rows, count) = try bruteForce(model, batch, logits)
        let flat = rows.map { $0.flatMap { $0 } }
        let estimator = try CurvatureEstimator(of: model)
        let objective = { try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets) }
        let found = try #require(
            try estimator.estimate([.full(.empirical)], of: objective()).full(.empirical))
        let size = flat[0].count
        let matrix = try found.mean.scalars(as: Double.self)
        #expect(matrix.count == size * size)
        let picks = (0..<400).map { ($0 * 31 % size, $0 * 17 % size) }
        expectClose(
            picks.map { matrix[$0 * size + $1] },
            picks.map { i, j in flat.reduce(0) { $0 + $1[i] * $1[j] } / Double(count) }, "\(network)")
        // The diagonal of the matrix is the diagonal.
        let diagonal = try #require(
            try estimator.estimate([.diagonal(.empirical)], of: objective()).diagonal(.empirical)
        ).mean
        let joined = try found.paths.flatMap { try #require(diagonal[$0]).scalars(as: Double.self) }
        expectClose((0..<size).map { matrix[$0 * size + $0] }, joined, "diagonal")
    }

    /// Two halves added are the whole, whatever the batch.
    @Test func informationAddsUp() throws {
        let (model, batch, logits) = try Network.positions.make()
        let estimator = try CurvatureEstimator(of: model)
        func estimate(_ part: SupervisedBatch, _ source: CurvatureSource) throws -> DiagonalInformation {
            try #require(
                try estimator.estimate(
                    [.diagonal(source)],
                    of: Objective(Categorical(logits: logits(part.inputs)), observing: part.targets)
                ).diagonal(source))
        }
        for source in [CurvatureSource.empirical, .minibatch] {
            var sum = try estimate(batch.slice(0..<2), source)
            sum = try sum + estimate(batch.slice(2..<6), source)
            let whole = try estimate(batch, source)
            for (path, tensor) in whole.mean {
                expectClose(
                    try #require(sum.mean[path]).scalars(as: Double.self),
                    try tensor.scalars(as: Double.self), "\(path)")
            }
        }
        let other = try estimate(batch, .empirical)
        #expect(throws: CurvatureError.self) { try other + estimate(batch, .minibatch) }
    }

    /// One linear layer, one sample: the factors' product is the block of the full matrix.
    @Test func kroneckerFactorsAreExactForOneSample() throws {
        let generator = try RandomGenerator(seed: 2)
        let layer = Linear(3, 2, dtype: .float64, using: generator)
        let x = Tensor.normal([1, 3], dtype: .float64, using: generator)
        let objective = {
            try Objective(Categorical(logits: layer(x)), observing: Tensor([1] as [Int64], shape: [1]))
        }
        let estimator = try CurvatureEstimator(of: layer)
        let full = try #require(try estimator.estimate([.full(.empirical)], of: objective()).full(.empirical))
            .mean.scalars(as: Double.self)
        let factors = try #require(
            try estimator.estimate([.kronecker(.empirical)], of: objective()).kronecker(.empirical)?
                .layers[.root])
        let (a, s) = (try factors.a.scalars(as: Double.self), try factors.s.scalars(as: Double.self))
        // The matrix has the weight's 6 rows first and the bias's 2 after; the factors have the bias as column 3.
        func place(_ out: Int, _ input: Int) -> Int { input < 3 ? out * 3 + input : 6 + out }
        for (o, p) in [(0, 0), (0, 1), (1, 1)] {
            for i in 0..<4 {
                for j in 0..<4 {
                    let expected = full[place(o, i) * 8 + place(p, j)]
                    #expect(abs(s[o * 2 + p] * a[i * 4 + j] - expected) < 1e-14)
                }
            }
        }
    }

    /// The definitions of both conventions for shared weights, by hand.
    @Test(arguments: WeightSharing.allCases)
    func sharedWeightsFollowTheirDefinition(_ sharing: WeightSharing) throws {
        let (model, batch, logits) = try Network.positions.make()
        let estimator = try CurvatureEstimator(of: model)
        let objective = { try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets) }
        let found = try #require(
            try estimator.estimate([.kronecker(.empirical, sharing)], of: objective()).kronecker(
                .empirical, sharing))
        #expect(found.uncovered.map(\.description) == ["norm.weight", "norm.bias"])
        #expect(Set(found.layers.keys.map(\.description)) == ["first", "second"])
        let factors = try #require(found.layers[ParameterPath("first")])
        let x = try batch.inputs.scalars(as: Double.self)
        var expected = [Double](repeating: 0, count: 25)
        for unit in 0..<6 {
            let rows = (0..<3).map { t in (0..<4).map { x[(unit * 3 + t) * 4 + $0] } + [1.0] }
            let terms = sharing == .expand ? rows : [(0..<5).map { c in rows.reduce(0) { $0 + $1[c] } / 3 }]
            for row in terms { for i in 0..<5 { for j in 0..<5 { expected[i * 5 + j] += row[i] * row[j] } } }
        }
        let count = sharing == .expand ? 18.0 : 6.0
        expectClose(try factors.a.scalars(as: Double.self), expected.map { $0 / count }, "A")
        #expect(factors.inputCount == Int(count))
        // The trace of S is the mean square of the output gradients, whose sum over positions `reduce` takes first.
        #expect(factors.s.shape == [5, 5])
    }

    /// A parameter of a module of the user's own is named, not skipped.
    @Test func whatNoLayerTellsIsNamed() throws {
        final class Scaled: Module {
            let layer: Linear
            @Parameter var scale: Tensor
            init(using generator: RandomGenerator) {
                layer = Linear(2, 2, using: generator)
                _scale = Parameter(wrappedValue: .ones([2]))
            }
        }
        let model = Scaled(using: try RandomGenerator(seed: 1))
        let estimator = try CurvatureEstimator(of: model)
        let error = #expect(throws: CurvatureError.self) { try estimator.check([.diagonal(.empirical)]) }
        #expect(error == .unsupportedParameters([ParameterPath("scale")]))
    }
}
