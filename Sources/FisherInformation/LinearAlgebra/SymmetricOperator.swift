import NeuralNet
import Torch

/// A symmetric matrix known by its products with vectors.
public struct SymmetricOperator {
    /// The number of rows.
    public let size: Int
    /// The type of the vectors.
    public let dtype: DType
    private let product: (Tensor) throws -> Tensor

    /// A matrix given by its product with a vector [size].
    public init(size: Int, dtype: DType, product: @escaping (Tensor) throws -> Tensor) {
        self.size = size
        self.dtype = dtype
        self.product = product
    }

    /// A matrix that is there.
    public init(_ matrix: Tensor) {
        let columns = matrix.failure == nil ? matrix.shape.last ?? 0 : 0
        self.init(size: columns, dtype: matrix.failure == nil ? matrix.dtype : .float64) { vector in
            matrix.matmul(vector.unsqueezed(1)).flattened()
        }
    }

    /// The product with a vector.
    public func callAsFunction(_ vector: Tensor) throws -> Tensor {
        let result = try product(vector)
        try result.check()
        return result
    }

    /// The matrix plus a multiple of the identity.
    public func damped(by damping: Double) -> SymmetricOperator {
        SymmetricOperator(size: size, dtype: dtype) { try self($0) + $0 * damping }
    }

    /// The Hessian of an objective's mean loss in the model's trainable parameters, by differentiating the
    /// gradient once more (Pearlmutter 1994). A product costs about two backward passes; the forward pass is
    /// made once and kept.
    public static func hessian(
        of model: any Module, _ objective: () throws -> Objective
    ) throws -> SymmetricOperator {
        let tensors = model.parameters.filter(\.parameter.isTrainable).map(\.parameter.wrappedValue)
        if tensors.isEmpty { throw CurvatureError.nothingToEstimate }
        let made = try withSecondDerivatives(objective)
        guard made.observationCount > 0 else { throw CurvatureError.noObservations }
        return try hessian(of: made, withRespectTo: tensors)
    }

    /// The Hessian of the mean loss of an objective that was computed with second derivatives.
    package static func hessian(
        of objective: Objective, withRespectTo tensors: [Tensor]
    ) throws -> SymmetricOperator {
        let layout = ParameterLayout(of: tensors)
        let slopes = try withSecondDerivatives {
            try gradients(of: objective.loss, withRespectTo: tensors, keepGraph: true, createGraph: true)
        }
        return SymmetricOperator(size: layout.count, dtype: tensors[0].dtype) { vector in
            let parts = layout.split(vector)
            // Gradients that are constant, or missing, have no further ones.
            let pairs = zip(slopes, parts).compactMap { slope, part in
                slope.flatMap { $0.requiresGradient ? ($0, part) : nil }
            }
            guard !pairs.isEmpty else { return .zeros(like: vector) }
            let second = try gradients(
                of: pairs.map(\.0), seeds: pairs.map(\.1), withRespectTo: tensors, keepGraph: true)
            return layout.joined(zip(second, tensors).map { $0 ?? .zeros(like: $1.detached()) })
        }
    }
}
