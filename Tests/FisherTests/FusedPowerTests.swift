import Foundation
import Testing

@testable import Fisher
@testable import FisherInformation

/// The fused path of metrics with any power of the information.
@Suite struct FusedPowerTests {
    static let powers = ["0.05", "0.3", "0.4", "0.45", "0.55", "0.6", "0.75", "0.9", "0.999", "1"]

    /// Options whose epsilon-hat, clip and decay enter in their own ways.
    static let options: [[(String, String)]] = [
        [], [("epsilon", "0")], [("epsilon", "1e-3"), ("epsilon2", "0.5")],
        [("epsilon_policy", "accumulated"), ("epsilon", "1e-4")],
        [("epsilon_policy", "per_size"), ("clip", "none"), ("decay_metric", "none")],
    ]

    private func compare(_ subject: FusedCase, _ instructions: InstructionSet? = nil) throws {
        let formula = try subject.run(.formula)
        let fused = try subject.run(.automatic, instructions, misaligned: true)
        #expect(FusedCase.distance(formula.parameters, fused.parameters) <= 2e-6, "\(subject)")
        #expect(FusedCase.distance(formula.state, fused.state) <= 1e-5, "\(subject)")
        let (a, b) = (try formula.report.epsilons(), try fused.report.epsilons())
        #expect(a.keys == b.keys)
        for (path, epsilon) in a where epsilon > 0 { #expect(abs(epsilon - b[path]!) <= 1e-5 * epsilon) }
    }

    @Test(arguments: ["fadam", "fadafactor"], ["0.3", "0.6", "1"])
    func everyRegime(_ rule: String, _ power: String) throws {
        for regime in FusedCase.Regime.allCases {
            for options in Self.options {
                var subject = FusedCase(rule: rule, options: [("power", power)] + options, regime: regime)
                subject.shapes = [[40, 50], [333], [3, 5, 7], [0, 4]]
                try compare(subject)
            }
        }
    }

    @Test(arguments: ["fadam", "fadafactor"], InstructionSet.supported)
    func everyInstructionSet(_ rule: String, _ instructions: InstructionSet) throws {
        for power in ["0.4", "0.6", "1"] {
            for regime in [FusedCase.Regime.normal, .tiny, .huge, .deadRows] {
                try compare(
                    FusedCase(
                        rule: rule, options: [("power", power)], regime: regime, shapes: [[41, 53], [4097]]),
                    instructions)
            }
        }
    }

    /// One step from zero moves an element by g / ((g^2)^rho + epsilon-hat^(2 rho)): over the whole range of float32,
    /// each element within 2e-6 of itself, subnormal squares included.
    @Test(arguments: powers, InstructionSet.supported)
    func everyMagnitude(_ power: String, _ instructions: InstructionSet) throws {
        let rho = Double(power)!
        for epsilon in [0, 1e-12, 1e-8, 1e-2] {
            var rule = FAdam()
            rule.power = rho
            rule.learningRate = 1
            rule.beta1 = 0
            rule.epsilon = .constant(epsilon)
            rule.epsilonPolicy = .fixed
            rule.clip = nil
            rule.weightDecay = 0
            let gradients = (0..<4000).map { k -> Float in
                let exponent = -74 + 137 * Double(k) / 4000
                return Float(exp2(exponent)) * (k % 2 == 0 ? 1 : -1)
            }
            let parameter = Parameter(wrappedValue: .zeros([gradients.count]))
            let optimizer = try Optimizer(
                parameters: [NamedParameter(path: ParameterPath("x"), parameter: parameter)],
                groups: [.init(.rest, rule)])
            optimizer.instructionSet = instructions
            try optimizer.update(with: [ParameterPath("x"): Tensor(gradients, shape: [gradients.count])])
            let moved = try parameter.wrappedValue.scalars(as: Double.self)
            for (g, change) in zip(gradients, moved) {
                let f = Double(g * g)
                let divisor = pow(f, rho) + Double(Float(pow(Double(Float(epsilon)), 2 * rho)))
                // Divisors are floored at the smallest normal number, and zero where nothing was ever observed.
                let expected =
                    divisor == 0 ? 0 : -Double(g) / max(divisor, Double(Float.leastNormalMagnitude))
                guard abs(expected) > 1e-36, abs(expected) < 3e38 else { continue }
                #expect(abs(change - expected) <= 2e-6 * abs(expected), "g \(g), \(change) for \(expected)")
            }
        }
    }
}
