import Fisher
import Foundation
import Testing

/// Products, solves and stochastic estimates against dense linear algebra.
@Suite struct ProductTests {
    /// A symmetric positive definite matrix of a known spectrum, and the spectrum.
    static func matrix(_ size: Int, seed: UInt64 = 1) throws -> (matrix: Tensor, values: [Double]) {
        let random = Tensor.normal([size, size], dtype: .float64, using: try RandomGenerator(seed: seed))
        let (_, basis) = (random + random.transposed()).symmetricEigen()
        let values = (0..<size).map { 0.1 + Double($0 * $0) / Double(size) }
        return (basis.matmul(Tensor(values).unsqueezed(1) * basis.transposed()), values)
    }

    @Test func conjugateGradientsSolve() throws {
        let (matrix, values) = try Self.matrix(30)
        let target = Tensor.normal([30], dtype: .float64, using: try RandomGenerator(seed: 2))
        let exact = target.unsqueezed(1).choleskySolved(factor: matrix.cholesky()).flattened()
        let found = try ConjugateGradients(
            SymmetricOperator(matrix), target, tolerance: 1e-12, maximumIterations: 200)
        #expect(found.relativeResidual <= 1e-11)
        #expect(try (found.solution - exact).norm().item() <= 1e-9 * exact.norm().item())
        #expect(!found.metNegativeCurvature)
        // From the solution nothing is left to do; with the inverse as preconditioner one iteration is enough.
        let again = try ConjugateGradients(
            SymmetricOperator(matrix), target, start: found.solution, tolerance: 1e-8)
        #expect(again.iterations == 0)
        let factor = matrix.cholesky()
        let quick = try ConjugateGradients(
            SymmetricOperator(matrix), target, tolerance: 1e-8,
            preconditioner: { $0.unsqueezed(1).choleskySolved(factor: factor).flattened() })
        #expect(quick.iterations <= 2)
        let negative = try ConjugateGradients(
            SymmetricOperator(matrix).damped(by: -(values.max() ?? 0) - 1), target)
        #expect(negative.metNegativeCurvature)
        let zero = try ConjugateGradients(SymmetricOperator(matrix), target * 0)
        #expect(zero.iterations == 0 && zero.relativeResidual == 0)
    }

    @Test func lanczosFindsTheSpectrum() throws {
        let (matrix, values) = try Self.matrix(25)
        let found = try SymmetricOperator(matrix).topEigenvalues(4, using: try RandomGenerator(seed: 3))
        for (pair, expected) in zip(found, values.sorted(by: >)) {
            #expect(abs(pair.value - expected) <= 1e-9 * expected)
            #expect(pair.residual <= 1e-6 * expected)
        }
        let whole = try SymmetricOperator(matrix).lanczos(steps: 25, start: .ones([25], dtype: .float64))
        #expect(abs(whole.weights.reduce(0, +) - 1) < 1e-12)
        let vector = whole.vectors.narrowed(1, from: 0, length: 1).flattened()
        let rest = try SymmetricOperator(matrix)(vector) - vector * whole.values[0]
        #expect(try rest.norm().item() <= 1e-9 * whole.values[0])
    }

    /// Within five standard errors; exact for a diagonal matrix and Rademacher probes.
    @Test func tracesAndDeterminantsAreEstimated() throws {
        let (matrix, values) = try Self.matrix(40)
        let generator = try RandomGenerator(seed: 4)
        for distribution in [ProbeDistribution.rademacher, .gaussian] {
            let trace = try SymmetricOperator(matrix).trace(probes: 200, distribution, using: generator)
            let error = try #require(trace.standardError)
            #expect(error > 0 && abs(trace.value - values.reduce(0, +)) <= 5 * error)
        }
        let diagonal = SymmetricOperator(size: 3, dtype: .float64) { $0 * Tensor([1.0, 2, 5]) }
        let exact = try diagonal.trace(probes: 3, using: generator)
        #expect(exact.value == 8 && exact.standardError == 0)
        let determinant = try SymmetricOperator(matrix).logDeterminant(
            probes: 60, steps: 30, using: generator)
        let error = try #require(determinant.standardError)
        #expect(abs(determinant.value - values.map { log($0) }.reduce(0, +)) <= 5 * error)
    }

