import NeuralNet
import Torch

extension InformationEstimator {
    /// The diagonal at the data's labels: `.empirical` with the gradient, or what Adam squares (`.minibatch`).
    ///
    /// One forward and one backward pass; no unit's gradient is stored where a layer has one position a unit.
    ///
    /// - Parameters:
    ///   - source: `.empirical` or `.minibatch`.
    ///   - units: the length of the first axis of everything that the model computes.
    ///   - objective: the forward pass.
    public func diagonal(
        atLabels source: InformationSource = .empirical, units: Int, _ objective: () throws -> Objective
    ) throws -> DiagonalInformation {
        let (passes, count) = try labelPasses(source, structure: "diagonal", units: units, objective)
        return try withoutGradients {
            try diagonal(source, passes: passes, units: units, observationCount: count)
        }
    }

    /// The whole matrix at the data's labels.
    public func full(
        atLabels source: InformationSource = .empirical, units: Int, _ objective: () throws -> Objective
    ) throws -> FullInformation {
        let (passes, count) = try labelPasses(source, structure: "full", units: units, objective)
        return try withoutGradients {
            try full(source, passes: passes, units: units, observationCount: count)
        }
    }

    /// The Kronecker factors of the linear layers at the data's labels.
    public func kronecker(
        atLabels source: InformationSource = .empirical, sharing: WeightSharing = .expand, units: Int,
        _ objective: () throws -> Objective
    ) throws -> KroneckerInformation {
        guard source == .empirical else {
            throw InformationError.noSuchEstimate(
                source: "\(source)", structure: "kronecker",
                reason: "the square of a mean gradient has no factors")
        }
        let (passes, count) = try labelPasses(source, structure: "kronecker", units: units, objective)
        return try withoutGradients {
            try kronecker(source, passes: passes, sharing: sharing, observationCount: count)
        }
    }

    private func labelPasses(
        _ source: InformationSource, structure: String, units: Int, _ objective: () throws -> Objective
    ) throws -> (passes: [BackwardPass], observationCount: Int) {
        guard source == .empirical || source == .minibatch else {
            throw InformationError.noSuchEstimate(
                source: "\(source)", structure: structure,
                reason: source == .improved
                    ? "it needs the likelihood with its outputs" : "it is not made of the data's labels")
        }
        let pass = try capture(units: units, objective)
        guard pass.outcome.observationCount > 0 else { throw InformationError.noObservations }
        let uses = try pass.backward(
            from: [pass.outcome.negativeLogLikelihood], seeds: [nil], keepGraph: false)
        return ([BackwardPass(uses: uses, weight: 1)], pass.outcome.observationCount)
    }
}
