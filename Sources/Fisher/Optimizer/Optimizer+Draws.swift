// Gradients at draws of the parameters, for rules that keep a distribution over them.

import FisherInformation
import NeuralNet
import Torch

extension Optimizer {
    /// The sums over draws of what a closure evaluates with drawn parameters, and the moments of each slot's gradients.
    /// Draws count as further observations: the mean gradient is that over the draws.
    func drawnSum(
        at posterior: [(number: Int, rule: any PosteriorRule)], _ evaluate: () throws -> GradientSum
    ) throws -> GradientSum {
        guard let draws else { preconditionFailure("a rule with a posterior draws directions") }
        var total: GradientSum?
        for _ in 0..<(posterior.lazy.map(\.rule.draws).max() ?? 1) {
            var noises: [(number: Int, noise: Tensor)] = []
            // All are drawn before the first takes its place, so that a failure leaves every parameter as it is.
            let drawn = try withoutGradients {
                try posterior.map { number, rule in
                    let slot = slots[number]
                    let value = slot.parameter.wrappedValue.detached()
                    let theta = value.to(dtype: value.dtype.accumulator)
                    let noise =
                        draws.normal(like: theta)
                        * rule.deviation(
                            like: theta, state: slot.state, decays: slot.decays, at: slot.step + 1)
                    noises.append((number, noise))
                    let moved = (theta + noise).to(dtype: value.dtype)
                    try moved.check()
                    return try moved.requiringGradient()
                }
            }
            let former = zip(posterior, drawn).map { slots[$0.number].parameter.exchange($1) }
            defer {
                for (place, tensor) in zip(posterior, former) {
                    _ = slots[place.number].parameter.exchange(tensor)
                }
            }
            var sum = try evaluate()
            let count = Double(sum.count)
            withoutGradients {
                for (number, noise) in noises {
                    let gradient = [
                        sum.gradients.likelihood[number], sum.gradients.auxiliary[number],
                    ].compactMap { $0?.detached().to(dtype: noise.dtype) }
                    guard let first = gradient.first else { continue }
                    let g = gradient.dropFirst().reduce(first, +)
                    sum.gradients.moments[number] = DrawnMoments(
                        products: noise * g, squares: square(of: g / count) * count)
                }
            }
            total = try total.map { try $0 + sum } ?? sum
        }
        guard let total else { preconditionFailure("there is at least one draw") }
        return total
    }
}
