import FisherInformation
import FisherOptions
import Foundation
import Torch

/// AdaMax: Adam with the largest recent gradient in place of the root of the average square.
///
///     g <- g + lambda theta
///     m <- b1 m + (1 - b1) g
///     u <- max(b2 u, |g| + epsilon)
///     theta <- theta - eta / (1 - b1^t) m / u
///
/// Kingma and Ba (2015), Algorithm 2, which has no epsilon; its place is PyTorch's. Where u is exactly zero, an
/// element that never had a gradient with epsilon = 0, there is no step.
public struct AdaMax: MomentRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 2e-3
    /// The decays, epsilon and the weight decay.
    public var moments = MomentOptions()

    public init() {}

    public static let summary = RuleSummary(
        name: "adamax", title: "AdaMax", source: "mini-batch gradient, largest", structure: "diagonal",
        power: "1/2", momentum: "of the gradient", stateBytes: "8", cost: "P",
        neglects: "correlations, units; all but the largest gradients", reference: "Kingma, Ba 2015")

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        let (t, g) = (input.step, moments.gradient(of: input))
        let m = moments.momentum(of: g, at: t, state: &state)
        let u = ((state["greatest"] ?? .zeros(like: g)) * moments.beta2(t))
            .maximum(g.magnitude() + moments.epsilon(t))
        state["greatest"] = u
        let direction = quotient(m / (1 - pow(moments.beta1(t), Double(t))), u)
        return moments.update(along: direction, divisor: u, of: input, learningRate: learningRate(t))
    }
}

extension AdaMax: InformationKeepingRule {
    public func information(of parameter: Tensor, in state: TensorState, after step: Int) -> Tensor? {
        state["greatest"].map { square(of: $0) }
    }
}
