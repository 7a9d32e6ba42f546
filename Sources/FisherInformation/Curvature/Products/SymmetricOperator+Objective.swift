import NeuralNet
import Torch

extension SymmetricOperator {
    /// A curvature matrix of an objective that was computed with second derivatives, in some of its parameters.
    package static func curvature(
        _ matrix: CurvatureMatrix, of objective: Objective, withRespectTo tensors: [Tensor]
    ) throws -> SymmetricOperator {
        guard objective.observationCount > 0 else { throw CurvatureError.noObservations }
        if matrix == .hessian { return try hessian(of: objective, withRespectTo: tensors) }
        let name = matrix == .fisher ? "fisher" : "gauss_newton"
        guard let likelihood = objective.likelihood as? any ClosedFormFisher else {
            throw CurvatureError.noSuchEstimate(
                source: name, structure: "operator",
                reason: "\(type(of: objective.likelihood)) has no Fisher information in closed form")
        }
        return try outputProduct(matrix, likelihood, objective, tensors)
    }

    private static func outputProduct<Model: ClosedFormFisher>(
        _ matrix: CurvatureMatrix, _ likelihood: Model, _ objective: Objective, _ tensors: [Tensor]
    ) throws -> SymmetricOperator {
        guard let observed = objective.observed as? Model.Observation else {
            preconditionFailure("a likelihood's observations are of its own type")
        }
        return try outputProduct(
            likelihood, observationCount: objective.observationCount, withRespectTo: tensors
        ) { likelihood, v in
            matrix == .fisher
                ? likelihood.outputFisherProduct(v, observing: observed)
                : try likelihood.outputHessianProduct(of: observed, v)
        }
    }
}
