import FisherInformation
import FisherOptions
import NeuralNet
import Torch

/// A rule that needs more of a batch than its gradient: statistics of its layers, per-sample gradients,
/// products with a curvature matrix. It works on a whole group, within `Optimizer.step(on:)`.
public protocol CurvatureRule: OptimizationRule {
    /// The estimates that it needs of the batch at an update, counted from 1.
    func requests(at step: Int) -> [CurvatureRequest]

    /// The updates of this step for a group's parameters. Throws errors of the statistics and of their
    /// solutions.
    ///
    /// - Parameters:
    ///   - group: parameters, gradients, layers and statistics.
    ///   - state: the rule's state, a value for each parameter; changed to the state after the step.
    /// - Returns: an update for each parameter, in order.
    func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate]

    /// The shapes of its state of each parameter after the update `step`, by name.
    func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]]

    /// The note in `describe()` on each parameter, or nil.
    func notes(_ structure: GroupStructure) -> [String?]

    /// Whether it draws labels from the model at any update.
    var drawsLabels: Bool { get }

    /// Whether it draws random directions, which are then in ``RuleGroup/draws``.
    var drawsDirections: Bool { get }

    /// Whether it needs a model and its batches with its options as they are; if not, it works on gradients
    /// as other rules do, and the rest of this protocol is not used.
    var needsBatch: Bool { get }
}

extension CurvatureRule {
    /// Such a rule cannot work on gradients alone.
    public func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        let failure = TorchError(
            message: "\(Self.summary.title) needs a model and a batch, not gradients")
        return group.map { _ in ParameterUpdate(change: Tensor(failed: failure)) }
    }

    public func notes(_ structure: GroupStructure) -> [String?] { structure.paths.map { _ in nil } }

    public var needsBatch: Bool { true }

    public var drawsDirections: Bool { false }

    /// Whether the first update's requests have a sampled source.
    public var drawsLabels: Bool {
        requests(at: 1).contains { request in
            if case .sampled? = request.source { true } else { false }
        }
    }
}

extension OptimizationRule {
    /// The rule, if it needs a model and its batches with its options as they are.
    var curvatureRule: (any CurvatureRule)? {
        guard let rule = self as? any CurvatureRule, rule.needsBatch else { return nil }
        return rule
    }
}

/// The input of a rule that needs a batch for its group.
public struct RuleGroup {
    /// The parameters with their gradients, in order.
    public let inputs: [RuleInput]
    /// Whether a gradient arrived and this process moves the parameter; no other update is made.
    public let hasGradient: [Bool]
    /// How the parameters belong to layers.
    public let structure: GroupStructure
    /// The estimates that the rule requested.
    public let statistics: CurvatureEstimates
    /// The factor of the summed gradients that gives their means: 1 / N, times the clip of their norm.
    let gradientScale: Double
    /// The mean loss of the batch before the step, auxiliaries included; 0-dimensional.
    public let loss: Tensor
    /// Draws directions; nil unless the rule says that it does.
    public let draws: RuleDraws?
    /// Completes numbers of which each process has those of its own layers.
    let exchange: GroupExchange
    /// Whether a gradient arrived, whichever process moves the parameter.
    let isReached: [Bool]
    /// The mean loss of the batch after some updates of the group, auxiliaries included; it changes nothing.
    let lossAfter: ([ParameterUpdate]) throws -> Double

    /// The number of this update.
    public var step: Int { inputs.lazy.map(\.step).max() ?? 1 }

    /// The gradients, with those of auxiliaries added if there are any.
    public var gradients: [Tensor] { inputs.map { $0.gradient(.inGradient) } }

    /// Updates by the parameters' order; reports on the group as a whole belong to the first one that moves.
    public func updates(
        _ changes: [Tensor], fallbackCount: Int = 0, solution: SolutionRecord? = nil
    ) -> [ParameterUpdate] {
        var updates = changes.map { ParameterUpdate(change: $0) }
        if let first = hasGradient.firstIndex(of: true) {
            updates[first].fallbackCount = fallbackCount
            updates[first].solution = solution
        }
        return updates
    }

    /// The updates of some parameters by another rule, which keeps its state under its own names.
    func updates(
        of positions: [Int], by rule: any OptimizationRule, state: inout [TensorState]
    ) -> [(position: Int, update: ParameterUpdate)] {
        let moving = positions.filter { hasGradient[$0] }
        var states = moving.map { state[$0] }
        let updates = rule.updates(for: moving.map { inputs[$0] }, state: &states)
        for (place, position) in moving.enumerated() { state[position] = states[place] }
        return Array(zip(moving, updates))
    }

    /// The mean loss of the batch after these updates. Costs a forward pass, with the same dropout. Products
    /// with a matrix of the batch must have been taken before: their graph is of untouched weights.
    public func loss(after updates: [ParameterUpdate]) throws -> Double { try lossAfter(updates) }
}
