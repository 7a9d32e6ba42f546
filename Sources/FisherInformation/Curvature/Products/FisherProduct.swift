import NeuralNet
import Torch

extension SymmetricOperator {
    /// The exact Fisher information of a batch as products: v -> (1/N) J^T F_out J v, on the scale of the mean loss.
    ///
    /// J v comes by differentiating J^T w in w, which costs a double backward pass; the forward pass is made once
    /// and kept. Masked observations count nothing.
    public static func fisher<Model: ClosedFormFisher>(
        of model: any Module, observing observed: Model.Observation, _ forward: () throws -> Model
    ) throws -> SymmetricOperator {
        try outputProduct(of: model, observing: observed, forward) { likelihood, v in
            likelihood.outputFisherProduct(v, observing: observed)
        }
    }

    /// The generalized Gauss-Newton matrix as products: v -> (1/N) J^T H_out J v with the Hessian of -log p in the
    /// outputs. Throws where the likelihood has none of use.
    public static func gaussNewton<Model: ClosedFormFisher>(
        of model: any Module, observing observed: Model.Observation, _ forward: () throws -> Model
    ) throws -> SymmetricOperator {
        try outputProduct(of: model, observing: observed, forward) { likelihood, v in
            try likelihood.outputHessianProduct(of: observed, v)
        }
    }

    private static func outputProduct<Model: ClosedFormFisher>(
        of model: any Module, observing observed: Model.Observation, _ forward: () throws -> Model,
        _ middle: @escaping (Model, Tensor) throws -> Tensor
    ) throws -> SymmetricOperator {
        let tensors = model.parameters.filter(\.parameter.isTrainable).map(\.parameter.wrappedValue)
        if tensors.isEmpty { throw CurvatureError.nothingToEstimate }
        let likelihood = try withSecondDerivatives(forward)
        try likelihood.outputs.check()
        let count = try likelihood.observationCount(of: observed)
        guard count > 0 else { throw CurvatureError.noObservations }
        return try outputProduct(likelihood, observationCount: count, withRespectTo: tensors, middle)
    }

    /// v -> (1/N) J^T M J v for a likelihood computed with second derivatives, M by its product.
    static func outputProduct<Model: ClosedFormFisher>(
        _ likelihood: Model, observationCount: Int, withRespectTo tensors: [Tensor],
        _ middle: @escaping (Model, Tensor) throws -> Tensor
    ) throws -> SymmetricOperator {
        let layout = ParameterLayout(of: tensors)
        let outputs = likelihood.outputs
        let probe = try Tensor.zeros(like: outputs.detached()).requiringGradient()
        let pulled = try withSecondDerivatives {
            try gradients(
                of: [outputs], seeds: [probe], withRespectTo: tensors, keepGraph: true, createGraph: true)
        }
        return SymmetricOperator(size: layout.count, dtype: tensors[0].dtype) { vector in
            let pairs = zip(pulled, layout.split(vector)).compactMap { gradient, part in
                gradient.map { ($0, part) }
            }
            let pushed = try gradients(
                of: pairs.map(\.0), seeds: pairs.map(\.1), withRespectTo: [probe], keepGraph: true)[0]
            guard let pushed else { return .zeros(like: vector) }
            let weighed = try withoutGradients { try middle(likelihood, pushed) }
            let back = try gradients(of: [outputs], seeds: [weighed], withRespectTo: tensors, keepGraph: true)
            return layout.joined(zip(back, tensors).map { $0 ?? .zeros(like: $1.detached()) })
                / Double(observationCount)
        }
    }
}
