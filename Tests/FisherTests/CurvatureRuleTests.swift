import Foundation
import Testing

@testable import Fisher
@testable import FisherInformation

/// AdaHessian, IVON, TONGA, the correlated FAdam and trust regions: against PyTorch, resumed, and what they must be equal
/// to.
@Suite struct CurvatureRuleTests {
    typealias Network = OptimizerTests.Network

    /// The rules with options under which they settle on the small network.
    static let subjects = [
        "adahessian:lr=0.05", "adahessian:lr=0.05,block_size=3,draws=2", "ivon:ess=100,draws=2",
        "ivon:ess=100,hess_approx=gradsq", "tonga:rank=2,basis_interval=2", "newton:trust_radius=1",
        "gauss_newton:trust_radius=1", "correlated_fadam:basis_interval=2",
        "correlated_fadam:rank=2,basis_interval=2", "correlated_fadam:basis=none,rank=2,basis_interval=2",
    ]

    static func largest(_ a: [Double], _ b: [Double]) -> Double {
        let scale = b.map(abs).max() ?? 1
        return a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max()! / scale : .infinity
    }

    @Test func allCasesAreHere() { #expect(ModelCase.all(in: "curvature").count == 50) }

    @Test(arguments: ModelCase.all(in: "curvature"))
    func agreesWithBruteForceInPyTorch(_ model: ModelCase) throws {
        let error = try model.error()
        #expect(error <= 1e-9, "\(error)")
    }

    /// Parts of a batch share the draws of its step.
    @Test(arguments: ModelCase.all(in: "curvature").filter { !$0.testDescription.hasPrefix("regression") })
    func microBatchesGiveTheWholeStep(_ model: ModelCase) throws {
        #expect(try model.error(microBatches: 3) <= 1e-8)
    }

    @Test(arguments: subjects)
    func restoredGoesOnExactly(_ text: String) throws {
        let (one, two) = (try Network(), try Network())
        let batch = try OptimizerTests.batch()
        let first = try Optimizer(for: one, try NaturalRuleTests.rule(text), labelSeed: 3)
        for _ in 1...3 { try NaturalRuleTests.step(first, one, batch) }
        let second = try Optimizer(for: two, try NaturalRuleTests.rule(text), labelSeed: 8)
        try second.restore(first.state.mapValues { $0.copy() })
        for (a, b) in zip(one.parameters, two.parameters) {
            try b.parameter.assign(a.parameter.wrappedValue.detached())
        }
        #expect(first.stateByteCount == first.expectedStateByteCount)
        for _ in 1...3 {
            try NaturalRuleTests.step(first, one, batch)
            try NaturalRuleTests.step(second, two, batch)
        }
        #expect(try OptimizerTests.weights(one) == OptimizerTests.weights(two))
    }

    @Test(arguments: subjects)
    func theLossFalls(_ text: String) throws {
        let model = try Network()
        let batch = try OptimizerTests.batch()
        let optimizer = try Optimizer(for: model, try NaturalRuleTests.rule(text))
        func loss() throws -> Double {
            try Objective(Categorical(logits: model(batch.inputs)), observing: batch.targets).loss.item()
        }
        let first = try loss()
        for _ in 1...20 { try NaturalRuleTests.step(optimizer, model, batch) }
        #expect(try loss() < first)
    }

    /// Inputs without information, and some that saturate every unit.
    @Test(arguments: subjects, [0, 1e-12, 1e8])
    func extremeBatchesStayFinite(_ text: String, _ scale: Double) throws {
        let model = try Network()
        let batch = try OptimizerTests.batch()
        let scaled = SupervisedBatch(inputs: batch.inputs * scale, targets: batch.targets)
        let optimizer = try Optimizer(for: model, try NaturalRuleTests.rule(text))
        for _ in 1...3 { try NaturalRuleTests.step(optimizer, model, scaled) }
        #expect(try OptimizerTests.weights(model).allSatisfy(\.isFinite))
        for (key, tensor) in optimizer.state where !key.hasPrefix("optimizer/") {
            #expect(try tensor.scalars(as: Double.self).allSatisfy(\.isFinite), "\(key)")
        }
    }

    @Test(arguments: ["adahessian", "ivon", "correlated_fadam"])
    func modelsAreNeeded(_ name: String) throws {
        let rule = try RuleRegistry.rule(named: name)
        let error = #expect(throws: OptimizerError.self) {
            try Optimizer(parameters: try Network().parameters, groups: [.init(.rest, rule)])
        }
        #expect(error?.description.contains("\(name) works on a model and its batches") == true)
        _ = try Optimizer(
            parameters: try Network().parameters,
            groups: [.init(.rest, try CorrelatedFAdam { $0.basis = .none })])
    }

