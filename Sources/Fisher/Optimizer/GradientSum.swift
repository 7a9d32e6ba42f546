import FisherInformation
import Torch

/// The gradients of a batch as sums with a count: micro-batches add up, and the division comes last.
struct GradientSum {
    /// The summed gradients, in the order of an optimizer's slots.
    var gradients: GradientList
    /// sum_i of -log p; 0-dimensional.
    var negativeLogLikelihood: Tensor
    /// The number of observations.
    var count: Int
    /// The estimates that the groups requested, by the number of the group.
    var statistics: [Int: CurvatureEstimates] = [:]
    /// The time for those estimates.
    var statisticsTime: Duration = .zero
    /// The mean loss with the auxiliaries, times the observations; 0-dimensional.
    var total: Tensor

    /// The gradients of one objective, and those of -log p with respect to some of what it was computed from.
    ///
    /// - Parameter receive: is given each parameter's gradient of -log p as soon as it is known, with its number, and
    ///   returns what stands in its place.
    init(
        of objective: Objective, withRespectTo parameters: [Tensor], and others: [Tensor], keepGraph: Bool,
        receivedBy receive: ((Int, Tensor) throws -> Tensor)? = nil, extra: inout [Tensor?]
    ) throws {
        let keeps = keepGraph || !objective.auxiliaries.isEmpty
        count = objective.observationCount
        let loss = objective.negativeLogLikelihood
        negativeLogLikelihood = loss.detached()
        let found: [Tensor?]
        if !loss.requiresGradient {
            found = (parameters + others).map { _ in nil }
        } else if let receive {
            found = try Torch.gradients(
                of: loss, withRespectTo: parameters + others, keepGraph: keeps,
                receivedCount: parameters.count, by: receive)
        } else {
            found = try Torch.gradients(of: loss, withRespectTo: parameters + others, keepGraph: keeps)
        }
        extra = Array(found.dropFirst(parameters.count))
        total = negativeLogLikelihood
        for auxiliary in objective.auxiliaries {
            total = total + auxiliary.value.detached().to(dtype: total.dtype) * Double(count)
        }
        gradients = GradientList(
            likelihood: Array(found.prefix(parameters.count)), auxiliary: parameters.map { _ in nil })
        let terms = objective.auxiliaries.map(\.value).filter(\.requiresGradient)
        if let first = terms.first {
            let joined = terms.dropFirst().reduce(first, +)
            let number = Double(count)
            gradients.auxiliary = try Torch.gradients(
                of: joined, withRespectTo: parameters, keepGraph: keepGraph
            ).map { $0.map { $0 * number } }
        }
    }

    /// Adds the sums of independent data. Throws if statistics do not fit.
    static func + (a: GradientSum, b: GradientSum) throws -> GradientSum {
        var sum = a
        for (group, statistics) in b.statistics {
            sum.statistics[group] = try sum.statistics[group].map { try $0 + statistics } ?? statistics
        }
        sum.statisticsTime = a.statisticsTime + b.statisticsTime
        sum.total = a.total + b.total
        sum.gradients.likelihood = zip(a.gradients.likelihood, b.gradients.likelihood).map(added)
        sum.gradients.auxiliary = zip(a.gradients.auxiliary, b.gradients.auxiliary).map(added)
        sum.gradients.moments = a.gradients.moments.merging(b.gradients.moments, uniquingKeysWith: +)
        sum.negativeLogLikelihood = a.negativeLogLikelihood + b.negativeLogLikelihood
        sum.count = a.count + b.count
        return sum
    }

    /// Gives away the gradients of -log p, of which nothing is left here.
    mutating func releaseGradients() -> [Tensor?] {
        defer { gradients.likelihood = gradients.likelihood.map { _ in nil } }
        return gradients.likelihood
    }

    /// Puts former gradients of parameters that this sum does not reach to those that other processes receive.
    mutating func put(_ former: [Tensor?], into buckets: BucketedSum) throws {
        for (slot, gradient) in former.enumerated() where gradients.likelihood[slot] == nil {
            gradients.likelihood[slot] = try gradient.map { try buckets.put($0, at: slot) }
        }
    }

    private static func added(_ a: Tensor?, _ b: Tensor?) -> Tensor? {
        guard let a, let b else { return a ?? b }
        return a + b
    }
}

/// Gradients in the order of an optimizer's slots; nil for slots without one.
struct GradientList {
    /// The gradients of -log p.
    var likelihood: [Tensor?]
    /// The gradients of the auxiliaries: sums over micro-batches of their observations times the gradient.
    var auxiliary: [Tensor?]
    /// The sums of the moments at draws of the parameters, by slot, for rules that draw them.
    var moments: [Int: DrawnMoments] = [:]

    /// Whether a slot has a gradient.
    func reaches(_ slot: Int) -> Bool { likelihood[slot] != nil || auxiliary[slot] != nil }

    /// Divides those of one slot, for rules that use them directly.
    mutating func divide(_ slot: Int, by count: Double) {
        if count == 1 { return }
        likelihood[slot] = likelihood[slot].map { $0 / count }
        auxiliary[slot] = auxiliary[slot].map { $0 / count }
        moments[slot] = moments[slot].map { $0.divided(by: count) }
    }
}
