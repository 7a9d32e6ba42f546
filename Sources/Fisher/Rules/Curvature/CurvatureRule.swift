import FisherInformation
import NeuralNet
import Torch

/// A rule that needs more of a batch than its gradient: statistics of its layers, units' gradients, products with
/// a curvature matrix. It works on a whole group, within `Optimizer.step(on:)`.
public protocol CurvatureRule: OptimizationRule {
    /// What it needs of the batch at an update, counted from 1.
    func requests(at step: Int) -> [CurvatureRequest]

    /// The movements of a group. Throws what the statistics or a solution of theirs threw.
    ///
    /// - Parameters:
    ///   - group: parameters, gradients, layers and statistics.
    ///   - state: what the rule remembers, a value a parameter; changed to what holds after the step.
    /// - Returns: a movement for each parameter, in order.
    func movements(_ group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate]

    /// The shapes of what it remembers of each parameter after the update `step`, by name.
    func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]]

    /// What `describe()` says of each parameter, where there is anything to say.
    func notes(_ structure: GroupStructure) -> [String?]

    /// Whether it draws labels from the model at any update.
    var drawsLabels: Bool { get }

    /// Whether it needs a model and its batches with its options as they are; where not, it works on gradients as
    /// other rules do, and nothing else of this protocol is asked.
    var needsBatch: Bool { get }
}

extension CurvatureRule {
    /// Such a rule cannot work on gradients alone.
    public func direction(_ group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        let failure = TorchError(
            message: "\(Self.summary.title) needs a model and a batch, not gradients")
        return group.map { _ in ParameterUpdate(change: Tensor(failed: failure)) }
    }

    public func notes(_ structure: GroupStructure) -> [String?] { structure.paths.map { _ in nil } }

    public var needsBatch: Bool { true }

    /// Whether the first update's requests have a sampled source.
    public var drawsLabels: Bool {
        requests(at: 1).contains { request in
            if case .sampled? = request.source { true } else { false }
        }
    }
}

extension OptimizationRule {
    /// The rule, where it needs a model and its batches with its options as they are.
    var informed: (any CurvatureRule)? {
        guard let rule = self as? any CurvatureRule, rule.needsBatch else { return nil }
        return rule
    }
}

/// What an informed rule is told about its group.
public struct RuleGroup {
    /// The parameters with their gradients, in order.
    public let inputs: [RuleInput]
    /// Whether a gradient arrived; a movement of a parameter without one is not made.
    public let hasGradient: [Bool]
    /// How the parameters belong to layers.
    public let structure: GroupStructure
    /// What the rule asked for.
    public let statistics: CurvatureEstimates
    /// By what the sums of scores were multiplied to be the gradients: 1 / N, times the clip of their norm.
    let gradientScale: Double
    /// The mean loss of the batch before the step, auxiliaries included; 0-dimensional.
    public let loss: Tensor
    /// The mean loss of the batch after some movements of the group, auxiliaries included; nothing is changed by it.
    let lossAfter: ([ParameterUpdate]) throws -> Double

    /// The number of this update.
    public var step: Int { inputs.lazy.map(\.step).max() ?? 1 }

    /// The gradients, with those of auxiliaries added where there are any.
    public var gradients: [Tensor] { inputs.map { $0.gradient(.inGradient) } }

    /// Movements by the parameters' order; what is told of the group as a whole is told with the first that moves.
    public func movements(
        _ changes: [Tensor], fallbackCount: Int = 0, solution: SolutionRecord? = nil
    ) -> [ParameterUpdate] {
        var movements = changes.map { ParameterUpdate(change: $0) }
        if let first = hasGradient.firstIndex(of: true) {
            movements[first].fallbackCount = fallbackCount
            movements[first].solution = solution
        }
        return movements
    }

    /// The mean loss of the batch were these movements made. Costs a forward pass; dropout draws as it did before.
    /// Products with a matrix of the batch must have been taken before: their graph is of untouched weights.
    public func loss(after movements: [ParameterUpdate]) throws -> Double { try lossAfter(movements) }
}
