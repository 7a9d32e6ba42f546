import Foundation
import Testing

@testable import Fisher

/// What AdaDelta, AMSGrad, Yogi and LaProp were made for; their arithmetic is in GoldenTests.
@Suite struct RelativeRulesTests {
    /// The updates of one element in float64 by a rule, one a gradient.
    private func updates(
        _ rule: some TensorRule, _ gradients: [Double], state: inout TensorState
    ) throws -> [Double] {
        try gradients.enumerated().map { number, g in
            let input = RuleInput(
                parameter: Tensor([0.0], shape: [1]), gradient: Tensor([g], shape: [1]), step: number + 1)
            return try rule.update(for: input, state: &state).change.item()
        }
    }

    private func updates(_ rule: some TensorRule, _ gradients: [Double]) throws -> [Double] {
        var state = TensorState()
        return try updates(rule, gradients, state: &state)
    }

    private func distance(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).map { abs($0 - $1) / max(abs($0), 1e-300) }.max() ?? .infinity
    }

    /// The authors' program: the momentum takes each step with its own learning rate, and is divided by the rates' average.
    @Test func laPropWeighsStepsByTheirRates() throws {
        let gradients = [0.3, -1.2, 0.5, 2, -0.1, 0.7]
        let rate = Schedule.cosine(0.02, steps: 7, warmUp: 2)
        let rule = try LaProp(learningRate: rate) {
            $0.beta1 = 0.8
            $0.beta2 = 0.95
        }
        var (square, momentum, rates, second) = (0.0, 0.0, 0.0, 0.0)
        let expected = gradients.enumerated().map { number, g in
            let eta = rate(number + 1)
            square = 0.95 * square + 0.05 * g * g
            rates = 0.8 * rates + 0.2 * eta
            second = 0.95 * second + 0.05
            momentum = 0.8 * momentum + 0.2 * eta * g / ((square / second).squareRoot() + 1e-15)
            return -momentum / (rates / eta)
        }
        #expect(distance(expected, try updates(rule, gradients)) < 1e-12)
        // No rate, no step, whatever the momentum holds.
        let ended = try LaProp(learningRate: .sequence([.init(0.1, updates: 2), .init(0)]))
        #expect(try updates(ended, [1, 1, 1])[2] == 0)
    }

    /// After large gradients Adam forgets them as b2^t; Yogi's information shrinks by (1 - b2) g^2 a step at most.
    @Test func yogiShrinksSlowly() throws {
        let gradients = [Double](repeating: 1, count: 50) + [Double](repeating: 1e-3, count: 50)
        var (yogi, adam) = (TensorState(), TensorState())
        _ = try updates(try Yogi { $0.beta2 = 0.9 }, Array(gradients.prefix(50)), state: &yogi)
        let before = try #require(yogi["fisher"]).item()
        _ = try updates(try Yogi { $0.beta2 = 0.9 }, Array(gradients.suffix(50)), state: &yogi)
        let after = try #require(yogi["fisher"]).item()
        #expect(abs(before - after - 50 * 0.1 * 1e-6) < 1e-12)
        _ = try updates(try Adam { $0.beta2 = 0.9 }, gradients, state: &adam)
        #expect(try #require(adam["fisher"]).item() < 0.01 * after)
    }

    /// A rare large gradient stays in AMSGrad's divisor, so that later steps are no larger.
    @Test func amsGradForgetsNothing() throws {
        let gradients = [10.0] + [Double](repeating: 0.1, count: 60)
        let rule = try AMSGrad {
            $0.beta1 = 0
            $0.beta2 = 0.9
            $0.correctsBias = false
            $0.epsilon = 0
        }
        let steps = try updates(rule, gradients)
        #expect(
            distance(Array(repeating: -1e-3 * 0.1 / 10.0.squareRoot(), count: 60), Array(steps.dropFirst()))
                < 1e-12)
    }

    /// AdaDelta's step has theta's unit: where epsilon does not matter, a scale of the loss changes nothing.
    @Test func adaDeltaIgnoresTheScaleOfTheLoss() throws {
        let gradients = [0.3, -1.2, 0.5, 2, -0.1, 0.7]
        func steps(_ scale: Double) throws -> [Double] {
            var state = TensorState(tensors: ["steps": Tensor([0.01], shape: [1])])
            return try updates(
                try AdaDelta { $0.epsilon = 1e-14 }, gradients.map { $0 * scale }, state: &state)
        }
        #expect(distance(try steps(1), try steps(1e4)) < 1e-9)
        #expect(try steps(1).allSatisfy { abs($0) > 1e-3 })
    }

    /// A decoupled decay of AMSGrad is AdamW's, a coupled one Adam's, where the largest average is the last one.
    @Test(arguments: [false, true])
    func decaysAreAdamsAndAdamWs(_ decoupled: Bool) throws {
        let input = RuleInput(
            parameter: Tensor([2.0, -3], shape: [2]), gradient: Tensor([0.5, 1.0], shape: [2]), step: 1)
        var (one, other) = (TensorState(), TensorState())
        let rule = try AMSGrad {
            $0.weightDecay = 0.1
            $0.decouplesDecay = decoupled
        }
        let found = try rule.update(for: input, state: &one).change.scalars(as: Double.self)
        let adam: any TensorRule =
            decoupled ? try AdamW { $0.weightDecay = 0.1 } : try Adam { $0.weightDecay = 0.1 }
        #expect(try adam.update(for: input, state: &other).change.scalars(as: Double.self) == found)
    }
}
