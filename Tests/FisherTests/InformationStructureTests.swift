import Fisher
import Foundation
import Testing

/// Every structure against the whole matrix and against units' gradients by autograd.
@Suite struct InformationStructureTests {
    typealias Network = InformationTests.Network

    /// The networks of both suites, in float64.
    enum Subject: Hashable, CustomTestStringConvertible {
        case network(Network)
        case layer(Int)
        static let all =
            Network.allCases.filter { $0 != .gpt }.map { Subject.network($0) }
            + InformationLayerTests.networks.indices.map { Subject.layer($0) }
        var testDescription: String {
            switch self {
            case .network(let network): network.rawValue
            case .layer(let position): InformationLayerTests.networks[position].name
            }
        }

        func make() throws -> Case {
            switch self {
            case .network(let network):
                let (model, batch, logits) = try network.make()
                return Case(model: model, batch: batch, logits: logits)
            case .layer(let position):
                let (model, batch) = try InformationLayerTests.make(position)
                return Case(model: model, batch: batch) { model($0) }
            }
        }
    }

    struct Case {
        let model: any Module
        let batch: SupervisedBatch
        let logits: (Tensor) -> Tensor

        var forward: () throws -> Categorical { { Categorical(logits: logits(batch.inputs)) } }
        var units: Int { batch.unitCount }
        var paths: [ParameterPath] { model.parameters.filter(\.parameter.isTrainable).map(\.path) }

        func full(_ source: CurvatureSource, route: PerSampleFallback = .never) throws -> FullInformation {
            try #require(
                try CurvatureEstimator(of: model, fallback: route).estimate(
                    [.full(source)], of: Objective(forward(), observing: batch.targets),
                    using: try RandomGenerator(seed: 7)
                ).full(source))
        }

