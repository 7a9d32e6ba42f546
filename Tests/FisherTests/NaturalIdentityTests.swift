import Fisher
import Foundation
import Testing

/// What the rules with a whole Fisher information must be equal to.
@Suite struct NaturalIdentityTests {
    typealias Network = OptimizerTests.Network

    private func largest(_ a: [Double], _ b: [Double]) -> Double {
        let scale = b.map(abs).max() ?? 1
        return a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max()! / scale : .infinity
    }

    private func weights(_ model: any Module) throws -> [Double] {
        try model.parameters.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) }
    }

    /// The iEF step on every kind of layer, positions, reuse and a tied head, with rows of J by autograd.
    @Test(arguments: InformationTests.Network.allCases)
    func iefSolvesTheDenseSystem(_ network: InformationTests.Network) throws {
        let (model, batch, logits) = try network.make()
        let parameters = model.parameters.map(\.parameter.wrappedValue)
        var (rows, squares): ([Tensor], [Double]) = ([], [])
        for unit in 0..<batch.unitCount {
            let one = batch.slice(unit..<unit + 1)
            let outputs = logits(one.inputs)
            let loss = Categorical(logits: outputs).negativeLogLikelihood(of: one.targets)
            let found = try gradients(of: loss, withRespectTo: parameters + [outputs])
            rows.append(
                .concatenated(zip(found, parameters).map { ($0 ?? .zeros(like: $1.detached())).flattened() }))
            let length = try #require(found.last ?? nil).norm().item()
            squares.append(length * length)
        }
        let j = Tensor.stacked(rows)
        let gram = j.matmul(j.transposed()).addingDiagonal(1e-3)
        let expected = try j.transposed().matmul(
            gram.solvingPositiveDefinite(Tensor(squares)).unsqueezed(1)
        ).flattened().scalars(as: Double.self)

        let before = try weights(model)
        try Optimizer(for: model, try IEF(learningRate: 1)).step(on: batch, microBatches: 2) {
            try Objective(Categorical(logits: logits($0.inputs)), observing: $0.targets)
        }
        let moved = try zip(before, weights(model)).map { $0 - $1 }
        #expect(largest(moved, expected) < 1e-8)
    }

    /// A factorization and conjugate gradients take Gauss and Newton's step, and with H = F_z it is the natural gradient.
    @Test(arguments: InformationTests.Network.allCases)
    func gaussAndNewtonsStepIsThatOfAnySolver(_ network: InformationTests.Network) throws {
        func step(_ rule: any OptimizationRule) throws -> [Double] {
            let (model, batch, logits) = try network.make()
            let before = try weights(model)
            try Optimizer(for: model, rule).step(on: batch) {
                try Objective(Categorical(logits: logits($0.inputs)), observing: $0.targets)
            }
            return try zip(before, weights(model)).map { $0 - $1 }
        }
        func gaussNewton(_ solver: LinearSolver) throws -> GaussNewton {
            try GaussNewton {
                $0.solver = solver
                $0.damping = 0.1
                $0.tolerance = 1e-13
            }
        }
        let found = try step(try gaussNewton(.direct))
        #expect(largest(found, try step(try gaussNewton(.dense))) < 1e-9)
        #expect(largest(found, try step(try gaussNewton(.conjugateGradients))) < 1e-9)
        let natural = try NaturalGradient(learningRate: 1) { $0.damping = 0.1 }
        #expect(largest(found, try step(natural)) < 1e-9)
    }

    /// J^T diag(s)^-1 J / N: undamped, its inverse takes the mean gradient to iEF's step.
    @Test(arguments: [InformationTests.Network.perceptron, .positions])
    func theImprovedInformationGivesTheImprovedStep(_ network: InformationTests.Network) throws {
        let (model, batch, logits) = try network.make()
        let estimator = try CurvatureEstimator(of: model)
        let full = try #require(
            try estimator.estimate(
                [.full(.improved)],
                of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
            ).full(.improved))
        let diagonal = try #require(
            try estimator.estimate(
                [.diagonal(.improved)],
                of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
            ).diagonal(.improved))
        let elements = try full.paths.flatMap {
            try #require(diagonal.mean[$0]).scalars(as: Double.self)
        }
        #expect(try largest(elements, full.mean.diagonal().scalars(as: Double.self)) < 1e-12)

        let objective = try Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets)
        let parameters = model.parameters.map(\.parameter.wrappedValue)
        let g = try gradients(of: objective.loss, withRespectTo: parameters).compactMap { $0?.flattened() }
        let before = try weights(model)
        try Optimizer(for: model, try IEF(learningRate: 1) { $0.damping = 0 }).step(on: batch) {
            try Objective(Categorical(logits: logits($0.inputs)), observing: $0.targets)
        }
        let step = try Tensor(zip(before, weights(model)).map { $0 - $1 })
        let back = full.mean.matmul(step.unsqueezed(1)).flattened()
        #expect(try largest(back.scalars(), Tensor.concatenated(g).scalars()) < 1e-6)
    }

    /// J D = s: every sample's loss falls in proportion to the square of its logit gradient.
    @Test func iefLowersEachLossByItsSquare() throws {
        let model = try Network()
        let batch = try OptimizerTests.batch(8)
        func losses() throws -> [Double] {
            try Categorical(logits: model(batch.inputs)).perObservationNegativeLogLikelihood(
                of: batch.targets
            ).scalars(as: Double.self)
        }
        let z = model(batch.inputs)
        let slope = try #require(
            try gradients(
                of: Categorical(logits: z).negativeLogLikelihood(of: batch.targets), withRespectTo: [z])[0])
        let s = try slope.squared().sum(along: 1).scalars(as: Double.self)
        let before = try losses()
        try NaturalRuleTests.step(
            try Optimizer(for: model, try IEF(learningRate: 1e-7) { $0.damping = 0 }), model, batch)
        let fallen = try zip(before, losses()).map { ($0 - $1) / 1e-7 }
        #expect(largest(fallen, s) < 1e-5)
    }

    /// With the expected information and eta = 1: recursive least squares, a sample at a time.
    @Test func accumulatedNaturalGradientIsRecursiveLeastSquares() throws {
        let generator = try RandomGenerator(seed: 2)
        let layer = Linear(2, 1, dtype: .float64, using: generator)
        let (variance, prior) = (0.25, 0.1)
        let rule = try NaturalGradient(learningRate: 1) {
            $0.damping = .constant(prior)
            $0.accumulates = true
        }
        let optimizer = try Optimizer(for: layer, rule)
        var theta = try weights(layer)
        // P = I_0^-1; then gain k = P x / (variance + x P x), theta += k (y - x theta), P -= k x P.
        var p = (0..<3).map { i in (0..<3).map { $0 == i ? 1 / prior : 0.0 } }
        for _ in 0..<12 {
            let point = Tensor.normal([1, 2], dtype: .float64, using: generator)
            let x = try point.scalars(as: Double.self) + [1]
            let y = 2 * x[0] - x[1] + 0.5 + (try Tensor.normal([1], using: generator).item()) * 0.5
            let px = p.map { row in zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
            let scale = variance + zip(x, px).reduce(0) { $0 + $1.0 * $1.1 }
            let error = y - zip(x, theta).reduce(0) { $0 + $1.0 * $1.1 }
            for i in 0..<3 {
                theta[i] += px[i] / scale * error
                for k in 0..<3 { p[i][k] -= px[i] * px[k] / scale }
            }
            try optimizer.step(
                on: SupervisedBatch(inputs: point, targets: Tensor([y], shape: [1, 1]))
            ) {
                try Objective(
                    Gaussian(mean: layer($0.inputs), variance: variance), observing: $0.targets)
            }
            #expect(try largest(weights(layer), theta) < 1e-10)
        }
    }

    /// The generalized Gauss-Newton matrix of a softmax is its Fisher information.
    @Test func gaussNewtonIsTheNaturalGradientOfASoftmax() throws {
        let (one, two) = (try Network(), try Network())
        let batch = try OptimizerTests.batch()
        let first = try Optimizer(
            for: one,
            try GaussNewton(learningRate: 0.3) {
                $0.damping = 0.01
                $0.adaptsDamping = false
                $0.tolerance = 1e-13
            })
        let second = try Optimizer(for: two, try NaturalGradient(learningRate: 0.3) { $0.damping = 0.01 })
        for _ in 0..<3 {
            try NaturalRuleTests.step(first, one, batch)
            try NaturalRuleTests.step(second, two, batch)
        }
        #expect(try largest(weights(one), weights(two)) < 1e-10)
    }

    /// The undamped natural step is the same function, whatever the parameters of the first layer are multiplied by.
    @Test func theUndampedStepIsInvariant() throws {
        let generator = try RandomGenerator(seed: 7)
        let (one, two) = (try Network(), try Network())
        let x = Tensor.normal([80, 4], dtype: .float64, using: generator)
        let y = Tensor.normal([80, 3], dtype: .float64, using: generator)
        let map = Tensor.normal([4, 4], dtype: .float64, using: generator).addingDiagonal(2)
        // x^ = x M and W^ = W M^-T compute the same: W^ x^ = W M^-T M^T x.
        let normal = map.transposed().matmul(map)
        let columns = (0..<4).map { k in
            normal.solvingPositiveDefinite(map.transposed().selecting(1, k))
        }
        let inverse = Tensor.stacked(columns, along: 1)
        try two.first.$weight.assign(one.first.weight.detached().matmul(inverse.transposed()))
        let rule = try NaturalGradient(learningRate: 0.2) { $0.damping = 0 }
        let (first, second) = (try Optimizer(for: one, rule), try Optimizer(for: two, rule))
        let seen = x.matmul(map)
        for _ in 0..<3 {
            for (optimizer, model, inputs) in [(first, one, x), (second, two, seen)] {
                try optimizer.step(on: SupervisedBatch(inputs: inputs, targets: y)) {
                    try Objective(Gaussian(mean: model($0.inputs)), observing: $0.targets)
                }
            }
        }
        let (a, b) = try (one(x).scalars(as: Double.self), two(seen).scalars(as: Double.self))
        #expect(largest(a, b) < 1e-8)
        // And it is not that of the gradient.
        #expect(try largest(weights(one), weights(two)) > 0.01)
    }

    /// Near the saddle of (1 - v tanh(w))^2 / 2 Newton's step goes to it; that of the Fisher information goes down.
    @Test func newtonGoesUphillWhereTheLossIsNotConvex() throws {
        final class Product: Module {
            let inner: Linear
            let outer: Linear

            init() throws {
                let generator = try RandomGenerator(seed: 0)
                inner = Linear(1, 1, bias: false, dtype: .float64, using: generator)
                outer = Linear(1, 1, bias: false, dtype: .float64, using: generator)
                try inner.$weight.assign(.full([1, 1], 0.1, dtype: .float64))
                try outer.$weight.assign(.full([1, 1], 0.1, dtype: .float64))
            }
        }
        let batch = SupervisedBatch(
            inputs: .ones([1, 1], dtype: .float64), targets: .ones([1, 1], dtype: .float64))
        func change(_ rule: any OptimizationRule) throws -> Double {
            let model = try Product()
            func objective(_ batch: SupervisedBatch) throws -> Objective {
                try Objective(
                    Gaussian(mean: model.outer(model.inner(batch.inputs).tanh())), observing: batch.targets)
            }
            let before = try objective(batch).loss.item()
            try Optimizer(for: model, rule).step(on: batch, objective)
            return try objective(batch).loss.item() - before
        }
        #expect(
            try change(
                try Newton {
                    $0.damping = 0.2
                    $0.adaptsDamping = false
                    $0.solver = .dense
                }) > 0)
        #expect(try change(try NaturalGradient(learningRate: 1) { $0.damping = 0.2 }) < -0.1)
        // Conjugate gradients see the negative curvature and step down.
        #expect(
            try change(
                try Newton {
                    $0.damping = 0.2
                    $0.adaptsDamping = false
                }) < 0)
    }

    /// A model that predicts the loss lowers the damping; one that does not raises it.
    @Test func theDampingFollowsTheModel() throws {
        func damping(after steps: Int, learningRate: Schedule) throws -> Double {
            let model = Linear(4, 3, dtype: .float64, using: try RandomGenerator(seed: 1))
            let optimizer = try Optimizer(for: model, try GaussNewton(learningRate: learningRate))
            for _ in 0..<steps {
                try optimizer.step(on: try OptimizerTests.batch()) {
                    try Objective(Categorical(logits: model($0.inputs)), observing: $0.targets)
                }
            }
            return try #require(optimizer.state["parameter/weight/damping"]).item()
        }
        #expect(try damping(after: 3, learningRate: 1) < 0.5)
        #expect(try damping(after: 3, learningRate: 40) > 2)
    }

    /// (damping I + G^T G / m)^-1 g by a dense solution.
    @Test func mfacEqualsTheDenseInverse() throws {
        let generator = try RandomGenerator(seed: 6)
        let parameters = [("a", [3, 4]), ("b", [5])].map { name, shape in
            NamedParameter(
                path: ParameterPath(name),
                parameter: Parameter(wrappedValue: .zeros(shape, dtype: .float64)))
        }
        let rule = try MFAC(learningRate: 1) {
            $0.damping = 0.01
            $0.history = 4
        }
        let optimizer = try Optimizer(parameters: parameters, groups: [.init(.rest, rule)])
        var ring: [Tensor] = []
        var expected = Tensor.zeros([17], dtype: .float64)
        for _ in 0..<7 {
            let g = Tensor.normal([17], dtype: .float64, using: generator)
            ring = Array((ring + [g]).suffix(4))
            let rows = Tensor.stacked(ring)
            let matrix = (rows.transposed().matmul(rows) / 4).addingDiagonal(0.01)
            expected = expected - matrix.solvingPositiveDefinite(g)
            try optimizer.update(with: [
                ParameterPath("a"): g.narrowed(0, from: 0, length: 12).reshaped([3, 4]),
                ParameterPath("b"): g.narrowed(0, from: 12, length: 5),
            ])
        }
        let found = try parameters.flatMap {
            try $0.parameter.wrappedValue.scalars(as: Double.self)
        }
        #expect(try largest(found, expected.scalars(as: Double.self)) < 1e-11)
    }

    /// A batch of one has one gradient: the mean's square is the square's mean.
    @Test func fadamOnOneSampleHasOneSource() throws {
        let batch = try OptimizerTests.batch(1)
        func path(_ source: CurvatureSource) throws -> [Double] {
            let model = try Network()
            let optimizer = try Optimizer(for: model, try FAdam { $0.source = source })
            for _ in 0..<5 { try NaturalRuleTests.step(optimizer, model, batch) }
            return try weights(model)
        }
        #expect(try largest(path(.empirical), path(.minibatch)) < 1e-12)
        #expect(try largest(path(.exact), path(.minibatch)) > 1e-6)
    }
}
