import Fisher
import Testing

/// Parameters of a module of the user's own, which no layer tells of.
@Suite struct GenericRouteTests {
    /// y = second(tanh(first(x)) exp(scale)): the scale belongs to no layer.
    final class Scaled: Module {
        let first: Linear
        @Parameter var scale: Tensor
        let second: Linear

        init(using generator: RandomGenerator) {
            first = Linear(3, 4, dtype: .float64, using: generator)
            _scale = Parameter(wrappedValue: .normal([4], dtype: .float64, using: generator))
            second = Linear(4, 3, dtype: .float64, using: generator)
        }

        func callAsFunction(_ x: Tensor) -> Tensor { second(first(x).tanh() * scale.exp()) }
    }

    private func make() throws -> (model: Scaled, x: Tensor, y: Tensor) {
        let generator = try RandomGenerator(seed: 21)
        return (
            Scaled(using: generator), Tensor.normal([5, 3], dtype: .float64, using: generator),
            Tensor([0, 2, 1, 1, 0] as [Int64], shape: [5])
        )
    }

    @Test func theErrorNamesThem() throws {
        let (model, _, _) = try make()
        let estimator = try CurvatureEstimator(of: model)
        let error = #expect(throws: CurvatureError.self) { try estimator.check([.diagonal(.exact)]) }
        #expect(error == .unsupportedParameters([ParameterPath("scale")]))
        #expect(error?.description.contains("scale") == true)
    }

    @Test(arguments: [CurvatureSource.empirical, .minibatch, .exact])
    func theyAreTakenUnitByUnit(_ source: CurvatureSource) throws {
        let (model, x, y) = try make()
        let tensors = model.parameters.map(\.parameter.wrappedValue)
        // Rows of gradients, weighted: the definition.
        var rows: [Tensor] = []
        for unit in 0..<5 {
            let one = x.narrowed(0, from: unit, length: 1)
            let labels = source == .exact ? Array(0..<3) : [Int(try y.scalars(as: Int64.self)[unit])]
            for label in labels {
                let scores = model(one).logSoftmax(along: -1)
                let chosen = scores.narrowed(1, from: label, length: 1).sum()
                let weight = source == .exact ? try chosen.exp().item().squareRoot() : 1
                let found = try gradients(of: chosen, withRespectTo: tensors).compactMap { $0?.flattened() }
                rows.append(Tensor.concatenated(found) * weight)
            }
        }
        let stacked = Tensor.stacked(rows)
        var expected = stacked.transposed().matmul(stacked) / 5
        if source == .minibatch {
            let mean = stacked.sum(along: 0).unsqueezed(1) / 5
            expected = mean.matmul(mean.transposed())
        }
        for route in [PerSampleFallback.whereNeeded, .always] {
            let estimator = try CurvatureEstimator(of: model, fallback: route)
            let forward = { Categorical(logits: model(x)) }
            let full = try #require(
                try estimator.estimate([.full(source)], of: Objective(forward(), observing: y)).full(source))
            let scale = try expected.magnitude().largest().item()
            #expect(try (full.mean - expected).magnitude().largest().item() < 1e-10 * scale)
            let diagonal = try #require(
                try estimator.estimate([.diagonal(source)], of: Objective(forward(), observing: y)).diagonal(
                    source)
            ).mean
            let size = expected.shape[0]
            let own = InformationStructureTests.diagonal(of: expected)
            let joined = Tensor.concatenated(full.paths.compactMap { diagonal[$0]?.flattened() })
            #expect(try (joined - own).magnitude().largest().item() < 1e-10 * scale)
            let vector = Tensor.normal([size], dtype: .float64, using: try RandomGenerator(seed: 2))
            let product = try #require(
                try estimator.estimate([.products(source)], of: Objective(forward(), observing: y)).products(
                    source))
            let moved = expected.matmul(vector.unsqueezed(1)).flattened()
            #expect(try (product(vector) - moved).magnitude().largest().item() < 1e-9 * scale)
        }
        // Layers keep their factors, and the user's parameter its own diagonal.
        guard source != .minibatch else { return }
        let estimator = try CurvatureEstimator(of: model, fallback: .whereNeeded)
        let found = try #require(
            try estimator.estimate(
                [.kroneckerDiagonal(source)], of: Objective(Categorical(logits: model(x)), observing: y)
            ).kroneckerDiagonal(source))
        #expect(Set(found.layers.keys.map(\.description)) == ["first", "second"])
        #expect(found.others?.squares.keys.map(\.description) == ["scale"])
    }

    /// Factors, products in closed form and the Hessian need no unit's gradient.
    @Test func whatNeedsNoUnitsIsThere() throws {
        let (model, x, y) = try make()
        let found = try CurvatureEstimator(of: model).estimate(
            [.kronecker(.exact), .products(.exact), .hessian],
            of: Objective(Categorical(logits: model(x)), observing: y))
        #expect(try #require(found.kronecker(.exact)).uncovered == [ParameterPath("scale")])
        #expect(found.products(.exact)?.size == found.hessian?.size)
    }

    /// A likelihood that does not tell its outputs.
    private struct Opaque: Likelihood {
        let outputs: Tensor
        func negativeLogLikelihood(of observed: Tensor) -> Tensor { (outputs - observed).squared().sum() }
        func observationCount(of observed: Tensor) -> Int { observed.shape[0] }
    }

    /// A unit's pass starts from the outputs, which not every likelihood tells; the layers need none.
    @Test func theFallbackNeedsTheOutputs() throws {
        let (model, x, _) = try make()
        let y = Tensor.zeros([5, 3], dtype: .float64)
        let estimator = try CurvatureEstimator(of: model, fallback: .whereNeeded)
        let error = #expect(throws: CurvatureError.self) {
            try estimator.estimate(
                [.diagonal(.empirical)], of: Objective(Opaque(outputs: model(x)), observing: y))
        }
        #expect(error?.description.contains("does not expose its outputs") == true)
        let found = try estimator.estimate(
            [.kronecker(.empirical)], of: Objective(Opaque(outputs: model(x)), observing: y))
        #expect(found.kronecker(.empirical)?.layers.count == 2)
    }
}