    // MARK: AdaHessian

    /// Blocks of five elements, the last of two.
    @Test func theLastBlockMayBeShorter() throws {
        let h = Tensor((0..<12).map { $0 % 2 == 0 ? Double($0) : -Double($0) }, shape: [3, 4])
        let found = try AdaHessian.averaged(h, blockSize: 5, .magnitude).scalars(as: Double.self)
        #expect(found == [2, 2, 2, 2, 2, 7, 7, 7, 7, 7, 10.5, 10.5])
        let signed = try AdaHessian.averaged(h, blockSize: 5, .signed).scalars(as: Double.self)
        #expect(largest(signed, [0.4, 0.4, 0.4, 0.4, 0.4, 1.4, 1.4, 1.4, 1.4, 1.4, 0.5, 0.5]) < 1e-12)
    }

    private func largest(_ a: [Double], _ b: [Double]) -> Double { Self.largest(a, b) }

    /// On a quadratic with a diagonal Hessian every draw gives that diagonal: the first step is eta sign by sign Newton's.
    @Test func oneDrawIsExactForADiagonalHessian() throws {
        final class Bowl: Module {
            @Parameter var theta = Tensor([1.0, -2, 3])
            let curvature = Tensor([4.0, 0.5, 1])
        }
        let bowl = Bowl()
        let optimizer = try Optimizer(
            for: bowl, groups: [.init(.rest, try AdaHessian(learningRate: 0.5) { $0.epsilon = 0 })])
        try optimizer.step {
            // -log p of a Gaussian of variance 1 / curvature about zero, at one observation.
            try Objective(
                Gaussian(mean: (bowl.theta * bowl.curvature.squareRoot()).unsqueezed(0)),
                observing: .zeros([1, 3], dtype: .float64))
        }
        #expect(try largest(bowl.theta.scalars(as: Double.self), [0.5, -1, 1.5]) < 1e-12)
    }

    // MARK: IVON

