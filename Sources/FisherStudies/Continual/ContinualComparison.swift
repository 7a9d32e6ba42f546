/// All results of one comparison of continual-learning methods.
///
/// It is the content of `results.json`; tables and reports are made from it alone.
public struct ContinualComparison: Codable, Sendable, Hashable {
    /// The version of the JSON layout.
    public var formatVersion: Int
    /// The task.
    public var task: TaskSummary
    /// The software and hardware it was trained with.
    public var environment: EnvironmentSummary
    /// The methods in the order given by the user.
    public var entries: [ContinualEntry]
    /// The strengths that were tried before, on a split of the training data; empty if nothing was tuned.
    public var trials: [ContinualTrial]

    /// Creates the result of a comparison.
    public init(
        task: TaskSummary, environment: EnvironmentSummary, entries: [ContinualEntry] = [],
        trials: [ContinualTrial] = []
    ) {
        formatVersion = Self.currentFormatVersion
        self.task = task
        self.environment = environment
        self.entries = entries
        self.trials = trials
    }

    /// The strength with the highest average accuracy of a method's trials, the mean over the trials' seeds; nil if none
    /// completed.
    public func bestStrength(of method: String) -> Double? {
        let strengths = Set(trials.filter { $0.method == method }.map(\.strength)).sorted()
        let tried = strengths.compactMap { strength in
            trialAccuracy(of: method, strength: strength).map { (strength, $0) }
        }
        return tried.max { $0.1 < $1.1 }?.0
    }

    /// The mean average accuracy of a method's trials with one strength; nil if there are none, or one of them diverged.
    public func trialAccuracy(of method: String, strength: Double) -> Double? {
        let all = trials.filter { $0.method == method && $0.strength == strength }.map(\.run.averageAccuracy)
        guard !all.contains(nil) else { return nil }
        return SampleSummary(all.compactMap(\.self))?.mean
    }
}

extension ContinualComparison: StudyDocument {
    /// The name of the document in messages.
    public static let kind = "a comparison's result"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// One row for each method, seed, stage and task: method, strength, seed, trained_tasks, task and accuracy;
    /// tasks count from 1.
    public var records: StudyTable {
        typealias Row = (entry: ContinualEntry, seed: UInt64, stage: Int, task: Int, accuracy: Double)
        let rows = entries.flatMap { entry in
            entry.runs.flatMap { run in
                run.accuracies.enumerated().flatMap { stage, row in
                    row.enumerated().map { (entry, run.seed, stage + 1, $0 + 1, $1) as Row }
                }
            }
        }
        return StudyTable(
            rows,
            [
                .field("method") { $0.entry.method }, .field("strength", number: { $0.entry.strength }),
                .field("seed") { "\($0.seed)" }, .field("trained_tasks") { "\($0.stage)" },
                .field("task") { "\($0.task)" }, .field("accuracy", number: { $0.accuracy }),
            ])
    }

    /// One row per method: accuracies, forgetting, time.
    public var overview: StudyTable {
        func figure(
            _ title: [String], _ value: @escaping (ContinualRecord) -> Double?
        ) -> StudyColumn<ContinualEntry> {
            StudyColumn(title) { .init($0.meanText(value)) }
        }
        return StudyTable(
            entries,
            [
                StudyColumn(["Method"], .left) { .init($0.method) },
                .detail(\.explanation),
                StudyColumn(["Strength"], unit: ["lambda"]) {
                    .init($0.strength.map(NumberText.short) ?? "-")
                },
                figure(["Average", "accuracy"], \.averageAccuracy), figure(["Forgetting"], \.forgetting),
                figure(["Accuracy when", "just learned"], \.learningAccuracy),
                StudyColumn(["Seconds", "a run"]) { entry in
                    let mean = SampleSummary(entry.runs.map(\.seconds))?.mean
                    return .init(mean.map { NumberText.plain.fixed($0, decimals: 1) } ?? "-")
                },
                StudyColumn(["Runs"]) { "\($0.runs.count)" },
            ])
    }

    /// The meaning of the columns.
    public var legend: String {
        "Average accuracy: over all tasks after the last one. Forgetting: how far the accuracy on a task fell "
            + "from its best, averaged over all tasks but the last. ± is the standard error over seeds."
    }

    /// Throws for counts, times and texts that no comparison has, and for accuracies that are not those of one sequence of
    /// tasks after each of its stages.
    public func validate() throws(DocumentFault) {
        try task.validate("task")
        try environment.validate("environment")
        try DocumentLimits.each(entries, "entries") { (entry, place) throws(DocumentFault) in
            try DocumentLimits.requireText(entry.method, limit: DocumentLimits.name, "\(place).method")
            try DocumentLimits.requireText(entry.explanation, "\(place).explanation")
            if let strength = entry.strength { try Self.requireStrength(strength, "\(place).strength") }
            try DocumentLimits.each(entry.runs, "\(place).runs") { (run, place) throws(DocumentFault) in
                try run.validate(place)
            }
            let stages = Set(entry.runs.filter { $0.status == .completed }.map(\.accuracies.count))
            guard stages.count <= 1 else {
                throw DocumentFault("\(place).runs", "are completed runs over different numbers of tasks")
            }
        }
        try DocumentLimits.each(trials, "trials") { (trial, place) throws(DocumentFault) in
            try DocumentLimits.requireText(trial.method, limit: DocumentLimits.name, "\(place).method")
            try Self.requireStrength(trial.strength, "\(place).strength")
            try trial.run.validate("\(place).run")
        }
    }

    private static func requireStrength(_ value: Double, _ place: String) throws(DocumentFault) {
        guard value >= 0, value.isFinite else {
            throw DocumentFault(place, "is \(value), not a finite number from 0")
        }
    }

    /// Warnings for the reader: strengths at the edge of what was tried, runs that diverged.
    public var warnings: [String] {
        var warnings: [String] = []
        for entry in entries {
            let tried = Set(trials.filter { $0.method == entry.method }.map(\.strength)).sorted()
            if let strength = entry.strength, tried.count > 1,
                strength == tried.first || strength == tried.last
            {
                warnings.append(
                    "the best strength of \(entry.method), \(strength), lies at the edge of what was tried; "
                        + "a wider list may contain a better one.")
            }
            let failed = entry.runs.filter { $0.averageAccuracy == nil }.count
            if failed > 0 {
                warnings.append(
                    "\(failed) of \(entry.runs.count) runs of \(entry.method) diverged and count in no mean.")
            }
        }
        return warnings
    }
}

extension ContinualEntry {
    /// A number's mean over the runs that have it, with its standard error: `0.612 ± 0.013`, a single run without
    /// the second number.
    package func meanText(_ value: (ContinualRecord) -> Double?, _ style: NumberText = .plain) -> String {
        guard let summary = SampleSummary(runs.compactMap(value)) else { return "-" }
        let mean = style.fixed(summary.mean, decimals: 3)
        return mean + (summary.standardError.map { " ± " + style.fixed($0, decimals: 3) } ?? "")
    }
}
