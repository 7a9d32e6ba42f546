import Fisher
import FisherOptions
import FisherStudies
import FisherTasks
import FisherTraining

/// Trained runs, kept in a folder and shared between claims and between processes.
///
///     language-nano-1f0c33a8/                      a problem: the task, the preset, a digest of all its values
///         fadam-rho-0-6-77ab01d2/                  an optimizer, and a digest of its options and its schedule's shape
///             tuning/lr-0.002/seed-…/              a run of tuning, on the part of the training data held out for it
///             runs/lr-0.002/seed-0/                a run, as `fisher train` keeps it
///
/// What a run is, its folder says: two claims that train the same optimizer at the same rate on the same problem share its
/// runs, whatever they call it. Several processes may use a library at once: each run is trained by one of them, and those
/// that need it too train others meanwhile, or wait.
public final class RunLibrary {
    /// The folder.
    public let path: String
    /// The most values by which a grid grows while its best lies at the edge.
    private static let mostExtensions = 4
    /// The tasks that were made, by problem: reading their data can take longer than a short run.
    private var tasks: [String: Any] = [:]

    /// Opens a library, whose folder need not exist yet.
    public init(path: String) {
        self.path = path
    }

    /// Trains an arm; see ``ClaimContext/tuned(_:on:)``.
    ///
    /// - Parameters:
    ///   - arm: the optimizer and its rates.
    ///   - problem: on what.
    ///   - seeds: the seeds of its runs.
    ///   - tuningSeeds: the number of seeds of each rate's trial.
    ///   - progress: the display of progress.
    /// - Throws: `Interrupted` when everything has been saved; `ConfigurationError` or `HyperparameterError` for a problem or
    ///   an optimizer that cannot be made; `StorageError` if the folder cannot be used, or holds runs on other data; what the
    ///   task throws.
    func tuned(
        _ arm: Arm, on problem: Problem, seeds: [UInt64], tuningSeeds: Int, progress: ProgressDisplay
    ) throws -> TunedArm {
        precondition(!arm.rates.isEmpty, "an arm has a learning rate")
        return try tuned(
            arm, on: problem, of: TaskRegistry.task(named: problem.task), seeds, tuningSeeds, progress)
    }

    private func tuned<Task: ConfigurableTask>(
        _ arm: Arm, on problem: Problem, of _: Task.Type, _ seeds: [UInt64], _ tuningSeeds: Int,
        _ progress: ProgressDisplay
    ) throws -> TunedArm {
        let place = try LibraryPlace<Task>(problem, arm)
        let work = ArmTraining(
            place, in: path, task: try task(of: place), label: arm.label ?? place.candidate.label,
            progress: progress)
        var rate = arm.rates[0]
        var tuning: TuningRecord?
        if arm.rates.count > 1 {
            let tuningTask = try self.task(of: place, "tuning") { try work.task.tuningTask() }
            let record = try work.tune(
                arm.rates, on: tuningTask, seeds: ReservedSeeds.tuning(tuningSeeds),
                mostExtensions: Self.mostExtensions)
            // Where every rate diverges, the first one's runs show it.
            rate = record.best.flatMap { Double($0.settings[0].value) } ?? rate
            tuning = record
        }
        return TunedArm(
            label: work.label, rate: rate, tuning: tuning,
            runs: try work.train(at: rate, seeds: seeds.sorted()))
    }

    /// The task of a problem, made once.
    private func task<Task: ConfigurableTask>(of place: LibraryPlace<Task>) throws -> Task {
        try task(of: place, "") { try Task.make(place.configuration) }
    }

    private func task<Task: ConfigurableTask>(
        of place: LibraryPlace<Task>, _ part: String, make: () throws -> Task
    ) throws -> Task {
        let key = place.problemFolder + "/" + part
        if let made = tasks[key] as? Task { return made }
        let task = try make()
        tasks[key] = task
        return task
    }
}
