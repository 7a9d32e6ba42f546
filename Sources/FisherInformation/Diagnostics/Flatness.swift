import Foundation
import NeuralNet
import Torch

/// How flat the loss is around a point, such as the end of a run: its Hessian's largest eigenvalues and trace.
///
/// Both depend on how the model is parameterized (Dinh et al. 2017): compare points of one model.
public struct Flatness: Hashable, Sendable {
    /// An eigenvalue found by Lanczos' iteration.
    public struct Eigenvalue: Hashable, Sendable {
        /// The value.
        public let value: Double
        /// |H v - value v| of its vector v of length 1: an eigenvalue of H lies within this distance. It is not given smaller
        /// than the rounding of the largest eigenvalue.
        public let residual: Double
    }

    /// The largest eigenvalues, descending.
    public let eigenvalues: [Eigenvalue]
    /// The trace by random probes, with its standard error.
    public let trace: StochasticEstimate

    /// The largest eigenvalue by Lanczos' iteration; 0 for a model without one.
    public var topEigenvalue: Double { eigenvalues.first?.value ?? 0 }
    /// |H v - value v| of its vector: how far from an eigenvalue it may be.
    public var residual: Double { eigenvalues.first?.residual ?? 0 }

    /// Measures the Hessian of an objective's mean loss. A probe and a step of Lanczos cost two backward passes
    /// each; the forward pass is made once.
    ///
    /// - Parameters:
    ///   - model: the model, whose trainable parameters the Hessian covers.
    ///   - probes: the number of random probes for the trace.
    ///   - steps: the number of Lanczos iterations.
    ///   - generator: for the probes and the first vector.
    ///   - objective: the forward pass.
    public init(
        of model: any Module, probes: Int = 10, steps: Int = 20, using generator: RandomGenerator,
        _ objective: () throws -> Objective
    ) throws {
        let found = try CurvatureEstimator(of: model).estimate([.hessian], of: objective())
        guard let hessian = found.hessian else { throw CurvatureError.noObservations }
        try self.init(of: hessian, probes: probes, steps: steps, using: generator)
    }

    /// Measures a Hessian by its products: one for each step of Lanczos and each probe.
    ///
    /// - Parameters:
    ///   - hessian: the Hessian.
    ///   - count: how many of the largest eigenvalues are found.
    ///   - probes: the number of random probes for the trace.
    ///   - steps: the number of Lanczos iterations.
    ///   - generator: for the probes and the first vector.
    public init(
        of hessian: SymmetricOperator, count: Int = 1, probes: Int = 10, steps: Int = 20,
        using generator: RandomGenerator
    ) throws {
        let found = try hessian.topEigenvalues(count, steps: steps, using: generator)
        let rounding = (found.first.map { abs($0.value) } ?? 0) * hessian.dtype.rounding
        eigenvalues = found.map { Eigenvalue(value: $0.value, residual: max($0.residual, rounding)) }
        trace = try hessian.trace(probes: probes, using: generator)
    }
}

extension SymmetricOperator {
    /// Products with a Hessian by central differences of gradients, for losses whose gradient cannot be differentiated:
    ///
    ///     H v ~ (g(theta + h v) - g(theta - h v)) / 2 h,   h = cbrt(epsilon) (1 + |theta|) / |v|
    ///
    /// with the rounding epsilon of the parameters' type: the error of the difference is of the order h^2, that of
    /// rounding epsilon / h, and at this h both are of the order epsilon^(2/3), 2e-5 of the third derivative and the
    /// gradient in float32. A product costs two gradients.
    ///
    /// - Parameters:
    ///   - point: theta as one vector.
    ///   - gradient: the gradient at a point.
    public static func hessian(
        at point: Tensor, byDifferencesOf gradient: @escaping (Tensor) throws -> Tensor
    ) throws -> SymmetricOperator {
        let reach = try cbrt(point.dtype.rounding) * (1 + point.norm().item())
        return SymmetricOperator(size: point.count, dtype: point.dtype) { vector in
            let length = try vector.norm().item()
            guard length > 0 else { return .zeros(like: vector) }
            let h = reach / length
            let (above, below) = (try gradient(point + vector * h), try gradient(point - vector * h))
            return (above - below) / (2 * h)
        }
    }
}

extension DType {
    /// The relative distance of neighboring numbers of the type in which vectors are kept: float64, or float32.
    fileprivate var rounding: Double { self == .float64 ? 0x1p-52 : 0x1p-23 }
}
