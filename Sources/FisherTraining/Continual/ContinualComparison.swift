import Foundation

/// Everything one comparison of methods against forgetting found.
///
/// It is the content of `results.json`; tables and reports are made from it alone.
public struct ContinualComparison: Codable, Sendable, Hashable {
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// The version of the JSON layout.
    public var formatVersion: Int
    /// What was trained.
    public var task: TaskSummary
    /// The software and hardware it was trained with.
    public var environment: EnvironmentSummary
    /// The methods in the order given by the user.
    public var entries: [ContinualEntry]
    /// The strengths that were tried before, on a split of the training data; empty where nothing was tuned.
    public var trials: [ContinualTrial]

    /// Gathers what a comparison found.
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

    /// The strength with the highest average accuracy of a method's trials; nothing where none completed.
    public func bestStrength(of method: String) -> Double? {
        let whole = trials.filter { $0.method == method && $0.run.averageAccuracy != nil }
        return whole.max { ($0.run.averageAccuracy ?? 0) < ($1.run.averageAccuracy ?? 0) }?.strength
    }

    /// What a reader should not overlook: strengths at the edge of what was tried, runs that diverged.
    public var warnings: [String] {
        var warnings: [String] = []
        for entry in entries {
            let tried = Set(trials.filter { $0.method == entry.method }.map(\.strength)).sorted()
            if let strength = entry.strength, tried.count > 1,
                strength == tried.first || strength == tried.last
            {
                warnings.append(
                    "the best strength of \(entry.method), \(strength), stands at the edge of what was tried; "
                        + "a wider list may hold a better one")
            }
            let failed = entry.runs.filter { $0.averageAccuracy == nil }.count
            if failed > 0 {
                warnings.append(
                    "\(failed) of \(entry.runs.count) runs of \(entry.method) diverged and count in no mean")
            }
        }
        return warnings
    }

    /// The comparison as indented JSON with sorted keys: equal results give equal bytes.
    public func json() -> Data { StoredJSON.encode(self) }

    /// Reads what `json()` wrote.
    ///
    /// - Throws: `ComparisonFileError.notAComparison` or `.unknownVersion`, naming `path`.
    public init(json data: Data, path: String) throws(ComparisonFileError) {
        let found: ContinualComparison
        do {
            found = try StoredJSON.decode(ContinualComparison.self, from: data)
        } catch {
            throw .notAComparison(path: path, reason: StoredJSON.reason(error))
        }
        guard found.formatVersion == Self.currentFormatVersion else {
            throw .unknownVersion(path: path, version: found.formatVersion)
        }
        self = found
    }

    /// The accuracies as comma-separated values: one row for each method, seed, stage and task.
    ///
    /// The columns are method, strength, seed, trained_tasks, task and accuracy; tasks count from 1.
    public func csv() -> String {
        var text = "method,strength,seed,trained_tasks,task,accuracy\n"
        for entry in entries {
            let strength = entry.strength.map { "\($0)" } ?? ""
            for run in entry.runs {
                for (stage, row) in run.accuracies.enumerated() {
                    for (task, accuracy) in row.enumerated() {
                        text +=
                            "\(entry.method),\(strength),\(run.seed),\(stage + 1),\(task + 1),\(accuracy)\n"
                    }
                }
            }
        }
        return text
    }
}

extension ContinualComparison {
    /// Writes `results.json`, `results.csv` and `report.html` into a folder, each whole or not at all, and makes
    /// the folder where it is missing.
    public func write(to folder: String) throws(ComparisonFileError) {
        let files = ComparisonFiles(folder: folder)
        try files.makeFolder()
        try ComparisonFiles.replaceFile(at: files.json, with: json())
        try ComparisonFiles.replaceFile(at: files.csv, with: Data(csv().utf8))
        try ComparisonFiles.replaceFile(at: files.report, with: Data(report().utf8))
    }

    /// Reads the result of an earlier start from a folder; nothing where there is none.
    public static func read(from folder: String) throws(ComparisonFileError) -> ContinualComparison? {
        let path = ComparisonFiles(folder: folder).json
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try ContinualComparison(json: try ComparisonFiles.data(at: path), path: path)
    }
}
