import FisherInformation

/// A row of the table of rules: which information, in which structure, to which power, at which price.
public struct RuleSummary: Hashable, Sendable {
    /// The name in configurations.
    public let name: String
    /// The name in print.
    public let title: String
    /// Where the information comes from.
    public let source: String
    /// Which structure is kept of it.
    public let structure: String
    /// The power of the information that divides the gradient.
    public let power: String
    /// Where momentum sits.
    public let momentum: String
    /// Bytes of state a float32 parameter.
    public let stateBytes: String
    /// Multiplications of a step besides the passes, by order: P parameters, matrices of m rows and n columns, B units,
    /// K classes, k gradients kept.
    public let cost: String
    /// What it throws away of the information.
    public let neglects: String
    /// Where it is published.
    public let reference: String

    /// Describes a rule.
    public init(
        name: String, title: String, source: String, structure: String, power: String, momentum: String,
        stateBytes: String, cost: String, neglects: String, reference: String
    ) {
        self.name = name
        self.title = title
        self.source = source
        self.structure = structure
        self.power = power
        self.momentum = momentum
        self.stateBytes = stateBytes
        self.cost = cost
        self.neglects = neglects
        self.reference = reference
    }
}
