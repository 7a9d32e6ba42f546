/// The levels of a hierarchy of optimizers, compared at several points of several trainings.
public struct HierarchyComparison: Codable, Hashable, Sendable {
    /// The version of the JSON layout.
    public private(set) var formatVersion: Int? = Self.currentFormatVersion
    /// The model and its data.
    public package(set) var task: TaskSummary
    /// Where it ran.
    public let environment: EnvironmentSummary
    /// What is the same for every level.
    public let settings: HierarchySettings
    /// The levels in the order of the study.
    public var levels: [HierarchyLevel]
    /// The levels that could not be measured, by label, with the reason; nil if all could.
    public var omitted: [Setting]?
    /// What else the machine did while the levels' steps were timed; nil where it is not known, and in files of former
    /// versions.
    public var load: MachineLoad?
    /// The points, in the order in which they were measured.
    public var points: [HierarchyPoint]

    /// Gathers levels and points.
    public init(
        task: TaskSummary, environment: EnvironmentSummary, settings: HierarchySettings,
        levels: [HierarchyLevel], omitted: [Setting] = [], points: [HierarchyPoint] = []
    ) {
        self.task = task
        self.environment = environment
        self.settings = settings
        self.levels = levels
        self.omitted = omitted.isEmpty ? nil : omitted
        self.points = points
    }

    /// The seeds with a point, ascending.
    public var seeds: [UInt64] { Set(points.map(\.seed)).sorted() }

    /// Whether another study has the same model, data, settings and levels, so that its points belong to this one.
    public func continues(_ other: HierarchyComparison) -> Bool {
        func described(_ levels: [HierarchyLevel]) -> [HierarchyLevel] {
            levels.map { level in
                var level = level
                level.cost = nil
                return level
            }
        }
        return task == other.task && settings == other.settings
            && described(levels) == described(other.levels)
    }
}

extension HierarchyComparison: StudyDocument {
    /// The name of the document in messages.
    public static let kind = "a result of fisher hierarchy"
    /// The version of the JSON layout that this package writes and reads; the first measured other quantities.
    public static let currentFormatVersion = 2

    /// Throws for counts, times and texts that no hierarchy has.
    public func validate() throws(DocumentFault) {
        guard formatVersion == Self.currentFormatVersion else {
            throw DocumentFault("formatVersion", "is missing")
        }
        try task.validate("task")
        try environment.validate("environment")
        try settings.validate("settings")
        try load?.validate("load")
        try DocumentLimits.each(levels, "levels") { (level, place) throws(DocumentFault) in
            try level.validate(place)
        }
        try DocumentLimits.each(omitted ?? [], "omitted") { (setting, place) throws(DocumentFault) in
            try setting.validate(place)
        }
        try DocumentLimits.each(points, "points") { (point, place) throws(DocumentFault) in
            try point.validate(place)
            for (index, measure) in point.measures.enumerated() where !levels.indices.contains(measure.level)
            {
                throw DocumentFault(
                    "\(place).measures[\(index)].level",
                    "is \(measure.level); there are \(levels.count) levels")
            }
        }
    }
}
