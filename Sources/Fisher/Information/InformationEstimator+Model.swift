import NeuralNet
import Torch

extension InformationEstimator {
    /// The diagonal from any source.
    ///
    /// `.empirical` and `.minibatch` cost one backward pass, `.sampled(n)` n, and `.exact` and `.gaussNewton` one
    /// for each of the likelihood's factors and each position of a sequence.
    ///
    /// - Parameters:
    ///   - source: where the information comes from.
    ///   - units: the length of the first axis of everything that the model computes.
    ///   - observed: the data's labels; sources of the model's own labels take their masks and their number.
    ///   - generator: for `.sampled`.
    ///   - forward: the forward pass.
    public func diagonal<Model: Samplable & ClosedFormFisher>(
        _ source: InformationSource, units: Int, observing observed: Model.Observation,
        using generator: RandomGenerator? = nil, _ forward: () throws -> Model
    ) throws -> DiagonalInformation {
        let (passes, count) = try passes(
            source, structure: "diagonal", units: units, observed, generator, forward)
        return try withoutGradients {
            try diagonal(source, passes: passes, units: units, observationCount: count)
        }
    }

    /// The whole matrix from any source; costs as `diagonal`, and the square of the number of parameters.
    public func full<Model: Samplable & ClosedFormFisher>(
        _ source: InformationSource, units: Int, observing observed: Model.Observation,
        using generator: RandomGenerator? = nil, _ forward: () throws -> Model
    ) throws -> FullInformation {
        let (passes, count) = try passes(
            source, structure: "full", units: units, observed, generator, forward)
        return try withoutGradients {
            try full(source, passes: passes, units: units, observationCount: count)
        }
    }

    /// The Kronecker factors of the layers that are linear in their parameters, from any source but `.minibatch`.
    ///
    /// Positions enter by `sharing`. The closed form goes position by position, as positions are independent under
    /// the model.
    public func kronecker<Model: Samplable & ClosedFormFisher>(
        _ source: InformationSource, sharing: WeightSharing = .expand, units: Int,
        observing observed: Model.Observation, using generator: RandomGenerator? = nil,
        _ forward: () throws -> Model
    ) throws -> KroneckerInformation {
        guard source != .minibatch else {
            throw InformationError.noSuchEstimate(
                source: "\(source)", structure: "kronecker",
                reason: "the square of a mean gradient has no factors")
        }
        let (passes, count) = try passes(
            source, structure: "kronecker", units: units, observed, generator, forward)
        return try withoutGradients {
            try kronecker(source, passes: passes, sharing: sharing, observationCount: count)
        }
    }

    private func passes<Model: Samplable & ClosedFormFisher>(
        _ source: InformationSource, structure: String, units: Int, _ observed: Model.Observation,
        _ generator: RandomGenerator?, _ forward: () throws -> Model
    ) throws -> (passes: [BackwardPass], observationCount: Int) {
        let pass = try capture(units: units, forward)
        let likelihood = pass.outcome
        try likelihood.outputs.check()
        let loss = likelihood.negativeLogLikelihood(of: observed)
        // Sources of the model's own labels need no targets, but wrong ones are a mistake all the same.
        do { try loss.check() } catch { throw InformationError.badObservations(reason: "\(error)") }
        let count = try likelihood.observationCount(of: observed)
        guard count > 0 else { throw InformationError.noObservations }
        switch source {
        case .empirical, .minibatch:
            let uses = try pass.backward(
                from: [loss], seeds: [nil], keepGraph: false)
            return ([BackwardPass(uses: uses, weight: 1)], count)
        case .improved:
            let slopes = try gradients(of: loss, withRespectTo: [likelihood.outputs], keepGraph: true)
            let uses = try pass.backward(from: [loss], seeds: [nil], keepGraph: false)
            guard let slope = slopes[0] else { throw InformationError.noObservations }
            return ([BackwardPass(uses: uses, weight: 1).improved(by: slope)], count)
        case .sampled(let draws):
            guard draws > 0, let generator else {
                throw InformationError.noSuchEstimate(
                    source: "\(source)", structure: structure, reason: "it needs a draw and a generator")
            }
            let passes = try (0..<draws).map { draw in
                let labels = likelihood.sample(like: observed, using: generator)
                let uses = try pass.backward(
                    from: [likelihood.negativeLogLikelihood(of: labels)], seeds: [nil],
                    keepGraph: draw + 1 < draws)
                return BackwardPass(uses: uses, weight: 1 / Double(draws))
            }
            return (passes, count)
        case .exact, .gaussNewton:
            if source == .gaussNewton {
                // Where there is a Hessian of use in the outputs, it is the Fisher.
                _ = try likelihood.outputHessianProduct(
                    of: observed, .zeros(like: likelihood.outputs.detached()))
            }
            return (try pass.exactPasses(pass.outcome, observed), count)
        }
    }
}

extension CapturedPass {
    /// A backward pass for each factor of the output Fisher at each position of a unit.
    func exactPasses<Model: ClosedFormFisher>(
        _ likelihood: Model, _ observed: Model.Observation
    ) throws -> [BackwardPass] {
        let outputs = likelihood.outputs
        let positions = outputs.shape.dropFirst().dropLast().reduce(1, *)
        let width = outputs.shape.last ?? 1
        let factors = likelihood.outputFisherFactorCount
        var passes: [BackwardPass] = []
        for k in 0..<factors {
            let factor = likelihood.outputFisherFactor(k, observing: observed)
            for position in 0..<positions {
                var seed = factor
                if positions > 1 {
                    let chosen = Tensor(
                        (0..<positions).map { $0 == position ? 1.0 : 0 }, shape: [1, positions, 1]
                    )
                    .to(dtype: outputs.dtype)
                    seed = (factor.reshaped([-1, positions, width]) * chosen).reshaped(outputs.shape)
                }
                let isLast = k + 1 == factors && position + 1 == positions
                passes.append(
                    BackwardPass(
                        uses: try backward(from: [outputs], seeds: [seed], keepGraph: !isLast), weight: 1
                    ))
            }
        }
        return passes
    }
}
