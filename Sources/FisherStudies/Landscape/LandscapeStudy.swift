/// The losses around and between the ends of runs: the curvature at each, the loss along lines and on planes.
public struct LandscapeStudy: Codable, Hashable, Sendable {
    /// The version of the JSON layout.
    public private(set) var formatVersion: Int? = Self.currentFormatVersion
    /// The model and its data.
    public package(set) var task: TaskSummary
    /// Where it was measured.
    public let environment: EnvironmentSummary
    /// What is the same for every run.
    public let settings: LandscapeSettings
    /// The runs in their order; runs of one label are the seeds of one optimizer.
    public var runs: [LandscapeRun]
    /// The lines between them, in the order in which they were measured.
    public var lines: [LandscapeLine]

    /// Gathers runs and lines.
    public init(
        task: TaskSummary, environment: EnvironmentSummary, settings: LandscapeSettings,
        runs: [LandscapeRun] = [], lines: [LandscapeLine] = []
    ) {
        self.task = task
        self.environment = environment
        self.settings = settings
        self.runs = runs
        self.lines = lines
    }

    /// The optimizers' labels in the order of their first runs.
    public var labels: [String] { runs.map(\.label).firstOccurrences }

    /// The lines that are drawn between runs by default, at most so many: of runs of one seed, which began at the same
    /// weights, and of consecutive seeds of one optimizer. Those of the first seeds come first.
    ///
    /// - Parameters:
    ///   - runs: label and seed of each run.
    ///   - most: the most lines.
    public static func pairs(
        of runs: [(label: String, seed: UInt64?)], most: Int
    ) -> [(from: Int, to: Int)] {
        let seeds = Set(runs.compactMap(\.seed)).sorted()
        var found: [(order: Int, from: Int, to: Int)] = []
        for from in runs.indices {
            for to in runs.indices where to > from {
                let (a, b) = (runs[from], runs[to])
                let first = a.seed.flatMap { seeds.firstIndex(of: $0) } ?? 0
                let second = b.seed.flatMap { seeds.firstIndex(of: $0) } ?? 0
                let isPair = a.seed == b.seed || a.seed == nil || b.seed == nil
                let isNeighbor = a.label == b.label && abs(first - second) == 1
                // Few runs that were named one by one are all joined.
                guard isPair || isNeighbor || runs.count <= 3 else { continue }
                found.append((2 * max(first, second) + (isPair ? 0 : 1), from, to))
            }
        }
        return found.sorted { ($0.order, $0.from, $0.to) < ($1.order, $1.from, $1.to) }.prefix(most).map {
            ($0.from, $0.to)
        }
    }
}

extension LandscapeStudy: StudyDocument {
    /// The name of the document in messages.
    public static let kind = "a result of fisher landscape"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// Throws for counts and texts that no landscape has.
    public func validate() throws(DocumentFault) {
        guard formatVersion == Self.currentFormatVersion else {
            throw DocumentFault("formatVersion", "is missing")
        }
        try task.validate("task")
        try environment.validate("environment")
        try settings.validate("settings")
        let settings = settings
        try DocumentLimits.each(runs, "runs") { (run, place) throws(DocumentFault) in
            try run.validate(place, settings)
        }
        let count = runs.count
        try DocumentLimits.each(lines, "lines") { (line, place) throws(DocumentFault) in
            try line.validate(place, runs: count, settings)
        }
    }
}