        /// The elements of a parameter in the order of the whole matrix.
        func ranges() -> [ParameterPath: Range<Int>] {
            var first = 0
            var found: [ParameterPath: Range<Int>] = [:]
            for named in model.parameters where named.parameter.isTrainable {
                let count = named.parameter.wrappedValue.count
                found[named.path] = first..<first + count
                first += count
            }
            return found
        }
    }

    static let sources: [CurvatureSource] = [.exact, .sampled(2), .empirical, .minibatch]

    /// The rows and columns of some places.
    private func picked(_ matrix: Tensor, _ places: [Int64]) -> Tensor {
        let indices = Tensor(places, shape: [places.count])
        return matrix.gathering(indices, along: 0).gathering(indices, along: 1)
    }

    static func diagonal(of matrix: Tensor) -> Tensor {
        let size = matrix.shape[0]
        let places = (0..<size).map { Int64($0 * (size + 1)) }
        return matrix.flattened().gathering(Tensor(places, shape: [size]), along: 0)
    }

    private func distance(_ found: Tensor, _ expected: Tensor) throws -> Double {
        try expected.check()
        #expect(found.shape == expected.shape)
        let scale = max(try expected.magnitude().largest().item(), 1e-300)
        return try (found - expected).magnitude().largest().item() / scale
    }

    /// A backward pass for every unit is the definition; it sees every use.
    @Test(arguments: Subject.all, [CurvatureSource.exact, .empirical])
    func capturedUsesGiveTheDefinition(_ subject: Subject, _ source: CurvatureSource) throws {
        let one = try subject.make()
        let (quick, slow) = (try one.full(source), try one.full(source, route: .always))
        #expect(quick.paths == slow.paths && quick.observationCount == slow.observationCount)
        #expect(try distance(quick.mean, slow.mean) < 1e-10)
    }

    @Test(arguments: Subject.all, sources)
    func structuresAreThoseOfTheMatrix(_ subject: Subject, _ source: CurvatureSource) throws {
        let one = try subject.make()
        let estimator = try CurvatureEstimator(of: one.model)
        func generator() throws -> RandomGenerator { try RandomGenerator(seed: 7) }
        let matrix = try one.full(source).mean
        let size = matrix.shape[0]
        let places = one.ranges()

        let diagonal = try #require(
            try estimator.estimate(
                [.diagonal(source)], of: Objective(one.forward(), observing: one.batch.targets),
                using: try generator()
            ).diagonal(source)
        ).mean
        let joined = Tensor.concatenated(one.paths.compactMap { diagonal[$0]?.flattened() })
        #expect(try distance(joined, Self.diagonal(of: matrix)) < 1e-10)

        let vector = Tensor.normal([size], dtype: .float64, using: try RandomGenerator(seed: 3))
        let product = try #require(
            try estimator.estimate(
                [.products(source)], of: Objective(one.forward(), observing: one.batch.targets),
                using: try generator()
            ).products(source))
        let expected = matrix.matmul(vector.unsqueezed(1)).flattened()
        #expect(try distance(try product(vector), expected) < 1e-10)

        let blocks = try #require(
            try estimator.estimate(
                [.blocks(source)], of: Objective(one.forward(), observing: one.batch.targets),
                using: try generator()
            ).blocks(source)
        ).blocks
        #expect(blocks.flatMap(\.paths).sorted() == one.paths.sorted())
        for block in blocks {
            let own = block.paths.flatMap { Array(places[$0] ?? 0..<0) }.map { Int64($0) }
            let part = picked(matrix, own)
            #expect(try distance(block.mean, part) < 1e-10, "\(block.paths)")
        }
    }

    @Test(arguments: [Network.perceptron, .positions, .twice, .tiedGPT], sources + [.gaussNewton])
    func leadingEigenpairs(_ network: Network, _ source: CurvatureSource) throws {
        let one = try Subject.network(network).make()
        let estimator = try CurvatureEstimator(of: one.model)
        let matrix = try one.full(source).mean
        let (values, _) = matrix.symmetricEigen()
        let descending = Array(try values.scalars(as: Double.self).reversed())
        let found = try #require(
            try estimator.estimate(
                [.lowRank(3, source)], of: Objective(one.forward(), observing: one.batch.targets),
                using: try RandomGenerator(seed: 7)
            ).lowRank(3, source))
        #expect(found.values.count == (source == .minibatch ? 1 : 3))
        for (k, value) in found.values.enumerated() {
            #expect(abs(value - descending[k]) <= 1e-10 * descending[0])
            let v = found.vectors.narrowed(1, from: k, length: 1)
            #expect(try (matrix.matmul(v) - v * value).norm().item() <= 1e-9 * descending[0])
        }
        let gram = found.vectors.transposed().matmul(found.vectors)
        let count = found.values.count
        let identity = Tensor(
            (0..<count * count).map { $0 % (count + 1) == 0 ? 1.0 : 0 }, shape: [count, count])
        #expect(try distance(gram, identity) < 1e-10)
    }

    @Test(arguments: Subject.all, WeightSharing.allCases)
    func diagonalsOfFactors(_ subject: Subject, _ sharing: WeightSharing) throws {
        let one = try subject.make()
        let estimator = try CurvatureEstimator(of: one.model)
        for source in [CurvatureSource.exact, .empirical] {
            let factors = try #require(
                try estimator.estimate(
                    [.kronecker(source, sharing)], of: Objective(one.forward(), observing: one.batch.targets)
                ).kronecker(source, sharing))
            let found = try #require(
                try estimator.estimate(
                    [.kroneckerDiagonal(source, sharing)],
                    of: Objective(one.forward(), observing: one.batch.targets)
                ).kroneckerDiagonal(source, sharing))
            #expect(Set(found.layers.keys) == Set(factors.layers.keys))
            #expect(Set(try #require(found.others).squares.keys) == Set(factors.uncovered))
            for (path, own) in found.layers {
                let whole = try #require(factors.layers[path])
                for (diagonal, matrix) in [(own.a, whole.a), (own.s, whole.s)] {
                    let expected = Self.diagonal(of: matrix)
                    #expect(try distance(diagonal, expected) < 1e-12, "\(path)")
                }
                #expect(own.diagonal.shape == [own.s.shape[0], own.a.shape[0]])
            }
            let diagonal = try #require(
                try estimator.estimate(
                    [.diagonal(source)], of: Objective(one.forward(), observing: one.batch.targets)
                ).diagonal(source)
            ).mean
            for (path, own) in try #require(found.others).mean {
                #expect(try distance(own, try #require(diagonal[path])) < 1e-12, "\(path)")
            }
        }
    }

    /// The eigenvalues are the diagonal of Q^T F Q with F the layer's block, whatever shares its weights.
    @Test(arguments: Subject.all, [CurvatureSource.exact, .empirical])
    func correctedEigenvaluesAreTheBestDiagonal(_ subject: Subject, _ source: CurvatureSource) throws {
        let one = try subject.make()
        let estimator = try CurvatureEstimator(of: one.model)
        let matrix = try one.full(source).mean
        let found = try #require(
            try estimator.estimate(
                [.eigenvalueCorrected(source)], of: Objective(one.forward(), observing: one.batch.targets)
            ).eigenvalueCorrected(source))
        let factors = try #require(
            try estimator.estimate(
                [.kronecker(source)], of: Objective(one.forward(), observing: one.batch.targets)
            ).kronecker(source))
        #expect(Set(found.layers.keys) == Set(factors.layers.keys) && found.uncovered == factors.uncovered)
        let places = one.ranges()
        for (path, own) in found.layers {
            let (outputs, inputs) = (own.mean.shape[0], own.mean.shape[1])
            let weight = try #require(places[path.appending("weight")])
            let bias = places[path.appending("bias")]
            let width = weight.count / outputs
            #expect(inputs == width + (bias == nil ? 0 : 1))
            // Row-major [outputs, inputs (+ 1)], the bias last.
            let order = (0..<outputs).flatMap { o in
                (0..<inputs).map { i in
                    Int64(i < width ? weight.lowerBound + o * width + i : (bias?.lowerBound ?? 0) + o)
                }
            }
            let count = order.count
            let block = picked(matrix, order)
            // Q^T F Q by Kronecker structure: column (j, k) of Q is q_S,j q_A,k^T.
            let (qa, qs) = (own.basis.inputs, own.basis.outputs)
            var expected: [Double] = []
            for j in 0..<outputs {
                for k in 0..<inputs {
                    let q = qs.narrowed(1, from: j, length: 1)
                        .matmul(qa.narrowed(1, from: k, length: 1).transposed()).reshaped([count, 1])
                    expected.append(try (q * block.matmul(q)).sum().item())
                }
            }
            let values = try own.mean.scalars(as: Double.self)
            let scale = expected.max() ?? 0
            #expect(zip(values, expected).allSatisfy { abs($0 - $1) <= 1e-10 * scale }, "\(path)")
            // The trace is that of the block, and the solve that of the corrected matrix.
            let direction = Tensor.normal(
                [outputs, inputs], dtype: .float64, using: try RandomGenerator(seed: 1))
            let solved = own.solving(direction, damping: 0.5)
            let turned = qs.transposed().matmul(solved).matmul(qa) * (own.mean + 0.5)
            #expect(try distance(qs.matmul(turned).matmul(qa.transposed()), direction) < 1e-9)
        }
        // Bases may be older than the batch.
        let bases = found.layers.mapValues(\.basis)
        let again = try #require(
            try estimator.estimate(
                [.activations(source)], of: Objective(one.forward(), observing: one.batch.targets)
            ).activations(source)
        ).eigenvalues(in: bases)
        for (path, own) in found.layers {
            #expect(try distance(try #require(again.layers[path]).mean, own.mean) == 0)
        }
    }

    /// Several questions to one forward pass have the answers of one pass each.
    @Test(arguments: [Network.positions, .tiedGPT])
    func oneForwardPassServesAll(_ network: Network) throws {
        let one = try Subject.network(network).make()
        let (units, targets) = (one.units, one.batch.targets)
        let estimator = try CurvatureEstimator(of: one.model)
        func generator() throws -> RandomGenerator { try RandomGenerator(seed: 7) }
        let found = try estimator.estimate(
            [
                .gradient, .kronecker(.sampled(2)), .kroneckerDiagonal(.exact), .activations(.empirical),
                .diagonal(.empirical),
            ], of: Objective(one.forward(), observing: targets), using: try generator())
        let slopes = try #require(found.gradient)
        let factors = try #require(found.kronecker(.sampled(2)))
        let squares = try #require(found.kroneckerDiagonal(.exact))
        var bases: [ParameterPath: KroneckerEigenbasis] = [:]
        for (path, layer) in factors.layers { bases[path] = try KroneckerEigenbasis(of: layer) }
        let values = try #require(found.activations(.empirical)).eigenvalues(in: bases)
        let diagonal = try #require(found.diagonal(.empirical))
        #expect(found.unitCount == units)

        let apart = try #require(
            try estimator.estimate([.diagonal(.empirical)], of: Objective(one.forward(), observing: targets))
                .diagonal(.empirical))
        #expect(Set(slopes.keys) == Set(apart.gradients.keys))
        for (path, gradient) in apart.gradients {
            let mean = gradient / Double(apart.observationCount)
            // The key bias of an attention has a gradient of rounding noise.
            let scale = max(try mean.magnitude().largest().item(), 1e-12)
            let own = try #require(slopes[path])
            #expect(try (own - mean).magnitude().largest().item() <= 1e-10 * scale, "\(path)")
            #expect(
                try distance(try #require(diagonal.mean[path]), try #require(apart.mean[path])) < 1e-12)
        }
        let sampled = try #require(
            try estimator.estimate(
                [.kronecker(.sampled(2))], of: Objective(one.forward(), observing: targets),
                using: try generator()
            ).kronecker(.sampled(2)))
        let exact = try #require(
            try estimator.estimate(
                [.kroneckerDiagonal(.exact)], of: Objective(one.forward(), observing: targets)
            ).kroneckerDiagonal(.exact))
        let again = try #require(
            try estimator.estimate(
                [.activations(.empirical)], of: Objective(one.forward(), observing: targets)
            ).activations(.empirical)
        ).eigenvalues(in: bases)
        for (path, layer) in sampled.layers {
            #expect(try distance(try #require(factors.layers[path]).s, layer.s) < 1e-12)
            #expect(
                try distance(
                    try #require(squares.layers[path]).s, try #require(exact.layers[path]).s) < 1e-12)
            #expect(
                try distance(
                    try #require(values.layers[path]).mean, try #require(again.layers[path]).mean) < 1e-12)
        }
    }

    @Test func basesOfOtherLayersAreNamed() throws {
        let one = try Subject.network(.perceptron).make()
        let estimator = try CurvatureEstimator(of: one.model)
        let basis = KroneckerEigenbasis(
            inputs: .ones([1, 1], dtype: .float64), outputs: .ones([1, 1], dtype: .float64))
        let error = #expect(throws: CurvatureError.self) {
            try #require(
                try estimator.estimate(
                    [.activations(.empirical)], of: Objective(one.forward(), observing: one.batch.targets)
                ).activations(.empirical)
            ).eigenvalues(in: [ParameterPath("norm"): basis])
        }
        #expect(error == .mismatched(reason: "norm has no Kronecker factors here"))
        #expect(throws: CurvatureError.self) {
            try #require(
                try estimator.estimate(
                    [.lowRank(0, .empirical)], of: Objective(one.forward(), observing: one.batch.targets)
                ).lowRank(0, .empirical))
        }
    }

    /// What does not exist is refused with its reason, and the documentation has the table of what does.
    @Test func theTableOfEstimates() throws {
        let one = try Subject.network(.perceptron).make()
        let estimator = try CurvatureEstimator(of: one.model)
        for request in [
            CurvatureRequest.kronecker(.minibatch), .eigenvalueCorrected(.minibatch),
            .kroneckerDiagonal(.minibatch),
        ] {
            let error = #expect(throws: CurvatureError.self) {
                try estimator.estimate(
                    [request], of: Objective(one.forward(), observing: one.batch.targets))
            }
            #expect(error?.description.contains("no factors") == true)
        }
        let article = try String(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appending(
                    path: "Sources/FisherInformation/FisherInformation.docc/InformationStructures.md"),
            encoding: .utf8)
        #expect(article.contains(CurvatureRequest.supportTable))
    }
}
