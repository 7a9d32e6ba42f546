import FisherInformation
import Torch

/// Where a diagonal of the Fisher information comes from.
public enum DiagonalSource: String, Codable, CaseIterable, Sendable {
    /// g^2 of the mini-batch's mean gradient: what Adam squares. No model is needed.
    case minibatch
    /// The mean of the units' squares at the data's labels.
    case empirical
    /// The same at labels drawn from the model.
    case sampled
    /// The same in expectation over the model's labels, in closed form.
    case exact
    /// The units' squares at the data's labels, each over the square of its gradient in the outputs (iEF).
    case improved
}

/// A rule on single tensors whose diagonal may come from a batch's statistics in place of its gradient.
public protocol DiagonalSourceRule: TensorRule, CurvatureRule {
    /// Where the diagonal comes from.
    var source: DiagonalSource { get set }
    /// The number of draws of labels an update, where they are sampled.
    var draws: Double { get set }

    /// The movement of one tensor, with the diagonal of this batch in place of the squared gradient where there
    /// is one.
    func movement(_ input: RuleInput, diagonal: Tensor?, state: inout TensorState) -> ParameterUpdate
}

extension DiagonalSourceRule {
    private var informationSource: CurvatureSource {
        switch source {
        case .minibatch: .minibatch
        case .empirical: .empirical
        case .sampled: .sampled(Int(draws))
        case .exact: .exact
        case .improved: .improved
        }
    }

    public var needsBatch: Bool { source != .minibatch }

    public func requests(at step: Int) -> [CurvatureRequest] {
        needsBatch ? [.diagonal(informationSource)] : []
    }

    public func movement(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        movement(input, diagonal: nil, state: &state)
    }

    /// The movements by gradients alone.
    public func direction(_ group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        group.indices.map { movement(group[$0], state: &state[$0]) }
    }

    public func movements(_ group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        guard let diagonal = group.statistics.diagonal(informationSource)?.mean else {
            throw OptimizerError.needsModel(rule: Self.summary.name)
        }
        return group.inputs.indices.map { k in
            movement(group.inputs[k], diagonal: diagonal[group.structure.paths[k]], state: &state[k])
        }
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        structure.shapes.map { stateShapes(like: .zeros($0)) }
    }

    static func diagonalSourceOptions() -> [RuleOption<Self>] {
        [
            .choice("source", \.source, "where the Fisher information comes from"),
            .count("draws", \.draws, "draws of labels an update, where they are sampled"),
        ]
    }
}

extension DiagonalSourceRule where Self: FisherMetricRule {
    public func movement(_ input: RuleInput, state: inout TensorState) -> ParameterUpdate {
        metricMovement(input, diagonal: nil, state: &state)
    }

    public func movement(_ input: RuleInput, diagonal: Tensor?, state: inout TensorState) -> ParameterUpdate {
        metricMovement(input, diagonal: diagonal, state: &state)
    }
}
