import Foundation
import Synchronization
import Testing

@testable import Fisher
@testable import FisherInformation

/// Muon, Shampoo, SOAP and Kronecker FAdam against independent answers, and what is known of their steps.
@Suite struct MatrixRuleTests {
    static let path = ParameterPath("x")

    /// What a rule does to zeros in the steps of some gradients, without the learning rate.
    static func steps(_ rule: any OptimizationRule, _ gradients: [Tensor]) throws -> [Tensor] {
        var rule = rule
        rule.learningRate = 1
        let parameter = Parameter(wrappedValue: .zeros(like: gradients[0]))
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)], groups: [.init(.rest, rule)])
        return try gradients.map { g in
            let before = parameter.wrappedValue.detached().copy()
            try optimizer.update(with: [path: g])
            return before - parameter.wrappedValue.detached()
        }
    }

    static func distance(_ a: Tensor, _ b: Tensor) throws -> Double {
        try (a - b).to(dtype: .float64).norm().item()
    }

    /// A matrix with orthonormal columns.
    static func orthonormal(_ rows: Int, _ columns: Int, seed: UInt64) throws -> Tensor {
        Tensor.normal([rows, columns], dtype: .float64, using: try RandomGenerator(seed: seed))
            .qr().q
    }

    @Test func allCasesAreHere() {
        #expect(RuleCase.all(in: "matrix").count == 37)
    }

    @Test(arguments: RuleCase.all(in: "matrix"))
    func float64(_ golden: RuleCase) throws {
        #expect(try golden.error(in: .float64) <= 1e-11)
    }

    @Test(arguments: RuleCase.all(in: "matrix"))
    func float32(_ golden: RuleCase) throws {
        #expect(try golden.error(in: .float32) <= 2e-5)
    }

    /// The singular values that Newton-Schulz makes of those in [0.01, 1], in every shape that takes a way of its
    /// own through the code.
    @Test(arguments: [[40, 40], [40, 50], [120, 40], [40, 120]])
    func muonBringsSingularValuesIntoItsBand(_ shape: [Int]) throws {
        let count = 40
        // The smallest over the norm is 0.01, the largest about 0.24.
        let values = Tensor((0..<count).map { pow(24, Double($0) / Double(count - 1)) })
        let normalized = values / (try values.norm().item())
        #expect(try normalized.min().item() >= 0.01)
        let u = try Self.orthonormal(shape[0], count, seed: 1)
        let v = try Self.orthonormal(shape[1], count, seed: 2)
        let g = (u * values).matmul(v.transposed())
        let inside = u.transposed().matmul(NewtonSchulz(steps: 5, epsilon: 1e-7)(g)).matmul(v)
        let found = try (inside * .identity(count, dtype: .float64)).sum(along: 1).scalars(as: Double.self)
        // The band is [0.68, 1.13] to two digits.
        #expect(found.allSatisfy { (0.675...1.135).contains($0) }, "\(found)")
        // The polynomial, five times.
        for (start, end) in zip(try normalized.scalars(as: Double.self), found) {
            var s = start
            for _ in 0..<5 { s = 3.4445 * s - 4.7750 * pow(s, 3) + 2.0315 * pow(s, 5) }
            #expect(abs(s - end) < 1e-6)
        }
        let half = NewtonSchulz(steps: 5, epsilon: 1e-7, inBFloat16: true)(g.to(dtype: .float32))
        let coarse = u.transposed().matmul(half.to(dtype: .float64)).matmul(v)
        #expect(try Self.distance(coarse, inside) < 0.1 * Double(count).squareRoot())
    }

    @Test func onePolynomialStepTakesOneTo701() throws {
        let one = Tensor([3.0], shape: [1, 1])
        #expect(abs(try NewtonSchulz(steps: 1, epsilon: 0)(one).item() - 0.701) < 1e-12)
    }

    /// One step of Shampoo without epsilon is the orthogonal polar factor.
    @Test func oneStepOfShampooIsThePolarFactor() throws {
        let (u, v) = (try Self.orthonormal(6, 6, seed: 1), try Self.orthonormal(6, 6, seed: 2))
        let g = (u * Tensor([9.0, 5, 3, 2, 1, 0.5])).matmul(v.transposed())
        let step = try Self.steps(try Shampoo { $0.epsilon = 0 }, [g])[0]
        #expect(try Self.distance(step, u.matmul(v.transposed())) < 1e-10)
    }

    /// sigma u v^T divided by sigma from both sides.
    @Test func naturalShampooOfRankOneIsTheInverse() throws {
        let (u, v) = (try Self.orthonormal(6, 1, seed: 1), try Self.orthonormal(4, 1, seed: 2))
        let direction = u.matmul(v.transposed())
        let step = try Self.steps(
            try Shampoo {
                $0.epsilon = 1e-6
                $0.exponent = 0.5
            }, [direction * 5])[0]
        #expect(try Self.distance(step, direction / 5) < 1e-7)
    }

    /// In its own basis a gradient of rank one has one element; Adam makes it 1.
    @Test(arguments: [DType.float32, .float64], [1e-6, 1, 1e6])
    func soapOfRankOneKeepsTheDirection(_ dtype: DType, _ scale: Double) throws {
        let (u, v) = (try Self.orthonormal(60, 1, seed: 1), try Self.orthonormal(40, 1, seed: 2))
        let direction = u.matmul(v.transposed())
        let gradients = [1.0, 0.5, 2].map { (direction * (scale * $0)).to(dtype: dtype) }
        let rule = try SOAP {
            $0.epsilon = 1e-12
            $0.basisInterval = 1
        }
        let steps = try Self.steps(rule, gradients + [direction * scale].map { $0.to(dtype: dtype) })
        #expect(try steps[0].norm().item() == 0)
        for (number, step) in steps.enumerated().dropFirst() {
            let along = (step.to(dtype: .float64) * direction).sum()
            #expect(try Self.distance(step.to(dtype: .float64), direction * along) < 1e-4, "step \(number)")
            #expect(try along.item() > 0.5)
        }
    }

    /// Algorithm 3, written out for a basis that a change leaves alone: the second gradient is measured in the basis of
    /// the first, enters no average before its step, and the first enters none but the factors.
    @Test func soapStepsInTheBasisOfEarlierGradients() throws {
        let generator = try RandomGenerator(seed: 9)
        let gradients = (0..<3).map { _ in Tensor.normal([4, 4], dtype: .float64, using: generator) }
        let rule = try SOAP(learningRate: 0.1) {
            ($0.beta1, $0.beta2, $0.epsilon, $0.weightDecay) = (0.9, 0.8, 1e-3, 0)
            $0.basisInterval = 100
        }
        let steps = try Self.steps(rule, gradients)
        let left = gram(gradients[0].transposed()).symmetricEigen().vectors
        let right = gram(gradients[0]).symmetricEigen().vectors
        var (m, v) = (Tensor.zeros(like: left), Tensor.zeros(like: left))
        for t in 1...2 {
            let turned = left.transposed().matmul(gradients[t]).matmul(right)
            m = m * 0.9 + turned * 0.1
            v = v * 0.8 + turned.squared() * 0.2
            let root = (v / (1 - pow(0.8, Double(t)))).squareRoot() + 1e-3
            let step = left.matmul(m / (1 - pow(0.9, Double(t))) / root).matmul(right.transposed())
            #expect(try Self.distance(steps[t], step) < 1e-10)
        }
    }

    /// Gradients with one element in each row and column have diagonal factors: the basis permutes, no more.
    @Test func kroneckerFAdamInTheIdentityIsFAdam() throws {
        let generator = try RandomGenerator(seed: 4)
        let pattern = Tensor([0, 2, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0, 4, 0] as [Double], shape: [4, 4])
        let gradients = (0..<6).map { _ in
            pattern * (Tensor.normal([4, 4], dtype: .float64, using: generator).squared() + 0.1)
        }
        let ours = try Self.steps(try KroneckerFAdam { $0.basisInterval = 2 }, gradients)
        let plain = try Self.steps(FAdam(), gradients)
        for (a, b) in zip(ours, plain) { #expect(try Self.distance(a, b) < 1e-12) }
    }

    /// The RMS of FAdam's clip and epsilon-hat does not depend on the basis, and off-diagonal information does:
    /// on general gradients the two differ.
    @Test func kroneckerFAdamIsNotFAdam() throws {
        let generator = try RandomGenerator(seed: 5)
        let gradients = (0..<3).map { _ in Tensor.normal([5, 4], dtype: .float64, using: generator) }
        let ours = try Self.steps(KroneckerFAdam(), gradients)
        let plain = try Self.steps(FAdam(), gradients)
        #expect(try Self.distance(ours[2], plain[2]) > 0.01)
    }

    static let rules = ["muon", "shampoo", "soap", "kronecker_fadam"]

    @Test(arguments: rules, [0, 1e-20, 1, 1e18, 1e30])
    func rankDeficientGradientsStayFinite(_ name: String, _ scale: Double) throws {
        let generator = try RandomGenerator(seed: 6)
        let rank1 =
            Tensor.normal([30, 1], using: generator).matmul(.normal([1, 20], using: generator)) * scale
        var rule = try RuleRegistry.rule(named: name)
        for option in ["basis_interval", "root_interval"] { try? rule.set(option, to: "2") }
        for step in try Self.steps(rule, [rank1, rank1, rank1 * 0.5, rank1 * 0, rank1]) {
            #expect(try step.isFinite().all().item() != 0)
        }
    }

    /// Saved between two changes of basis and roots, with grafting and momentum.
    @Test(arguments: rules)
    func resumedRunsAreTheSame(_ name: String) throws {
        var rule = try RuleRegistry.rule(named: name)
        for option in ["basis_interval", "root_interval"] { try? rule.set(option, to: "3") }
        if name == "shampoo" {
            for (option, value) in [("grafting", "adam"), ("momentum", "0.9"), ("block", "4")] {
                try rule.set(option, to: value)
            }
        }
        let (one, two) = (
            try RuleConformanceTests.parameters(.float32), try RuleConformanceTests.parameters(.float32)
        )
        let first = try Optimizer(parameters: one, groups: [.init(.rest, rule)])
        for step in 1...5 {
            try first.update(with: try RuleConformanceTests.gradients(one, scale: 1, seed: UInt64(step)))
        }
        let second = try Optimizer(parameters: two, groups: [.init(.rest, rule)])
        try second.restore(first.state)
        for (a, b) in zip(one, two) { try b.parameter.assign(a.parameter.wrappedValue) }
        for step in 6...9 {
            let gradients = try RuleConformanceTests.gradients(one, scale: 1, seed: UInt64(step))
            try first.update(with: gradients)
            try second.update(with: gradients)
        }
        #expect(try RuleConformanceTests.values(one) == RuleConformanceTests.values(two))
    }

    /// A dimension above the largest keeps the identity, and its factor is not kept.
    @Test func longDimensionsKeepTheIdentity() throws {
        let g = Tensor.normal([8, 3], dtype: .float64, using: try RandomGenerator(seed: 7))
        let parameter = Parameter(wrappedValue: .zeros(like: g))
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: Self.path, parameter: parameter)],
            groups: [.init(.rest, try SOAP { $0.maximumDimension = 5 })])
        try optimizer.update(with: [Self.path: g])
        #expect(optimizer.state["parameter/x/factors"]?.shape == [9])
        #expect(optimizer.state["parameter/x/bases"]?.shape == [9])
    }

    /// Every task runs once and its result stands in its place, whatever the costs are.
    @Test(arguments: [
        [], [1], [1, 1, 1, 1, 1, 1, 1], [100, 1, 1, 1], [0, 0], [5, 4, 3, 2, 1, 1, 1, 1, 1],
    ])
    func concurrentTasksKeepTheirPlaces(_ costs: [Double]) {
        let count = Atomic(0)
        let results = concurrently(costs: costs) { k in
            count.add(1, ordering: .relaxed)
            return k * k
        }
        #expect(results == costs.indices.map { $0 * $0 })
        #expect(count.load(ordering: .relaxed) == costs.count)
    }
}
