import NeuralNet
import Torch

extension CurvatureEstimator {
    /// The estimate of a request that needs second derivatives, for an objective computed with them.
    func closedForm(_ request: CurvatureRequest, of objective: Objective) throws -> any Summable {
        let matrix = try operation(request, of: objective)
        guard case .lowRank(let rank, let source) = request else {
            return CurvatureProducts(matrix, observationCount: objective.observationCount)
        }
        return try lowRank(matrix, source, rank: rank, observationCount: objective.observationCount)
    }

    private func operation(_ request: CurvatureRequest, of objective: Objective) throws -> SymmetricOperator {
        let tensors = parameters.map(\.parameter.wrappedValue)
        if request == .hessian { return try .hessian(of: objective, withRespectTo: tensors) }
        guard let likelihood = objective.likelihood as? any ClosedFormFisher else {
            throw request.unsupported(objective.likelihood.withoutClosedForm)
        }
        return try .information(
            likelihood, of: objective, isHessian: request.source == .gaussNewton, withRespectTo: tensors)
    }
}

extension SymmetricOperator {
    /// The Hessian of the mean loss, by differentiating the gradient again (Pearlmutter 1994). A product
    /// costs about two backward passes; the forward pass, made with second derivatives, is kept.
    fileprivate static func hessian(
        of objective: Objective, withRespectTo tensors: [Tensor]
    ) throws -> SymmetricOperator {
        let layout = ParameterLayout(of: tensors)
        let slopes = try withSecondDerivatives {
            try gradients(of: objective.loss, withRespectTo: tensors, keepGraph: true, createGraph: true)
        }
        return SymmetricOperator(size: layout.count, dtype: tensors[0].dtype.accumulator) { vector in
            let parts = zip(layout.split(vector), tensors).map { $0.to(dtype: $1.dtype) }
            // Gradients that are constant, or missing, have no further ones.
            let pairs = zip(slopes, parts).compactMap { slope, part in
                slope.flatMap { $0.requiresGradient ? ($0, part) : nil }
            }
            guard !pairs.isEmpty else { return .zeros(like: vector) }
            let second = try gradients(
                of: pairs.map(\.0), seeds: pairs.map(\.1), withRespectTo: tensors, keepGraph: true)
            return layout.joined(zip(second, tensors).map { $0 ?? .zeros(like: $1.detached()) }).widened
        }
    }

    /// v -> (1/N) J^T M J v, M the Fisher information in the outputs or the Hessian of -log p in them.
    ///
    /// J v is computed by differentiating J^T w in w, which costs a double backward pass; the forward pass is
    /// made once and kept. Masked observations contribute nothing.
    fileprivate static func information<Model: ClosedFormFisher>(
        _ likelihood: Model, of objective: Objective, isHessian: Bool, withRespectTo tensors: [Tensor]
    ) throws -> SymmetricOperator {
        let observed = objective.observations(of: likelihood)
        let layout = ParameterLayout(of: tensors)
        let outputs = likelihood.outputs
        try outputs.check()
        let probe = try Tensor.zeros(like: outputs.detached()).requiringGradient()
        let pulled = try withSecondDerivatives {
            try gradients(
                of: [outputs], seeds: [probe], withRespectTo: tensors, keepGraph: true, createGraph: true)
        }
        return SymmetricOperator(size: layout.count, dtype: tensors[0].dtype.accumulator) { vector in
            let pairs = zip(pulled, layout.split(vector)).compactMap { gradient, part in
                gradient.map { ($0, part.to(dtype: $0.dtype)) }
            }
            let pushed = try gradients(
                of: pairs.map(\.0), seeds: pairs.map(\.1), withRespectTo: [probe], keepGraph: true)[0]
            guard let pushed else { return .zeros(like: vector) }
            let weighed = try withoutGradients {
                isHessian
                    ? try likelihood.outputHessianProduct(of: observed, pushed)
                    : likelihood.outputFisherProduct(pushed, observing: observed)
            }
            let back = try gradients(of: [outputs], seeds: [weighed], withRespectTo: tensors, keepGraph: true)
            return layout.joined(zip(back, tensors).map { $0 ?? .zeros(like: $1.detached()) }).widened
                / Double(objective.observationCount)
        }
    }
}
