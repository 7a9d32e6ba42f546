import NeuralNet
import Torch

extension CurvatureEstimator {
    /// The backward passes of a source after one forward pass; throws what is wrong with the request.
    package func run<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, _ structure: CurvatureStructure, _ units: Int,
        _ observed: Model.Observation, _ generator: RandomGenerator?, _ forward: () throws -> Model
    ) throws -> PassRun {
        try Self.requireExisting(structure, from: source)
        return try run(
            source, structure, of: try capture(units: units, forward), observed, generator, keepGraph: false)
    }

    /// The backward passes of a source from a forward pass that was made.
    package func run<Model: Samplable & ClosedFormFisher>(
        _ source: CurvatureSource, _ structure: CurvatureStructure, of pass: CapturedPass<Model>,
        _ observed: Model.Observation, _ generator: RandomGenerator?, keepGraph: Bool
    ) throws -> PassRun {
        try Self.requireExisting(structure, from: source)
        let units = pass.units
        let likelihood = pass.outcome
        try likelihood.outputs.check()
        let loss = likelihood.negativeLogLikelihood(of: observed)
        // Sources of the model's own labels need no targets, but wrong ones are a mistake all the same.
        do { try loss.check() } catch { throw CurvatureError.badObservations(reason: "\(error)") }
        let count = try likelihood.observationCount(of: observed)
        guard count > 0 else { throw CurvatureError.noObservations }
        switch source {
        case .empirical, .minibatch:
            return PassRun(source: source, units: units, observationCount: count) { take in
                try take(try backward(pass, from: loss, weight: 1, keepGraph: keepGraph))
            }
        case .improved:
            return PassRun(source: source, units: units, observationCount: count) { take in
                let slope = try gradients(of: loss, withRespectTo: [likelihood.outputs], keepGraph: true)[0]
                guard let slope else { throw CurvatureError.noObservations }
                try take(
                    try backward(pass, from: loss, weight: 1, keepGraph: keepGraph).improved(by: slope))
            }
        case .sampled(let draws):
            guard draws > 0, let generator else {
                throw CurvatureError.noSuchEstimate(
                    source: "\(source)", structure: "\(structure)", reason: "it needs a draw and a generator")
            }
            return PassRun(source: source, units: units, observationCount: count) { take in
                for draw in 0..<draws {
                    let labels = likelihood.sample(like: observed, using: generator)
                    try take(
                        try backward(
                            pass, from: likelihood.negativeLogLikelihood(of: labels),
                            weight: 1 / Double(draws), keepGraph: keepGraph || draw + 1 < draws))
                }
            }
        case .exact, .gaussNewton:
            if source == .gaussNewton {
                // Where there is a Hessian of use in the outputs, it is the Fisher.
                _ = try likelihood.outputHessianProduct(
                    of: observed, .zeros(like: likelihood.outputs.detached()))
            }
            return PassRun(source: source, units: units, observationCount: count) { take in
                try pass.exactPasses(likelihood, observed, keepGraph: keepGraph, take)
            }
        }
    }

    /// The generic route goes unit by unit from the outputs; the others from the loss.
    private func backward<Model: ClosedFormFisher>(
        _ pass: CapturedPass<Model>, from loss: Tensor, weight: Double, keepGraph: Bool
    ) throws -> BackwardPass {
        guard !generic.isEmpty else {
            return try pass.backward(from: [loss], seeds: [nil], weight: weight, keepGraph: keepGraph)
        }
        let outputs = pass.outcome.outputs
        let seed = try gradients(of: loss, withRespectTo: [outputs], keepGraph: true)[0]
        return try pass.backward(
            from: [outputs], seeds: [seed ?? .zeros(like: outputs.detached())], weight: weight,
            keepGraph: keepGraph)
    }
}

extension CapturedPass {
    /// A backward pass for each factor of the output Fisher at each position of a unit.
    func exactPasses<Model: ClosedFormFisher>(
        _ likelihood: Model, _ observed: Model.Observation, keepGraph: Bool,
        _ take: (BackwardPass) throws -> Void
    ) throws {
        let outputs = likelihood.outputs
        let positions = outputs.shape.dropFirst().dropLast().reduce(1, *)
        let width = outputs.shape.last ?? 1
        let factors = likelihood.outputFisherFactorCount
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
                try take(try backward(from: [outputs], seeds: [seed], keepGraph: keepGraph || !isLast))
            }
        }
    }
}
