import Foundation

/// One level of the ladder from the identity to the whole Fisher information: how far its step is from the
/// natural gradient's, how much it decreases the loss, and what it costs.
public struct HierarchyLevel: Codable, Sendable {
    /// The optimizer's label.
    public let label: String
    /// Where its information comes from.
    public let source: String
    /// Which structure it keeps.
    public let structure: String
    /// The power of the information that divides the gradient.
    public let power: String
    /// The cosine of the angle between its step and the exact natural gradient's.
    public let cosine: Double
    /// The same angle, in degrees.
    public var angle: Double { acos(min(1, max(-1, cosine))) * 180 / .pi }
    /// The decrease of the batch's mean loss by the step, in nats; negative if the loss grows.
    public let decrease: Double
    /// The largest decrease by a step in its direction, over all lengths.
    public let greatestDecrease: Double
    /// The median time of a whole step, in milliseconds.
    public let milliseconds: Double
    /// That of a step of plain gradient descent, in the same turns.
    public let baselineMilliseconds: Double
    /// The bytes of its state.
    public let stateBytes: Int

    /// The time of a step in steps of plain gradient descent.
    public var relativeTime: Double { milliseconds / baselineMilliseconds }

    /// Records the measurements of one optimizer.
    public init(
        label: String, source: String, structure: String, power: String, cosine: Double, decrease: Double,
        greatestDecrease: Double, milliseconds: Double, baselineMilliseconds: Double, stateBytes: Int
    ) {
        self.label = label
        self.source = source
        self.structure = structure
        self.power = power
        self.cosine = cosine
        self.decrease = decrease
        self.greatestDecrease = greatestDecrease
        self.milliseconds = milliseconds
        self.baselineMilliseconds = baselineMilliseconds
        self.stateBytes = stateBytes
    }
}

/// The levels of a hierarchy of optimizers with what they were measured on.
public struct HierarchyComparison: Codable, Sendable {
    /// The version of the JSON layout; nil in files written before there was one, which have the first
    /// layout.
    public private(set) var formatVersion: Int? = Self.currentFormatVersion
    /// The model and its data.
    public let task: TaskSummary
    /// Where it ran.
    public let environment: EnvironmentSummary
    /// The levels in the order of the study.
    public let levels: [HierarchyLevel]

    private enum CodingKeys: String, CodingKey {
        case formatVersion, task, environment
        case levels = "rungs"
    }

    /// Gathers levels.
    public init(task: TaskSummary, environment: EnvironmentSummary, levels: [HierarchyLevel]) {
        self.task = task
        self.environment = environment
        self.levels = levels
    }
}

extension HierarchyComparison: StudyDocument {
    /// The name of the document in messages.
    public static let kind = "a result of fisher hierarchy"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// One row per optimizer.
    public var overview: StudyTable {
        StudyTable(
            levels,
            [
                StudyColumn(["rule"], key: "rule", .left) { .init($0.label) },
                StudyColumn(["information"], .left, detail: \.source) { .init($0.source) },
                StudyColumn(["structure"], .left, detail: \.structure) { .init($0.structure) },
                StudyColumn(["power"], .left, detail: { "power \($0.power)" }) { .init($0.power) },
                .field("cosine", number: \.cosine), .field("angle_degrees", number: \.angle),
                .field("decrease_nats", number: \.decrease),
                .field("greatest_decrease_nats", number: \.greatestDecrease),
                .field("step_ms", number: \.milliseconds),
                .field("sgd_step_ms", number: \.baselineMilliseconds),
                .number(["angle"], unit: ["degrees"], decimals: 1, \.angle),
                .number(["decrease"], unit: ["own length", "mnat"], decimals: 2) { 1000 * $0.decrease },
                .number(["decrease"], unit: ["best length", "mnat"], decimals: 2) {
                    1000 * $0.greatestDecrease
                },
                .number(["step"], unit: ["ms"], decimals: 2, \.milliseconds),
                .number(["step"], unit: ["to SGD's"], decimals: 2, \.relativeTime),
                StudyColumn(["state"], unit: ["bytes"], key: "state_bytes", field: { "\($0.stateBytes)" }) {
                    .init(NumberText.plain.grouped($0.stateBytes))
                },
            ])
    }

    /// Throws for counts, times and texts that no hierarchy has.
    public func validate() throws(DocumentFault) {
        try task.validate("task")
        try environment.validate("environment")
        try DocumentLimits.each(levels, "rungs") { (level, place) throws(DocumentFault) in
            for (name, text) in [
                ("label", level.label), ("source", level.source), ("structure", level.structure),
                ("power", level.power),
            ] {
                try DocumentLimits.requireText(text, limit: DocumentLimits.name, "\(place).\(name)")
            }
            try DocumentLimits.requireTime(level.milliseconds, "\(place).milliseconds")
            try DocumentLimits.requireTime(level.baselineMilliseconds, "\(place).baselineMilliseconds")
            try DocumentLimits.requireCount(level.stateBytes, "\(place).stateBytes")
            guard level.cosine.isNaN || (-1.001...1.001).contains(level.cosine) else {
                throw DocumentFault("\(place).cosine", "is \(level.cosine), not the cosine of an angle")
            }
        }
    }

    /// The meaning of the columns.
    public var legend: String {
        "The angle is that between a rule's step and the exact natural gradient's. A decrease is what the step "
            + "takes off the batch's mean loss, in thousandths of a nat, at the rule's own length and at the best "
            + "length in its direction. The time is that of a whole step, and its ratio to plain gradient "
            + "descent's."
    }
}
