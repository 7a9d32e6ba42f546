import Fisher
import Testing

/// Every rule reaches the optimum of problems that defeat a wrong sign, a lost state or a bad scale.
@Suite struct OptimumTests {
    /// The undamped diagonal natural gradient takes steps of 1 / g where gradients vanish: it has no optimum to
    /// settle in.
    static let names = RuleConformanceTests.names.filter { $0 != "diagonal_natural_gradient" }

    /// Decays the learning rate, so that rules with steps of constant size settle.
    static func tuned(_ name: String, rates: [String: Double], steps: Int) throws -> any OptimizationRule {
        var rule = try RuleRegistry.rule(named: name)
        rule.learningRate = .cosine(rates[name] ?? rates["others"] ?? 0.1, steps: steps)
        if name != "sgd" && rule.settings.contains(where: { $0.name == "weight_decay" }) {
            try rule.set("weight_decay", to: "0")
        }
        if name == "sgd" { try rule.set("momentum", to: "0.9") }
        if rule.settings.contains(where: { $0.name == "beta2" }) { try rule.set("beta2", to: "0.99") }
        return rule
    }

    /// The value after `steps` steps, or after fewer from which on it is below `bound`.
    static func minimize(
        _ rule: any OptimizationRule, from start: [Double], steps: Int, below bound: Double,
        value: ([Double]) -> Double, gradient: ([Double]) -> [Double]
    ) throws -> Double {
        let parameter = Parameter(wrappedValue: Tensor(start))
        let path = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)], groups: [.init(.rest, rule)])
        var hits = 0
        for step in 1...steps {
            let place: [Double] = try parameter.wrappedValue.scalars()
            // What only passes by is not there a hundred steps later.
            if step % 100 == 0 { hits = value(place) < bound ? hits + 1 : 0 }
            if hits == 2 { break }
            try optimizer.update(with: [path: Tensor(gradient(place))])
        }
        return try value(parameter.wrappedValue.scalars())
    }

    /// f = 1/2 sum_i c_i x_i^2 with a condition number of 1e4.
    @Test(arguments: names)
    func illConditionedQuadratic(_ name: String) throws {
        let curvature = [1, 0.1, 0.01, 0.001, 0.0001]
        // AdaDelta's step has the parameter's unit but begins at a thousandth of it.
        let rates = ["sgd": 1, "adagrad": 1, "adadelta": 30, "tonga": 0.1, "others": 0.03]
        let rule = try Self.tuned(name, rates: rates, steps: 4000)
        let bound = 1e-5 * 0.55555
        let end = try Self.minimize(
            rule, from: [1, -1, 1, -1, 1], steps: 4000, below: bound,
            value: { x in zip(curvature, x).map { 0.5 * $0 * $1 * $1 }.reduce(0, +) },
            gradient: { x in zip(curvature, x).map { $0 * $1 } })
        #expect(end < bound)
    }

    /// f = (1 - x)^2 + 100 (y - x^2)^2.
    /// M-FAC takes squares of past gradients for the curvature, which in a curved valley without noise they are not.
    @Test(arguments: names.filter { $0 != "mfac" })
    func rosenbrock(_ name: String) throws {
        // Those that keep the largest square remember the slope at the start, which is a thousand times the valley's.
        let rates = ["sgd": 3e-4, "adagrad": 1, "adadelta": 1, "amsgrad": 0.1, "yogi": 0.1, "others": 0.02]
        // Along the bottom of the valley these are slow.
        let steps = ["sgd", "adagrad", "muon", "shampoo", "tonga"].contains(name) ? 12_000 : 4000
        let rule = try Self.tuned(name, rates: rates, steps: steps)
        let end = try Self.minimize(
            rule, from: [-1.2, 1], steps: steps, below: 1e-3,
            value: { place in
                let (aside, beside) = (1 - place[0], place[1] - place[0] * place[0])
                return aside * aside + 100 * beside * beside
            },
            gradient: { place in
                let (x, slope) = (place[0], 200 * (place[1] - place[0] * place[0]))
                return [2 * (x - 1) - 2 * x * slope, slope]
            })
        #expect(end < 1e-3)
    }
}
