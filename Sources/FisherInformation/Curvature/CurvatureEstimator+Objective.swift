import NeuralNet
import Torch

extension CurvatureEstimator {
    /// An estimator of some of a model's parameters; those that no layer covers are told by `uncovered`.
    package init(of model: any Module, for parameters: [NamedParameter]) {
        self.model = model
        self.parameters = parameters
        let own = Set(parameters.map { ObjectIdentifier($0.parameter) })
        clusters = LayerCluster.clusters(of: model).filter { cluster in
            cluster.parameters.contains { own.contains(ObjectIdentifier($0)) }
        }
        generic = []
    }

    /// The parameters that no layer tells the units' gradients of.
    package var uncovered: [ParameterPath] {
        let covered = Set(clusters.flatMap(\.parameters).map(ObjectIdentifier.init))
        return parameters.filter { !covered.contains(ObjectIdentifier($0.parameter)) }.map(\.path)
    }
}

extension CapturedPass {
    /// The uses with the gradients that came back to their outputs, by layer.
    package func uses(with gradients: some Sequence<Tensor?>) -> [ParameterPath: [LayerActivation]] {
        var found: [ParameterPath: [LayerActivation]] = [:]
        for (use, gradient) in zip(uses, gradients) {
            guard let gradient else { continue }
            found[use.path, default: []].append(LayerActivation(input: use.input, outputGradient: gradient))
        }
        return found
    }
}

extension CapturedPass<Objective> {
    /// The backward passes of a source of the model's own labels.
    package func passes(_ source: CurvatureSource, using generator: RandomGenerator?) throws -> [BackwardPass]
    {
        let kind = type(of: outcome.likelihood)
        switch source {
        case .sampled(let draws):
            guard let likelihood = outcome.likelihood as? any Samplable, let generator else {
                throw CurvatureError.noSuchEstimate(
                    source: "\(source)", structure: "any", reason: "\(kind) draws no observations")
            }
            return try sampledPasses(likelihood, draws: draws, generator)
        case .exact, .gaussNewton:
            guard let likelihood = outcome.likelihood as? any ClosedFormFisher else {
                throw CurvatureError.noSuchEstimate(
                    source: "\(source)", structure: "any",
                    reason: "\(kind) has no Fisher information in closed form")
            }
            return try exactPasses(likelihood, checkingHessian: source == .gaussNewton)
        case .empirical, .improved, .minibatch:
            preconditionFailure("the data's labels come with the gradient")
        }
    }

    private func sampledPasses<Model: Samplable>(
        _ likelihood: Model, draws: Int, _ generator: RandomGenerator
    ) throws -> [BackwardPass] {
        guard let observed = outcome.observed as? Model.Observation else {
            preconditionFailure("a likelihood's observations are of its own type")
        }
        return try (0..<draws).map { _ in
            let labels = likelihood.sample(like: observed, using: generator)
            return try backward(
                from: [likelihood.negativeLogLikelihood(of: labels)], seeds: [nil],
                weight: 1 / Double(draws), keepGraph: true)
        }
    }

    private func exactPasses<Model: ClosedFormFisher>(
        _ likelihood: Model, checkingHessian: Bool
    ) throws -> [BackwardPass] {
        guard let observed = outcome.observed as? Model.Observation else {
            preconditionFailure("a likelihood's observations are of its own type")
        }
        if checkingHessian {
            // Where there is a Hessian of use in the outputs, it is the Fisher.
            _ = try likelihood.outputHessianProduct(of: observed, .zeros(like: likelihood.outputs.detached()))
        }
        var passes: [BackwardPass] = []
        try exactPasses(likelihood, observed, keepGraph: true) { passes.append($0) }
        return passes
    }
}