    /// On a linear Gaussian model the posterior of independent elements has the Hessian's diagonal as its precision and
    /// the least-squares solution as its mean.
    @Test func ivonFindsThePosteriorOfALinearModel() throws {
        let generator = try RandomGenerator(seed: 2)
        let layer = Linear(3, 1, bias: false, dtype: .float64, using: generator)
        let x = Tensor.normal([40, 3], dtype: .float64, using: generator) * Tensor([1.0, 2, 0.5])
        let y = x.matmul(Tensor([1.0, -1, 2], shape: [3, 1]))
        let rule = try IVON(learningRate: .cosine(0.3, steps: 400)) {
            $0.effectiveSampleSize = 40
            $0.beta2 = 0.98
            $0.weightDecay = 0.025
            $0.draws = 4
        }
        let optimizer = try Optimizer(for: layer, groups: rule.groups(for: layer))
        for _ in 0..<400 {
            try optimizer.step(on: SupervisedBatch(inputs: x, targets: y)) {
                try Objective(Gaussian(mean: layer($0.inputs)), observing: $0.targets)
            }
        }
        let gram = x.transposed().matmul(x)
        let mean = gram.addingDiagonal(1).solvingPositiveDefinite(x.transposed().matmul(y).flattened())
        let posterior = try #require(optimizer.posterior)
        let path = ParameterPath("weight")
        let found = try #require(posterior.means[path]).scalars(as: Double.self)
        let variances = try #require(posterior.variances[path]).scalars(as: Double.self)
        let precisions = try gram.diagonal().scalars(as: Double.self).map { $0 + 1 }
        for (a, b) in zip(found, try mean.scalars(as: Double.self)) { #expect(abs(a - b) < 0.02) }
        for (variance, precision) in zip(variances, precisions) {
            #expect(abs(variance * precision - 1) < 0.25, "\(variance * precision)")
        }
    }

    /// Draws have the posterior's moments, predictions are their average, and the model is left as it was.
    @Test func predictionsAreAveragedOverThePosterior() throws {
        let model = try Network()
        let batch = try OptimizerTests.batch()
        let optimizer = try Optimizer(for: model, try IVON { $0.effectiveSampleSize = 30 })
        #expect(try Optimizer(for: try Network(), SGD()).posterior == nil)
        for _ in 0..<3 { try NaturalRuleTests.step(optimizer, model, batch) }
        let posterior = try #require(optimizer.posterior)
        let before = try OptimizerTests.weights(model)
        let path = ParameterPath("first.weight")
        let (mean, variance) = (try #require(posterior.means[path]), try #require(posterior.variances[path]))
        let generator = try RandomGenerator(seed: 4)
        let count = 400
        let moment = try posterior.averaged(over: count, using: generator) {
            (model.first.weight.detached() - mean).squared() / variance
        }
        // A mean of `count` squares of standard normal numbers, 32 of them together.
        #expect(abs(try moment.mean().item() - 1) < 5 * (2.0 / Double(count * 32)).squareRoot())
        let (one, two) = (try RandomGenerator(seed: 5), try RandomGenerator(seed: 5))
        var sum = Tensor.zeros([12, 3], dtype: .float64)
        for _ in 0..<3 { sum = sum + (try posterior.withDraw(using: one) { model(batch.inputs).detached() }) }
        let averaged = try posterior.averaged(over: 3, using: two) { model(batch.inputs) }
        #expect(try largest(averaged.scalars(), (sum / 3).scalars()) < 1e-12)
        #expect(try OptimizerTests.weights(model) == before)
        #expect(throws: CancellationError.self) {
            try posterior.withDraw(using: one) { throw CancellationError() }
        }
        #expect(try OptimizerTests.weights(model) == before)
    }

    /// A draw that does not fit, or a loss that is not finite, leaves the parameters as they are.
    @Test func failedDrawsLeaveTheMean() throws {
        let model = try Network()
        let batch = try OptimizerTests.batch()
        let optimizer = try Optimizer(for: model, IVON())
        let before = try OptimizerTests.weights(model)
        optimizer.draws?.given = [.zeros([8, 4], dtype: .float64), .zeros([3], dtype: .float64)]
        #expect(throws: TorchError.self) { try NaturalRuleTests.step(optimizer, model, batch) }
        #expect(try OptimizerTests.weights(model) == before)
        let bad = SupervisedBatch(inputs: batch.inputs * .nan, targets: batch.targets)
        #expect(throws: NonFiniteError.self) { try NaturalRuleTests.step(optimizer, model, bad) }
        #expect(try OptimizerTests.weights(model) == before)
        #expect(optimizer.updateCount == 0)
    }

    // MARK: TONGA and the correlated metric

    /// (C + damping I)^-1 g with the dense C of the same rows, step by step.
    @Test func tongaEqualsTheDenseInverse() throws {
        let generator = try RandomGenerator(seed: 6)
        let rule = try TONGA(learningRate: 1) {
            $0.damping = 0.01
            $0.rank = 2
            $0.basisInterval = 3
            $0.decay = 0.7
        }
        var state = TensorState()
        for t in 1...11 {
            let g = Tensor.normal([4, 5], dtype: .float64, using: generator)
            var copy = TensorState(tensors: state.tensors.mapValues { $0.copy() })
            let input = RuleInput(parameter: .zeros(like: g), gradient: g, step: t)
            let change = rule.update(for: input, state: &state).change
            let a = try rule.sketch.update(with: g, at: t, in: &copy).factor
            let matrix = a.transposed().matmul(a).addingDiagonal(0.01)
            let expected = -matrix.solvingPositiveDefinite(g.flattened())
            #expect(try largest(change.flattened().scalars(), expected.scalars()) < 1e-9, "step \(t)")
        }
    }

    /// The dense matrix function, at every power; at power 1 it is D + kappa U U^T, whose diagonal is f.
    @Test(arguments: [0.5, 0.7, 1])
    func theCorrelatedMetricIsItsDenseMatrix(_ rho: Double) throws {
        let generator = try RandomGenerator(seed: 3)
        let n = 9
        let u = Tensor.normal([3, n], dtype: .float64, using: generator)
        let f = u.squared().sum(along: 0) + Tensor.uniform([n], dtype: .float64, using: generator)
        let (kappa, x) = (0.8, Tensor.normal([n], dtype: .float64, using: generator))
        let floor = Tensor.full([], 1e-4, dtype: .float64)
        let found = CorrelatedMetric(factor: u, correlation: kappa, power: rho).division(f, floor)(x)
        let d = (f - u.squared().sum(along: 0) * kappa).power(rho) + floor
        let scale = d.power(-1 / (2 * rho)).unsqueezed(1)
        let inner = (scale * u.transposed().matmul(u) * scale.transposed() * kappa).addingDiagonal(1)
        let (w, q) = inner.symmetricEigen()
        let root = d.squareRoot().unsqueezed(1)
        let metric = root * (q * w.power(rho)).matmul(q.transposed()) * root.transposed()
        let back = try metric.matmul(found.unsqueezed(1)).flattened().scalars(as: Double.self)
        #expect(try largest(back, x.scalars()) < 1e-9)
        if rho == 1 {
            #expect(try largest(metric.diagonal().scalars(), (f + floor).scalars()) < 1e-12)
        }
    }

    /// Without a basis and without a low-rank part the rule is FAdam; with a share of zero too.
    @Test(arguments: [(0, 0.5), (3, 0)])
    func withoutCorrelationsItIsFAdam(_ rank: Int, _ correlation: Double) throws {
        let batch = try OptimizerTests.batch()
        func path(_ rule: any OptimizationRule) throws -> [Double] {
            let model = try Network()
            let optimizer = try Optimizer(for: model, rule)
            for _ in 0..<5 { try NaturalRuleTests.step(optimizer, model, batch) }
            return try OptimizerTests.weights(model)
        }
        let found = try path(
            try CorrelatedFAdam {
                $0.basis = .none
                $0.rank = rank
                $0.correlation = .constant(correlation)
            })
        #expect(try largest(found, path(FAdam())) < 1e-10)
        #expect(try largest(path(try CorrelatedFAdam { $0.labels = .exact }), path(FAdam())) > 1e-6)
    }

    // MARK: trust regions

    /// Within a radius that it does not reach, a step of a positive definite quadratic is the plain solution.
    @Test(arguments: ["newton", "gauss_newton"])
    func aLargeRegionIsThePlainStep(_ name: String) throws {
        let generator = try RandomGenerator(seed: 1)
        let batch = SupervisedBatch(
            inputs: .normal([20, 4], dtype: .float64, using: generator),
            targets: .normal([20, 2], dtype: .float64, using: generator))
        func path(_ settings: [(name: String, value: String)]) throws -> [Double] {
            let model = Linear(4, 2, dtype: .float64, using: try RandomGenerator(seed: 8))
            var rule = try RuleRegistry.rule(named: name)
            try rule.set(settings + [("tolerance", "1e-13")])
            let optimizer = try Optimizer(for: model, rule)
            try optimizer.step(on: batch) {
                try Objective(Gaussian(mean: model($0.inputs)), observing: $0.targets)
            }
            return try model.parameters.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) }
        }
        let plain = try path([("damping", "0"), ("adapts_damping", "false")])
        #expect(try largest(path([("trust_radius", "100")]), plain) < 1e-10)
        #expect(try largest(path([("trust_radius", "0.1")]), plain) > 1e-2)
    }

    /// (theta^2 - 1)^2 / 2 between its maximum and the inflection at 1 / sqrt(3): Newton's step goes uphill, and further
    /// from step to step near the inflection; within a region every step made lowers the loss, down to the minimum.
    @Test func aRegionConvergesWhereNewtonDiverges() throws {
        final class Well: Module {
            @Parameter var theta = Tensor([0.5773], shape: [1, 1]).to(dtype: .float64)
        }
        func path(_ rule: any OptimizationRule, steps: Int) throws -> [(theta: Double, loss: Double)] {
            let well = Well()
            let optimizer = try Optimizer(for: well, rule)
            func objective() throws -> Objective {
                try Objective(
                    Gaussian(mean: well.theta.squared() - 1), observing: .zeros([1, 1], dtype: .float64))
            }
            return try (0..<steps).map { _ in
                try optimizer.step(objective)
                return (try well.theta.item(), try objective().loss.item())
            }
        }
        let start = 0.5 * (0.5773 * 0.5773 - 1) * (0.5773 * 0.5773 - 1) + 0.9189385332046727
        let plain = try path(
            try Newton {
                $0.damping = 0
                $0.adaptsDamping = false
                $0.solver = .dense
            }, steps: 1)
        #expect(plain[0].loss > start + 100)
        let within = try path(try Newton { $0.trustRadius = 1 }, steps: 15)
        #expect(zip(within.dropFirst(), within).allSatisfy { $0.loss <= $1.loss + 1e-12 })
        #expect(abs(abs(within[14].theta) - 1) < 1e-8)
    }

    /// The radius follows the ratio of decreases; what raises the loss is not made and is counted.
    @Test func theRadiusFollowsTheModel() throws {
        var region = TrustRegion()
        region.maximumTrustRadius = 3
        func judged(_ ratio: Double, boundary: Bool = true, length: Double = 2) -> (Double, Bool) {
            let found = region.judgement(radius: 2, length: length, ratio: ratio, isOnBoundary: boundary)
            return (found.radius, found.isMade)
        }
        #expect(judged(1) == (3, true) && judged(1, boundary: false) == (2, true))
        #expect(judged(0.5) == (2, true) && judged(0.1) == (0.5, true))
        #expect(judged(-1, length: 1) == (0.25, false) && judged(.nan) == (0.5, false))
        let model = try Network()
        let optimizer = try Optimizer(
            for: model, try Newton(learningRate: 1e3) { $0.trustRadius = 10 })
        let before = try OptimizerTests.weights(model)
        let report = try NaturalRuleTests.step(optimizer, model, try OptimizerTests.batch())
        #expect(report.fallbackCount == 1)
        #expect(try OptimizerTests.weights(model) == before)
        #expect(throws: HyperparameterError.self) {
            try Newton {
                $0.solver = .dense
                $0.trustRadius = 1
            }
        }
        #expect(throws: HyperparameterError.self) { try GaussNewton { $0.trustRadius = 0 } }
    }

    /// Against the minimum over the ball from the eigenvalues, where the whole Krylov space is searched: not below it, at
    /// most the Cauchy point, on the boundary exactly; indefinite matrices among them.
    @Test(arguments: [0.05, 0.5, 5, 500], [false, true])
    func steihaugStaysInTheBall(_ radius: Double, _ isIndefinite: Bool) throws {
        let generator = try RandomGenerator(seed: 9)
        let (q, n) = (Tensor.normal([8, 8], dtype: .float64, using: generator).qr().q, 8)
        let values = (0..<n).map { isIndefinite ? Double($0) - 2.5 : Double($0) + 0.5 }
        let b = (q * Tensor(values)).matmul(q.transposed())
        let g = Tensor.normal([n], dtype: .float64, using: generator)
        let found = try SteihaugToint(
            SymmetricOperator(b), g, radius: radius, tolerance: 1e-12, maximumIterations: 50)
        func model(_ p: Tensor) throws -> Double {
            try (g * p + p * b.matmul(p.unsqueezed(1)).flattened() * 0.5).sum().item()
        }
        let length = try found.step.norm().item()
        #expect(length <= radius * (1 + 1e-12))
        #expect(!found.isOnBoundary || abs(length - radius) < 1e-12 * radius)
        #expect(found.metNegativeCurvature ? isIndefinite : true)
        // The Cauchy point: the minimum along -g.
        let norm = try g.norm().item()
        let curvature = try (g * b.matmul(g.unsqueezed(1)).flattened()).sum().item()
        let reach = curvature > 0 ? min(radius / norm, norm * norm / curvature) : radius / norm
        #expect(try model(found.step) <= model(g * -reach) + 1e-12)
        if !isIndefinite && radius == 500 {
            #expect(try largest(found.step.scalars(), (-b.solvingPositiveDefinite(g)).scalars()) < 1e-9)
            #expect(!found.isOnBoundary)
        }
    }
}
