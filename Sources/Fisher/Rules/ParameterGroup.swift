import FisherInformation
import NeuralNet

/// Which parameters a group takes.
public enum ParameterPattern: Hashable, Sendable, CustomStringConvertible {
    /// Those in whose path a regular expression is found.
    case matching(String)
    /// Those of a list, which has a name in print.
    case listed([ParameterPath], as: String)
    /// All that no earlier group took.
    case rest

    /// `matching` and the expression in quotes, the list's name, or `rest`.
    public var description: String {
        switch self {
        case .matching(let pattern): "matching \"\(pattern)\""
        case .listed(_, let name): name
        case .rest: "rest"
        }
    }
}

/// A rule, and the parameters that it moves.
public struct ParameterGroup: Sendable {
    /// Which parameters of a group lose weight.
    public enum DecayScope: Sendable {
        /// Matrices only: biases, norms and other vectors are left alone.
        case matrices
        /// Every parameter of the group.
        case all
    }

    /// Which parameters.
    public let pattern: ParameterPattern
    /// How they move.
    public let rule: any OptimizationRule
    /// Which of them the rule's weight decay applies to.
    public let decayScope: DecayScope

    /// Describes a group. The first group that matches a parameter takes it.
    public init(
        _ pattern: ParameterPattern, _ rule: any OptimizationRule, decaying scope: DecayScope = .matrices
    ) {
        self.pattern = pattern
        self.rule = rule
        self.decayScope = scope
    }
}
