import FisherStudies
import FisherTraining

/// An arm after tuning, with its runs.
public struct TunedArm: Sendable {
    /// The name for readers.
    public let label: String
    /// The learning rate that tuning chose, or the only one.
    public let rate: Double
    /// Whether the rate lies inside the grid that was tried; false as well if the rate was not tuned.
    public let isInterior: Bool
    /// Whether the rate was chosen among several.
    public let isTuned: Bool
    /// The runs by increasing seed, diverged ones among them.
    public let runs: [Run]
    /// The mean loss of each rate that was tried, by increasing rate, on the data held out for tuning; infinite where a run
    /// diverged.
    public let trials: [(rate: Double, loss: Double)]

    /// An arm that was trained at a rate.
    ///
    /// - Parameters:
    ///   - label: the name for readers.
    ///   - rate: the learning rate.
    ///   - tuning: how it was chosen; nil if it was given.
    ///   - runs: the runs by increasing seed.
    package init(label: String, rate: Double, tuning: TuningRecord?, runs: [Run]) {
        self.label = label
        self.rate = rate
        self.runs = runs
        isTuned = tuning != nil
        isInterior = tuning.map { $0.best != nil && $0.edges.isEmpty } ?? false
        trials = (tuning?.trials ?? []).compactMap { trial in
            Double(trial.settings[0].value).map { ($0, trial.meanLoss ?? .infinity) }
        }.sorted { $0.rate < $1.rate }
    }

    /// A run and where it is kept.
    public struct Run: Sendable {
        /// What was recorded.
        public let record: RunRecord
        /// The run's folder.
        public let folder: RunDirectory

        /// A run of a folder.
        package init(record: RunRecord, folder: RunDirectory) {
            self.record = record
            self.folder = folder
        }
    }

    /// The seeds of the runs that did not come to their end.
    public var divergedSeeds: Set<UInt64> {
        Set(runs.filter { $0.record.completedLoss == nil }.map(\.record.seed))
    }

    /// Final validation losses of completed runs by seed.
    public var losses: [UInt64: Double] {
        Dictionary(runs.compactMap { run in run.record.completedLoss.map { (run.record.seed, $0) } }) {
            first, _ in first
        }
    }

    /// A measure of completed runs by seed, such as `word error rate`.
    public func measure(_ name: String) -> [UInt64: Double] {
        Dictionary(
            runs.compactMap { run in
                run.record.measures?.first { $0.name == name }.map { (run.record.seed, $0.value) }
            }
        ) { first, _ in first }
    }
}
