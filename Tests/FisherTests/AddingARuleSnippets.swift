import Fisher
import Testing

// AddingARule.md
/// The sign of the momentum: every element takes a step of the same length.
///
///     m <- beta m + (1 - beta) g
///     theta <- theta - eta (m / |m| + lambda theta)
///
/// An element without momentum does not move.
public struct SignMomentum: TensorRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-4
    /// Decay beta of the momentum average, in [0, 1).
    @Configurable("beta", .decay, "decay of the momentum") public var beta: Schedule = 0.9
    /// Decay lambda of the weights, scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the weights")
    public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public static let summary = RuleSummary(
        name: "signmomentum", title: "SignMomentum", source: "none", structure: "identity",
        power: "0", momentum: "of the gradient", stateBytes: "4", cost: "P", neglects: "everything",
        reference: "Bernstein et al. 2018")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(auxiliary))
        let lambda = input.decays ? weightDecay(t) : 0

        let m = averaged(state["momentum"] ?? .zeros(like: g), g, decay: beta(t))
        state["momentum"] = m
        var step = quotient(m, m.magnitude())
        if lambda != 0 { step = step + theta * lambda }
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + quotient(a, a.magnitude()) }
        return ParameterUpdate(change: step * -learningRate(t))
    }
}

/// The example of the article on new rules is a rule.
@Suite struct AddingARuleSnippets {
    @Test func everyElementTakesAStepOfTheSameLength() throws {
        let parameter = Parameter(wrappedValue: Tensor([1.0, 1, 1]))
        let path = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)],
            groups: [.init(.rest, SignMomentum())])
        try optimizer.update(with: [path: Tensor([5.0, -1e-9, 0])])
        #expect(try parameter.wrappedValue.scalars(as: Double.self) == [1 - 1e-4, 1 + 1e-4, 1])

        var rule = SignMomentum()
        try rule.set("lr", to: "0.5")
        #expect(rule.learningRate == 0.5)
        #expect(throws: HyperparameterError.self) { try rule.set("beta", to: "1") }
        #expect(throws: HyperparameterError.self) { try SignMomentum { $0.beta = 1 } }
    }

    @Test func aRegisteredRuleIsKnownByItsName() throws {
        RuleRegistry.register(SignMomentum.self)
        RuleRegistry.register(SignMomentum.self)
        #expect(RuleRegistry.rules.filter { $0.summary.name == "signmomentum" }.count == 1)
        #expect(try RuleRegistry.rule(named: "signmomentum") is SignMomentum)
        var layers = KFAC()
        try layers.set("fallback", to: "signmomentum")
        #expect(layers.fallback == BaseRule(SignMomentum.self))
        #expect(throws: HyperparameterError.self) { try layers.set("fallback", to: "ekfac") }
    }
}