    /// The Hessian of a GPT's loss: products against differences of gradients, and symmetry.
    @Test func hessianProductsAreDerivativesOfTheGradient() throws {
        let (model, batch, logits) = try InformationTests.Network.tiedGPT.make()
        let objective = { try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets) }
        let hessian = try #require(
            try CurvatureEstimator(of: model).estimate([.hessian], of: objective()).hessian)
        let tensors = model.parameters.map(\.parameter.wrappedValue)
        let layout = ParameterLayout(of: tensors)
        let generator = try RandomGenerator(seed: 6)
        let (u, v) = (
            Tensor.normal([layout.count], dtype: .float64, using: generator),
            Tensor.normal([layout.count], dtype: .float64, using: generator)
        )
        let (product, other) = (try hessian(v), try hessian(u))
        func gradient(at distance: Double) throws -> Tensor {
            for (tensor, part) in zip(model.parameters, layout.split(v)) {
                try withoutGradients { try tensor.parameter.wrappedValue.add(part, scale: distance) }
            }
            defer {
                for (tensor, part) in zip(model.parameters, layout.split(v)) {
                    try? withoutGradients { try tensor.parameter.wrappedValue.add(part, scale: -distance) }
                }
            }
            let found = try gradients(of: try objective().loss, withRespectTo: tensors)
            return layout.joined(zip(found, tensors).map { $0 ?? .zeros(like: $1.detached()) })
        }
        let step = 1e-6
        let difference = (try gradient(at: step) - (try gradient(at: -step))) / (2 * step)
        #expect(try (difference - product).norm().item() <= 1e-6 * product.norm().item())
        let (uHv, vHu) = (try (u * product).sum().item(), try (v * other).sum().item())
        #expect(abs(uHv - vHu) <= 1e-10 * abs(uHv))
    }

    @Test func consolidationIsItsDefinition() throws {
        let generator = try RandomGenerator(seed: 8)
        let layer = Linear(3, 2, dtype: .float64, using: generator)
        let paths = layer.parameters.map(\.path)
        func information(_ value: Double) -> [ParameterPath: Tensor] {
            Dictionary(
                uniqueKeysWithValues: layer.parameters.map {
                    ($0.path, .full($0.parameter.wrappedValue.shape, value, dtype: .float64))
                })
        }
        for memory in [ElasticWeightConsolidation.Memory.separate, .online(decay: 0.5)] {
            var consolidation = ElasticWeightConsolidation(strength: 4, memory: memory)
            #expect(consolidation.auxiliary(for: layer) == nil)
            try consolidation.remember(layer, information: information(1))
            #expect(try consolidation.auxiliary(for: layer)?.value.item() == 0)
            for named in layer.parameters {
                try withoutGradients { try named.parameter.wrappedValue.add(.ones([], dtype: .float64)) }
            }
            let penalty = try #require(consolidation.auxiliary(for: layer)).value
            // 8 elements, F = 1, a distance of 1 each: lambda / 2 times 8.
            #expect(abs(try penalty.item() - 16) < 1e-12)
            let slope = try gradients(of: penalty, withRespectTo: [layer.weight])[0]
            #expect(try #require(slope).scalars(as: Double.self).allSatisfy { abs($0 - 4) < 1e-12 })
            try consolidation.remember(layer, information: information(2))
            #expect(consolidation.taskCount == 2)
            let kept = try #require(consolidation.anchor?.information[paths[0]]).scalars(as: Double.self)
            #expect(kept[0] == (memory == .separate ? 3 : 2.5))
        }
        var broken = ElasticWeightConsolidation(strength: 1)
        #expect(throws: CurvatureError.self) { try broken.remember(layer, information: [:]) }
    }
}
