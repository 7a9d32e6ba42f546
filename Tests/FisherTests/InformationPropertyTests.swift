import Fisher
import Foundation
import Testing

/// What every Fisher information has in common, whatever it was made of.
@Suite struct InformationPropertyTests {
    typealias Network = InformationTests.Network
    static let sources: [CurvatureSource] = [.exact, .sampled(2), .empirical, .minibatch, .gaussNewton]

    private func close(_ a: Tensor, _ b: Tensor, _ tolerance: Double = 1e-11) throws -> Bool {
        try (a - b).norm().item() <= tolerance * b.norm().item()
    }

    @Test(arguments: [Network.perceptron, .positions, .twice], sources)
    func isPositiveSemidefinite(_ network: Network, _ source: CurvatureSource) throws {
        let (model, batch, logits) = try network.make()
        let estimator = try CurvatureEstimator(of: model)
        let generator = try RandomGenerator(seed: 4)
        let full = try #require(
            try estimator.estimate(
                [.full(source)],
                of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets),
                using: generator
            ).full(source))
        let values = try full.mean.symmetricEigen().values.scalars(as: Double.self)
        let largest = try #require(values.last)
        #expect(largest > 0 && values[0] >= -1e-13 * largest)
        #expect(try close(full.mean.transposed(), full.mean, 1e-14))
        guard source != .minibatch else { return }
        let factors = try #require(
            try estimator.estimate(
                [.kronecker(source)],
                of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets),
                using: generator
            ).kronecker(source))
        for (path, factor) in factors.layers {
            for matrix in [factor.a, factor.s] {
                let own = try matrix.symmetricEigen().values.scalars(as: Double.self)
                #expect(own[0] >= -1e-13 * (try #require(own.last)), "\(path)")
            }
        }
    }

    /// Three parts of a batch add up to it, in any structure.
    @Test(arguments: [CurvatureSource.exact, .empirical, .minibatch, .gaussNewton])
    func isAdditive(_ source: CurvatureSource) throws {
        let (model, batch, logits) = try Network.positions.make()
        let estimator = try CurvatureEstimator(of: model)
        let parts = [0..<1, 1..<3, 3..<6].map { batch.slice($0) }
        func full(_ part: SupervisedBatch) throws -> FullInformation {
            try #require(
                try estimator.estimate(
                    [.full(source)],
                    of: Objective(Categorical(logits: logits(part.inputs)), observing: part.targets)
                ).full(source))
        }
        func diagonal(_ part: SupervisedBatch) throws -> DiagonalInformation {
            try #require(
                try estimator.estimate(
                    [.diagonal(source)],
                    of: Objective(Categorical(logits: logits(part.inputs)), observing: part.targets)
                ).diagonal(source))
        }
        var (matrix, squares) = (try full(parts[0]), try diagonal(parts[0]))
        for part in parts.dropFirst() {
            matrix = try matrix + full(part)
            squares = try squares + diagonal(part)
        }
        #expect(try close(matrix.mean, try full(batch).mean))
        for (path, whole) in try diagonal(batch).mean {
            #expect(try close(try #require(squares.mean[path]), whole), "\(path)")
        }
        guard source != .minibatch else { return }
        func factors(_ part: SupervisedBatch) throws -> KroneckerInformation {
            try #require(
                try estimator.estimate(
                    [.kronecker(source)],
                    of: Objective(Categorical(logits: logits(part.inputs)), observing: part.targets)
                ).kronecker(source))
        }
        var sum = try factors(parts[0])
        for part in parts.dropFirst() { sum = try sum + factors(part) }
        for (path, whole) in try factors(batch).layers {
            let found = try #require(sum.layers[path])
            #expect(try close(found.a, whole.a) && close(found.s, whole.s), "\(path)")
        }
    }

    /// trace F = mean |g_n|^2 and rank F <= N, for the empirical information of N units.
    @Test(arguments: [Network.perceptron, .positions, .twice])
    func theEmpiricalTraceIsTheMeanSquaredNorm(_ network: Network) throws {
        let (model, batch, logits) = try network.make()
        let tensors = model.parameters.map(\.parameter.wrappedValue)
        var squares = 0.0
        var count = 0
        for unit in 0..<batch.unitCount {
            let one = batch.slice(unit..<unit + 1)
            let objective = try Objective(Categorical(logits: logits(one.inputs)), observing: one.targets)
            count += objective.observationCount
            for gradient in try gradients(of: objective.negativeLogLikelihood, withRespectTo: tensors) {
                squares += try #require(gradient).squared().sum().item()
            }
        }
        let estimator = try CurvatureEstimator(of: model)
        let full = try #require(
            try estimator.estimate(
                [.full(.empirical)],
                of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
            ).full(.empirical))
        let spectrum = try Spectrum(of: full.mean)
        #expect(abs(spectrum.trace - squares / Double(count)) <= 1e-11 * spectrum.trace)
        let rank = spectrum.values.filter { $0 > 1e-12 * spectrum.values[0] }.count
        #expect(rank <= batch.unitCount && rank > 1 && spectrum.values.count > batch.unitCount)
    }

    /// Gauss-Newton products, made of Jacobian products and the output Hessian, are the exact Fisher of the
    /// estimators, made of factors, for softmax; and of a model linear in its parameters the Hessian itself.
    @Test func gaussNewtonIsTheFisherForSoftmax() throws {
        for network in [Network.perceptron, .positions, .twice] {
            let (model, batch, logits) = try network.make()
            let forward = { Categorical(logits: logits(batch.inputs)) }
            let full = try #require(
                try CurvatureEstimator(of: model).estimate(
                    [.full(.exact)], of: Objective(forward(), observing: batch.targets)
                ).full(.exact))
            try expectColumns(
                of: try #require(
                    try CurvatureEstimator(of: model).estimate(
                        [.products(.gaussNewton)], of: Objective(forward(), observing: batch.targets)
                    ).products(.gaussNewton)), are: full.mean)
        }
        let generator = try RandomGenerator(seed: 8)
        let layer = Linear(4, 3, dtype: .float64, using: generator)
        let x = Tensor.normal([10, 4], dtype: .float64, using: generator)
        let y = Tensor((0..<10).map { Int64($0 % 3) })
        let full = try #require(
            try CurvatureEstimator(of: layer).estimate(
                [.full(.exact)], of: Objective(Categorical(logits: layer(x)), observing: y)
            ).full(.exact))
        try expectColumns(
            of: try #require(
                try CurvatureEstimator(of: layer).estimate(
                    [.hessian], of: Objective(Categorical(logits: layer(x)), observing: y)
                ).hessian),
            are: full.mean)
    }

    /// The same for a Gaussian of fixed variance, where both are J^T J / variance, written out by rows of J.
    @Test(arguments: [1.0, 0.25])
    func gaussNewtonIsTheFisherForFixedVariance(_ variance: Double) throws {
        let (model, batch, logits) = try Network.perceptron.make()
        let targets = Tensor.normal([6, 3], dtype: .float64, using: try RandomGenerator(seed: 2))
        let forward = { try Gaussian(mean: logits(batch.inputs), variance: variance) }
        let tensors = model.parameters.map(\.parameter.wrappedValue)
        let outputs = logits(batch.inputs).flattened()
        let rows = try (0..<18).map { k in
            let slope = try gradients(of: outputs.selecting(0, k), withRespectTo: tensors, keepGraph: true)
            return Tensor.concatenated(zip(slope, tensors).map { ($0 ?? .zeros(like: $1)).flattened() })
        }
        let jacobian = Tensor.stacked(rows).detached()
        let expected = jacobian.transposed().matmul(jacobian) / (6 * variance)
        let estimator = try CurvatureEstimator(of: model)
        for source in [CurvatureSource.exact, .gaussNewton] {
            let full = try #require(
                try estimator.estimate([.full(source)], of: Objective(forward(), observing: targets)).full(
                    source))
            #expect(try close(full.mean, expected))
        }
        try expectColumns(
            of: try #require(
                try estimator.estimate(
                    [.products(.gaussNewton)], of: Objective(forward(), observing: targets)
                )
                .products(.gaussNewton)), are: expected)
    }

    private func expectColumns(of product: SymmetricOperator, are matrix: Tensor) throws {
        let size = matrix.shape[0]
        let generator = try RandomGenerator(seed: 6)
        for _ in 0..<4 {
            let v = Tensor.normal([size], dtype: .float64, using: generator)
            #expect(try close(try product(v), matrix.matmul(v.unsqueezed(1)).flattened()))
        }
    }

    /// A logistic regression in other coordinates: x -> M x, theta -> M^-T theta. The Fisher step changes what
    /// the model says by the same, the gradient step does not.
    @Test(arguments: [UInt64(1), 2, 3])
    func theStepIsInvariantUnderLinearReparameterization(_ seed: UInt64) throws {
        let generator = try RandomGenerator(seed: seed)
        let x = Tensor.normal([200, 3], dtype: .float64, using: generator)
        let y = Bernoulli(logits: x.sum(along: 1, keepingDimensions: true)).sample(using: generator)
        let m = Tensor.normal([3, 3], dtype: .float64, using: generator)
        let theta = Tensor.normal([3], dtype: .float64, using: generator)
        // theta' with x M theta' = x theta, by least squares, as M is invertible.
        let mm = m.transposed().matmul(m)
        let other = m.transposed().matmul(theta.unsqueezed(1)).choleskySolved(factor: mm.cholesky())
            .flattened()
        func logitsAfterStep(_ x: Tensor, _ theta: Tensor, preconditioned: Bool) throws -> Tensor {
            let layer = Linear(3, 1, bias: false, dtype: .float64, using: try RandomGenerator(seed: 0))
            try layer.$weight.assign(theta.unsqueezed(0))
            let forward = { Bernoulli(logits: layer(x)) }
            let full = try #require(
                try CurvatureEstimator(of: layer).estimate(
                    [.full(.exact)], of: Objective(forward(), observing: y)
                ).full(.exact))
            let loss = try Objective(forward(), observing: y).loss
            let gradient = try #require(try gradients(of: loss, withRespectTo: [layer.weight])[0])
            let path = layer.parameters[0].path
            let step =
                preconditioned ? try #require(full.step(for: [path: gradient], damping: 0)[path]) : gradient
            return x.matmul((layer.weight.detached() - step * 0.5).transposed())
        }
        let moved = x.matmul(m)
        #expect(try close(moved.matmul(other.unsqueezed(1)), x.matmul(theta.unsqueezed(1)), 1e-9))
        #expect(
            try close(
                logitsAfterStep(moved, other, preconditioned: true),
                logitsAfterStep(x, theta, preconditioned: true), 1e-8))
        #expect(
            try !close(
                logitsAfterStep(moved, other, preconditioned: false),
                logitsAfterStep(x, theta, preconditioned: false), 1e-2))
    }

    /// A loss times alpha (a Gaussian of variance 1 / alpha): its gradient is homogeneous of degree 1. Information
    /// that is a curvature (exact, Gauss-Newton) is of degree 1 too, and the step of degree 0; that of squared
    /// scores (empirical, mini-batch) is of degree 2, and its step of degree -1.
    @Test(arguments: [0.01, 100.0])
    func theStepScalesAsItsInformation(_ alpha: Double) throws {
        let (model, batch, logits) = try Network.perceptron.make()
        let targets = Tensor.normal([6, 3], dtype: .float64, using: try RandomGenerator(seed: 2))
        let estimator = try CurvatureEstimator(of: model)
        let tensors = model.parameters.map(\.parameter.wrappedValue)
        let paths = model.parameters.map(\.path)
        func found(_ source: CurvatureSource, _ scale: Double) throws -> (Tensor, DiagonalInformation) {
            let forward = { try Gaussian(mean: logits(batch.inputs), variance: 1 / scale) }
            let information = try #require(
                try estimator.estimate([.diagonal(source)], of: Objective(forward(), observing: targets))
                    .diagonal(source))
            let loss = try Objective(try forward(), observing: targets).loss
            let slopes = try gradients(of: loss, withRespectTo: tensors).map { try #require($0) }
            let gradient = Dictionary(uniqueKeysWithValues: zip(paths, slopes))
            let step = try information.step(for: gradient, damping: 0)
            return (Tensor.concatenated(paths.compactMap { step[$0]?.flattened() }), information)
        }
        for source in [CurvatureSource.exact, .gaussNewton, .empirical, .minibatch] {
            let degree = source == .exact || source == .gaussNewton ? 1.0 : 2.0
            let ((step, information), (scaled, other)) = (try found(source, 1), try found(source, alpha))
            for path in paths {
                let (f, g) = (try #require(information.mean[path]), try #require(other.mean[path]))
                #expect(try close(g, f * pow(alpha, degree)), "\(source) \(path)")
            }
            #expect(try close(scaled, step * pow(alpha, 1 - degree)), "\(source)")
        }
    }

    /// KL(theta || theta + h d) = h^2 d^T F d / 2 (1 + O(h)) in the parameters: the relative rest halves with h.
    @Test(arguments: [Network.perceptron, .positions, .tiedGPT])
    func theDivergenceIsHalfTheFisherNorm(_ network: Network) throws {
        let (model, batch, logits) = try network.make()
        let forward = { Categorical(logits: logits(batch.inputs)) }
        let fisher = try #require(
            try CurvatureEstimator(of: model).estimate(
                [.products(.exact)], of: Objective(forward(), observing: batch.targets)
            ).products(.exact))
        let direction = Tensor.normal([fisher.size], dtype: .float64, using: try RandomGenerator(seed: 12))
        let norm = try (direction * fisher(direction)).sum().item()
        let count = Double(try forward().observationCount(of: batch.targets))
        let named = model.parameters
        let parts = ParameterLayout(of: named.map(\.parameter.wrappedValue)).split(direction)
        let here = Categorical(logits: logits(batch.inputs).detached())
        let rests = try (11...15).map { power -> Double in
            let h = pow(0.5, Double(power))
            func move(_ distance: Double) throws {
                for (parameter, part) in zip(named, parts) {
                    try withoutGradients { try parameter.parameter.wrappedValue.add(part, scale: distance) }
                }
            }
            try move(h)
            let divergence = try here.divergence(from: forward(), observing: batch.targets).item() / count
            try move(-h)
            return divergence / (h * h * norm / 2) - 1
        }
        #expect(abs(try #require(rests.last)) < 0.02)
        for (rest, next) in zip(rests, rests.dropFirst()) {
            let slope = log2(abs(rest / next))
            #expect(abs(slope - 1) < 0.2, "\(rests)")
        }
    }
}
