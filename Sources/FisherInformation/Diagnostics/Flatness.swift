import NeuralNet
import Torch

/// How flat the loss is around a point, such as the end of a run: its Hessian's largest eigenvalue and trace.
///
/// Both depend on how the model is parameterized (Dinh et al. 2017): compare points of one model.
public struct Flatness: Hashable, Sendable {
    /// The largest eigenvalue by Lanczos' iteration.
    public let topEigenvalue: Double
    /// |H v - value v| of its vector: how far from an eigenvalue it may be.
    public let residual: Double
    /// The trace by random probes, with its standard error.
    public let trace: StochasticEstimate

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
        let top = try hessian.topEigenvalues(1, steps: steps, using: generator).first
        topEigenvalue = top?.value ?? 0
        residual = top?.residual ?? 0
        trace = try hessian.trace(probes: probes, using: generator)
    }
}
