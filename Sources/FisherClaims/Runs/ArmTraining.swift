import Fisher
import FisherStudies
import FisherTraining

/// The tuning and the runs of one arm of a library.
struct ArmTraining<Task: ConfigurableTask> {
    /// The task of the runs; that of tuning is made of it.
    let task: Task
    /// The arm's name for readers.
    let label: String
    private let place: LibraryPlace<Task>
    private let folder: String
    private let progress: ProgressDisplay
    private let runs: StudyRuns

    /// Prepares the work in a library's folder.
    init(
        _ place: LibraryPlace<Task>, in library: String, task: Task, label: String,
        progress: ProgressDisplay
    ) {
        self.place = place
        self.task = task
        self.label = label
        self.progress = progress
        folder = "\(library)/\(place.problemFolder)/\(place.armFolder)"
        var runs = StudyRuns(place.configuration)
        runs.waitsForOthers = true
        self.runs = runs
    }

    /// Tries learning rates, and further ones while the best lies at the edge.
    func tune(
        _ rates: [Double], on tuningTask: Task, seeds: [UInt64], mostExtensions: Int
    ) throws -> TuningRecord {
        let grid = OptionGrid([
            OptionGrid.Axis(option: "learning_rate", values: rates.sorted().map { "\($0)" })
        ])
        let planned = try grid.combinations.flatMap { settings in
            let tried = try place.candidate.setting(settings)
            return seeds.map { seed in
                PlannedRun(
                    candidate: tried, seed: seed, directory: trial(settings, seed),
                    title: "tuning \(label): rate \(settings[0].value)")
            }
        }
        try make(planned, on: tuningTask)
        let tuner = Tuner(tuningTask, runs: runs, seeds: seeds, mostExtensions: mostExtensions) {
            _, _, settings, seed in trial(settings, seed)
        }
        return try tuner(place.candidate, over: grid, progress: progress) { _ in }
    }

    /// Trains at one rate.
    func train(at rate: Double, seeds: [UInt64]) throws -> [TunedArm.Run] {
        let candidate = try place.candidate.setting([Setting("learning_rate", "\(rate)")])
        let planned = seeds.map { seed in
            PlannedRun(
                candidate: candidate, seed: seed,
                directory: RunDirectory(path: "\(folder)/runs/lr-\(rate)/seed-\(seed)"),
                title: "\(label), rate \(rate), seed \(seed)")
        }
        return zip(planned, try make(planned, on: task)).map {
            TunedArm.Run(record: $1, folder: $0.directory)
        }
    }

    private func trial(_ settings: [Setting], _ seed: UInt64) -> RunDirectory {
        RunDirectory(path: "\(folder)/tuning/lr-\(settings[0].value)/seed-\(seed)")
    }

    /// A run that is wanted.
    private struct PlannedRun {
        let candidate: OptimizerCandidate
        let seed: UInt64
        let directory: RunDirectory
        let title: String
    }

    /// The records of runs, which are made where they are missing: those first at which no other process is at work.
    @discardableResult
    private func make(_ planned: [PlannedRun], on task: Task) throws -> [RunRecord] {
        func record(_ run: PlannedRun, _ runs: StudyRuns) throws -> RunRecord {
            try runs.record(
                of: run.candidate, seed: run.seed, on: task, in: run.directory, title: run.title,
                progress: progress)
        }
        var impatient = runs
        impatient.waitsForOthers = false
        let missing = planned.filter { !isFinished($0.directory) }
        progress.expect(more: missing.count)
        for run in missing {
            do {
                _ = try record(run, impatient)
            } catch let error as StorageError where error.kind == .inUse {
                continue
            }
        }
        return try planned.map { try record($0, runs) }
    }

    /// Whether a run is known to have ended. What cannot be read is found out by whoever needs its record.
    private func isFinished(_ directory: RunDirectory) -> Bool {
        (try? directory.document())?.phase.isFinal == true
    }
}
