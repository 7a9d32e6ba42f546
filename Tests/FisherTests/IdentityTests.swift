import Fisher
import Foundation
import Testing

/// What the algorithms must have in common.
@Suite struct IdentityTests {
    static func path(
        _ rule: any OptimizationRule, steps: Int = 50, lossScale: Double = 1, dead: Bool = false
    ) throws -> [[Double]] {
        let generator = try RandomGenerator(seed: 4)
        let parameter = Parameter(wrappedValue: .normal([8, 6], dtype: .float64, using: generator))
        let name = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: name, parameter: parameter)], groups: [.init(.rest, rule)])
        var values: [[Double]] = []
        for _ in 0..<steps {
            let gradient = Tensor.normal([8, 6], dtype: .float64, using: generator) * (0.1 * lossScale)
            try optimizer.update(with: [name: gradient])
            values.append(try parameter.wrappedValue.scalars())
        }
        return values
    }

    static func distance(_ a: [[Double]], _ b: [[Double]]) -> Double {
        let scale = a.joined().map(abs).max() ?? 1
        return zip(a.joined(), b.joined()).map { abs($0 - $1) }.max()! / scale
    }

    /// Without momentum, clip and decay, and with a fixed epsilon, FAdam is Adam without momentum.
    @Test func fadamIsAdamWithoutMomentum() throws {
        let fadam = try FAdam(learningRate: 0.01) {
            $0.beta1 = 0
            $0.epsilon = 1e-6
            $0.clip = nil
            $0.weightDecay = 0
            $0.epsilonPolicy = .fixed
        }
        let adam = try Adam(learningRate: 0.01) {
            $0.beta1 = 0
            $0.epsilon = 1e-6
        }
        #expect(Self.distance(try Self.path(fadam), try Self.path(adam)) < 1e-12)
        let other = try Adam(learningRate: 0.01) {
            $0.beta1 = 0.5
            $0.epsilon = 1e-6
        }
        #expect(Self.distance(try Self.path(fadam), try Self.path(other)) > 1e-4)
    }

    /// Adam without bias correction, epsilon, root and momentum is f = b f + (1 - b) g^2, theta -= eta g / f.
    @Test func simplifiedAdamIsTheDiagonalNaturalGradient() throws {
        let simplified = try Adam(learningRate: 1e-4) {
            $0.beta1 = 0
            $0.beta2 = 0.9
            $0.epsilon = 0
            $0.power = 1
            $0.correctsBias = false
        }
        let generator = try RandomGenerator(seed: 4)
        var theta: [Double] = try Tensor.normal([8, 6], dtype: .float64, using: generator).scalars()
        var f = [Double](repeating: 0, count: theta.count)
        var expected: [[Double]] = []
        for _ in 0..<50 {
            let g: [Double] = try (Tensor.normal([8, 6], dtype: .float64, using: generator) * 0.1).scalars()
            for k in g.indices {
                f[k] = 0.9 * f[k] + 0.1 * g[k] * g[k]
                theta[k] -= 1e-4 * g[k] / f[k]
            }
            expected.append(theta)
        }
        #expect(Self.distance(try Self.path(simplified), expected) < 1e-12)
        // The same as a rule of its own.
        let rule = try DiagonalNaturalGradient(learningRate: 1e-4) { $0.beta2 = 0.9 }
        #expect(Self.distance(try Self.path(simplified), try Self.path(rule)) < 1e-14)
    }

    /// Multiplying the loss by a constant leaves the steps of scale-free rules alone.
    @Test(arguments: RuleConformanceTests.names, [1e3, 1e-3])
    func scaleOfTheLoss(_ name: String, _ scale: Double) throws {
        var rule = try RuleRegistry.rule(named: name)
        // Damping has a scale of its own, and at power 1 the step has the inverse scale.
        let depends = ["sgd", "mfac", "diagonal_natural_gradient", "tonga"].contains(name)
        if !depends { try rule.set("epsilon", to: name == "adafactor" ? "1e-60" : "1e-30") }
        // An information to start from has the scale of the gradients' squares.
        if name == "yogi" { try rule.set("initial_square", to: "0") }
        // FAdam's natural decay theta / d has the inverse scale, unless its clip is at work.
        if rule.settings.contains(where: { $0.name == "weight_decay" }) {
            try rule.set("weight_decay", to: "0")
        }
        let distance = Self.distance(try Self.path(rule), try Self.path(rule, lossScale: scale))
        if depends {
            #expect(distance > 1e-6)
        } else {
            #expect(distance < 1e-12)
        }
    }

    /// An epsilon-hat that is a share of the largest information is in the unit of the gradients, at every power.
    @Test(arguments: ["fadam", "fadafactor", "kronecker_fadam"], [1e3, 1e-3])
    func aFractionOfTheMaximumHasTheScaleOfTheLoss(_ name: String, _ scale: Double) throws {
        for power in [0.5, 0.7] {
            var rule = try RuleRegistry.rule(named: name)
            for (option, value) in [
                ("epsilon_policy", "fraction_of_maximum"), ("epsilon2", "0.3"), ("weight_decay", "0"),
                ("power", "\(power)"), ("clip", "none"),
            ] { try rule.set(option, to: value) }
            let expected = try Self.path(rule)
            // At a power of 1/2 the step has no scale; beyond it has the loss's to the power 1 - 2 rho.
            rule.learningRate = .constant(
                rule.learningRate(1) / pow(scale, 1 - 2 * power))
            #expect(Self.distance(expected, try Self.path(rule, lossScale: scale)) < 1e-12)
        }
    }

    /// The clip divides by max(1, RMS / c), so that c = 2 lets RMS 2 through.
    @Test func theClipIsTheAlgorithms() throws {
        let parameter = Parameter(wrappedValue: Tensor([0.0, 0, 0, 0]))
        let rule = try FAdam(learningRate: 1) {
            $0.beta1 = 0
            $0.beta2 = 0.5
            $0.clip = 2
            $0.weightDecay = 0
        }
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: ParameterPath("x"), parameter: parameter)],
            groups: [.init(.rest, rule)])
        // At the first step n = g / (|g| + eh), whose RMS is just below 1: no clipping at c = 2.
        try optimizer.update(with: [ParameterPath("x"): Tensor([1.0, -1, 1, -1])])
        let values: [Double] = try parameter.wrappedValue.scalars()
        #expect(zip(values, [-1, 1, -1, 1]).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    /// Nearly all of the natural decay falls on one element without information.
    @Test func theDecayCollapsesOntoADeadElement() throws {
        let parameter = Parameter(wrappedValue: .ones([1000], dtype: .float64))
        let path = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)],
            groups: [.init(.rest, FAdam(), decaying: .all)])
        var gradient = [Double](repeating: 1, count: 1000)
        gradient[17] = 0
        let report = try optimizer.update(with: [path: Tensor(gradient)])
        #expect(try report.decayShares()[path]! > 0.99)
        #expect(try report.clipFactors()[path]! == 1)
        #expect(try report.epsilons()[path]! == 1e-8)
    }
}
