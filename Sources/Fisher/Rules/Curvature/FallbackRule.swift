import FisherInformation

/// The rule of what a rule for layers does not reach: embeddings, norms, tied weights.
public enum FallbackRule: String, Codable, CaseIterable, Sendable {
    /// Steepest descent.
    case sgd
    /// Adagrad.
    case adagrad
    /// RMSProp.
    case rmsprop
    /// Adam.
    case adam
    /// AdamW.
    case adamw
    /// FAdam.
    case fadam

    /// The rule with its defaults at a learning rate.
    public func rule(learningRate: Schedule) -> any OptimizationRule {
        var made: any OptimizationRule =
            switch self {
            case .sgd: SGD()
            case .adagrad: Adagrad()
            case .rmsprop: RMSProp()
            case .adam: Adam()
            case .adamw: AdamW()
            case .fadam: FAdam()
            }
        made.learningRate = learningRate
        return made
    }

    /// What `describe()` says of a parameter that it moves.
    var note: String { "by \(type(of: rule(learningRate: 0)).summary.title)" }
}

extension RuleGroup {
    /// The movements of some parameters by another rule, which keeps its memory under its own names.
    func movements(
        of positions: [Int], by rule: any OptimizationRule, state: inout [TensorState]
    ) -> [(position: Int, movement: ParameterUpdate)] {
        let moving = positions.filter { hasGradient[$0] }
        var states = moving.map { state[$0] }
        let moves = rule.direction(moving.map { inputs[$0] }, state: &states)
        for (place, position) in moving.enumerated() { state[position] = states[place] }
        return Array(zip(moving, moves))
    }
}
