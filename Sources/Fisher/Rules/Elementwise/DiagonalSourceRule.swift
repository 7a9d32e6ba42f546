import FisherInformation
import FisherOptions
import Torch

/// Where the diagonal of a rule on single tensors comes from.
public struct DiagonalEstimate: ConfigurableOptions {
    /// Where the information of a batch comes from: its squared mean gradient as published, or a better estimate.
    @Configurable(
        "source", .among([.minibatch, .empirical, .sampled(1), .exact, .improved]),
        "where the Fisher information comes from")
    public var source = CurvatureSource.minibatch
    /// Number of draws of labels per update, if they are sampled.
    @Configurable("draws", .atLeast(1), "draws of labels per update, if they are sampled")
    public var draws = 1

    /// The defaults.
    public init() {}

    /// The source with the number of draws.
    var drawnSource: CurvatureSource { source == .sampled(1) ? .sampled(draws) : source }
}

/// A rule on single tensors whose diagonal may come from a batch's statistics in place of its gradient.
@dynamicMemberLookup
public protocol DiagonalSourceRule: TensorRule, CurvatureRule {
    /// Where the diagonal comes from; its options are accessible as the rule's own.
    var estimate: DiagonalEstimate { get set }

    /// The update of this step for one tensor, with the diagonal of this batch in place of the squared
    /// gradient if there is one.
    func update(for input: RuleInput, diagonal: Tensor?, state: inout TensorState) -> ParameterUpdate
}

extension DiagonalSourceRule {
    /// An option of the estimate.
    public subscript<Value>(dynamicMember path: WritableKeyPath<DiagonalEstimate, Value>) -> Value {
        get { estimate[keyPath: path] }
        set { estimate[keyPath: path] = newValue }
    }

    public var needsBatch: Bool { estimate.source != .minibatch }

    public var division: WorkDivision { .tensors }

    public func requests(at step: Int) -> [CurvatureRequest] {
        needsBatch ? [.diagonal(estimate.drawnSource)] : []
    }

    public func update(for input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        update(for: input, diagonal: nil, state: &state)
    }

    /// The updates by gradients alone.
    public func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        group.indices.map { update(for: group[$0], state: &state[$0]) }
    }

    public func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        guard let diagonal = group.statistics.diagonal(estimate.drawnSource)?.mean else {
            throw OptimizerError.needsModel(rule: Self.summary.name)
        }
        return group.inputs.indices.map { k in
            guard group.hasGradient[k] else {
                return ParameterUpdate(change: .zeros(like: group.inputs[k].parameter))
            }
            return update(
                for: group.inputs[k], diagonal: diagonal[group.structure.paths[k]], state: &state[k])
        }
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        structure.shapes.map { stateShapes(like: .zeros($0)) }
    }
}
