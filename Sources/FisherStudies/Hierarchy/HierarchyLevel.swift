import Foundation

/// One level of the ladder from the identity to the whole Fisher information: the rule, and what a step costs.
public struct HierarchyLevel: Codable, Hashable, Sendable {
    /// The optimizer's label.
    public let label: String
    /// The rule's name in the registry.
    public let rule: String
    /// Where its information comes from.
    public let source: String
    /// Which structure it keeps.
    public let structure: String
    /// The power of the information that divides the gradient.
    public let power: String
    /// Multiplications of a step by order, as the rule's summary has them.
    public let operations: String
    /// The options with which it was measured.
    public let options: [Setting]
    /// Whether its damping is that of the curves.
    public let isDamped: Bool
    /// What a step costs; nil until it is measured.
    public var cost: LevelCost?

    /// Describes a level.
    public init(
        label: String, rule: String, source: String, structure: String, power: String, operations: String,
        options: [Setting], isDamped: Bool, cost: LevelCost? = nil
    ) {
        self.label = label
        self.rule = rule
        self.source = source
        self.structure = structure
        self.power = power
        self.operations = operations
        self.options = options
        self.isDamped = isDamped
        self.cost = cost
    }

    func validate(_ place: String) throws(DocumentFault) {
        for (name, text) in [
            ("label", label), ("rule", rule), ("source", source), ("structure", structure), ("power", power),
            ("operations", operations),
        ] {
            try DocumentLimits.requireText(text, limit: DocumentLimits.name, "\(place).\(name)")
        }
        try DocumentLimits.each(options, "\(place).options") { (setting, place) throws(DocumentFault) in
            try setting.validate(place)
        }
        try cost?.validate("\(place).cost")
    }
}

/// What a step of a level costs.
public struct LevelCost: Codable, Hashable, Sendable {
    /// The median time of a whole step on the task's model, in milliseconds.
    public let milliseconds: Double
    /// The quartiles of the ratio to a step of plain gradient descent within a turn: lower, median, upper.
    public let ratioQuartiles: [Double]
    /// The bytes of its state on the task's model.
    public let stateBytes: Int
    /// The costs over a range of sizes, the smallest first; empty if they were not measured.
    public let sizes: [SizeCost]

    /// Gathers measurements.
    public init(milliseconds: Double, ratioQuartiles: [Double], stateBytes: Int, sizes: [SizeCost]) {
        self.milliseconds = milliseconds
        self.ratioQuartiles = ratioQuartiles
        self.stateBytes = stateBytes
        self.sizes = sizes
    }

    /// The median time of a step in steps of plain gradient descent.
    public var relativeTime: Double { ratioQuartiles.count == 3 ? ratioQuartiles[1] : .nan }

    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireTime(milliseconds, "\(place).milliseconds")
        try DocumentLimits.requireCount(stateBytes, "\(place).stateBytes")
        guard ratioQuartiles.count == 3 else {
            throw DocumentFault("\(place).ratioQuartiles", "has \(ratioQuartiles.count) numbers, not three")
        }
        try DocumentLimits.each(sizes, "\(place).sizes") { (size, place) throws(DocumentFault) in
            try DocumentLimits.requireCount(size.width, "\(place).width")
            try DocumentLimits.requireCount(size.parameterCount, "\(place).parameterCount")
            try DocumentLimits.requireTime(size.milliseconds, "\(place).milliseconds")
            if let bytes = size.bytes { try DocumentLimits.requireCount(bytes, "\(place).bytes") }
        }
    }
}

/// What a step costs at one size of a network, besides the gradient.
public struct SizeCost: Codable, Hashable, Sendable {
    /// The width n of the network n-n-n-10.
    public let width: Int
    /// Its parameters p.
    public let parameterCount: Int
    /// The median time of the statistics and the update, in milliseconds.
    public let milliseconds: Double
    /// The most memory of a first step beyond what was in use before it, state, gradient and activations included;
    /// nil where the system does not report it.
    public let bytes: Int?

    /// Records a measurement.
    public init(width: Int, parameterCount: Int, milliseconds: Double, bytes: Int?) {
        self.width = width
        self.parameterCount = parameterCount
        self.milliseconds = milliseconds
        self.bytes = bytes
    }
}

extension HierarchyLevel {
    /// The power laws of the column "per-step cost" of the table of approximations in the sources of this package
    /// (SGD and Adam d, K-FAC m^3 + n^3, which is d^1.5 where the layers are square, the natural gradient d^3); nil
    /// for a level that is not in that table.
    public var publishedCost: (text: String, exponent: Double)? {
        switch rule {
        case "sgd", "adam", "adamw": ("O(d)", 1)
        case "kfac": ("O(m^3 + n^3)", 1.5)
        case "natural_gradient": ("O(d^3)", 3)
        default: nil
        }
    }

    /// How the time grows with the number of parameters; nil if too few sizes were measured.
    public var timeScaling: PowerLaw? {
        PowerLaw(
            (cost?.sizes ?? []).suffix(PowerLaw.usualCount).map {
                (Double($0.parameterCount), $0.milliseconds)
            })
    }

    /// How the memory grows with the number of parameters; nil if it was measured at too few sizes.
    public var memoryScaling: PowerLaw? {
        PowerLaw(
            (cost?.sizes ?? []).suffix(PowerLaw.usualCount).compactMap { size in
                size.bytes.map { (Double(size.parameterCount), Double($0)) }
            })
    }
}
