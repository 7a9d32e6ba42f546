import Fisher
import FisherInformation
import Torch

/// KL(p || p moved) over the mini-batches of an estimation set, for p at fixed weights.
///
/// Where the likelihood has it in closed form it is that. Elsewhere it is estimated from labels y drawn from p, observation
/// by observation, with r = p moved(y) / p(y):
///
///     KL = E_p[-log r] = E_p[(r - 1) - log r]
///
/// since E_p[r] = 1. The second form is never negative and has the smaller variance (for a small log r it is its square,
/// halved). The labels are drawn once, so that it is a smooth function of the weights.
struct MeasuredDivergence {
    /// The draws of labels that an estimate takes at most: each costs a likelihood for every length that is tried.
    static var mostDraws: Int { 16 }

    private let before: [Objective]
    private let drawn: [[(labels: Any, negativeLogLikelihood: Tensor)]]?

    /// - Parameters:
    ///   - before: the objectives at the fixed weights, computed without gradients.
    ///   - draws: draws of labels; nil for the closed form.
    ///   - seed: of the draws.
    init(before: [Objective], draws: Int?, seed: UInt64) throws {
        self.before = before
        guard let draws else {
            drawn = nil
            return
        }
        let generator = try RandomGenerator(seed: seed)
        drawn = try withoutGradients {
            try before.map { objective in
                guard let likelihood = objective.likelihood as? any Samplable else {
                    throw CurvatureError.noSuchEstimate(
                        source: "sampled", structure: "divergence",
                        reason: "\(type(of: objective.likelihood)) draws no observations")
                }
                return try (0..<min(draws, Self.mostDraws)).map { _ in
                    try Self.draw(likelihood, objective, generator)
                }
            }
        }
    }

    private static func draw<Model: Samplable>(
        _ likelihood: Model, _ objective: Objective, _ generator: RandomGenerator
    ) throws -> (labels: Any, negativeLogLikelihood: Tensor) {
        let labels = likelihood.sample(like: objective.observations(of: likelihood), using: generator)
        let found = likelihood.perObservationNegativeLogLikelihood(of: labels).to(dtype: .float64)
        try found.check()
        return (labels, found)
    }

    /// The divergence, summed over the observations of all mini-batches.
    ///
    /// - Parameter after: the objectives at other weights, in the order of the mini-batches.
    func sum(to after: [Objective]) throws -> Double {
        var sum = 0.0
        for (number, (before, after)) in zip(before, after).enumerated() {
            if let drawn = drawn?[number] {
                for draw in drawn { sum += try Self.estimate(draw, after) / Double(drawn.count) }
            } else {
                sum += try Self.closedForm(before, after)
            }
        }
        return sum
    }

    private static func estimate(
        _ draw: (labels: Any, negativeLogLikelihood: Tensor), _ after: Objective
    ) throws -> Double {
        func rise<Model: Samplable>(_ likelihood: Model) -> Tensor {
            guard let labels = draw.labels as? Model.Observation else {
                preconditionFailure("a task's objectives have one likelihood")
            }
            return likelihood.perObservationNegativeLogLikelihood(of: labels).to(dtype: .float64)
                - draw.negativeLogLikelihood
        }
        guard let likelihood = after.likelihood as? any Samplable else {
            preconditionFailure("a task's objectives have one likelihood")
        }
        let rise = rise(likelihood)
        return try ((-rise).exp() - 1 + rise).sum().item()
    }

    private static func closedForm(_ before: Objective, _ after: Objective) throws -> Double {
        func between<Model: ClosedFormFisher>(_ model: Model) throws -> Double {
            guard let other = after.likelihood as? Model else {
                preconditionFailure("a task's objectives have one likelihood")
            }
            return try model.divergence(from: other, observing: before.observations(of: model)).item()
        }
        guard let likelihood = before.likelihood as? any ClosedFormFisher else {
            preconditionFailure("the exact information was made of a closed form")
        }
        return try between(likelihood)
    }
}
