import Torch

/// The gradients of a batch as sums with a count: micro-batches add up, and the division comes last.
struct GradientSum {
    /// sum_i of the gradients of -log p; nothing where no gradient arrived.
    var scores: [Tensor?]
    /// sum over micro-batches of their observations times the gradients of the auxiliaries.
    var auxiliaries: [Tensor?]
    /// sum_i of -log p; 0-dimensional.
    var negativeLogLikelihood: Tensor
    /// The number of observations.
    var count: Int

    /// The gradients of one objective.
    init(of objective: Objective, withRespectTo parameters: [Tensor]) throws(TorchError) {
        let hasAuxiliaries = !objective.auxiliaries.isEmpty
        count = objective.observationCount
        negativeLogLikelihood = objective.negativeLogLikelihood.detached()
        scores =
            objective.negativeLogLikelihood.requiresGradient
            ? try gradients(
                of: objective.negativeLogLikelihood, withRespectTo: parameters, keepGraph: hasAuxiliaries)
            : parameters.map { _ in nil }
        auxiliaries = parameters.map { _ in nil }
        let terms = objective.auxiliaries.map(\.value).filter(\.requiresGradient)
        if let first = terms.first {
            let total = terms.dropFirst().reduce(first, +)
            auxiliaries = try gradients(of: total, withRespectTo: parameters).map {
                $0.map { $0 * Double(count) }
            }
        }
    }

    static func + (a: GradientSum, b: GradientSum) -> GradientSum {
        var sum = a
        sum.scores = zip(a.scores, b.scores).map(added)
        sum.auxiliaries = zip(a.auxiliaries, b.auxiliaries).map(added)
        sum.negativeLogLikelihood = a.negativeLogLikelihood + b.negativeLogLikelihood
        sum.count = a.count + b.count
        return sum
    }

    private static func added(_ a: Tensor?, _ b: Tensor?) -> Tensor? {
        guard let a, let b else { return a ?? b }
        return a + b
    }
}
