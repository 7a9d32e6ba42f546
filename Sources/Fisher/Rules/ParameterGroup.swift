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
    /// The parameters of a group to which weight decay applies.
    public enum DecayScope: Sendable {
        /// Matrices only, not biases, norms and other vectors.
        case matrices
        /// Every parameter of the group.
        case all
    }

    /// The parameters of the group.
    public let pattern: ParameterPattern
    /// The rule that updates them.
    public let rule: any OptimizationRule
    /// The parameters to which the rule's weight decay applies.
    public let decayScope: DecayScope

    /// Describes a group. A parameter belongs to the first group that matches it.
    public init(
        _ pattern: ParameterPattern, _ rule: any OptimizationRule, decaying scope: DecayScope = .matrices
    ) {
        self.pattern = pattern
        self.rule = rule
        self.decayScope = scope
    }
}
