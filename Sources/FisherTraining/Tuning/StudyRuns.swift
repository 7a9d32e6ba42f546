import Fisher

/// How the runs of a study are made: their length, checkpoints and logs, and the configuration that each folder keeps.
public struct StudyRuns: Sendable {
    /// The file of a run's configuration, and the same values by key.
    typealias Description = (toml: String, values: [String: String])

    /// Steps, checkpoints and logs of each run. The seed is the run's own, and no run ends early: those that are compared
    /// are of one length.
    public let training: TrainingConfiguration
    /// What is accepted when runs are resumed, and is an error otherwise.
    public var allowances: ResumeAllowances = []
    /// Whether a run at which another process is at work is waited for; otherwise it is an error.
    package var waitsForOthers = false
    /// The processes that share every batch of every run; nil for this one alone. They need runs of a configured task, and
    /// belong to the thread that makes the runs.
    nonisolated(unsafe) public var shared: SharedRuns?
    /// Other processes that make runs side by side, each with this process's number of threads; nil for one run after
    /// another. They need runs of a configured task.
    nonisolated(unsafe) package var makers: (any RunMakers)?
    /// The most runs of the study that are made at one time, this process's among them; nil for one.
    var sideBySide: Int?
    let describe: @Sendable (OptimizerCandidate, UInt64) throws -> Description

    /// Runs of a task that has no configuration; their folders lack one.
    ///
    /// Keep few checkpoints: there are as many run folders as optimizers times seeds, and as trials.
    public init(_ training: TrainingConfiguration) {
        self.init(training) { _, _ in ("", [:]) }
    }

    /// Runs of a configured task: each folder's `config.toml` repeats its run with `fisher train`.
    public init<Options: ConfigurableOptions>(_ configuration: RunConfiguration<Options>) {
        var whole = configuration
        whole.training.patience = 0
        let base = whole
        self.init(base.training) { candidate, seed in
            let own = try ResolvedConfiguration(base.run(of: candidate, seed: seed))
            return (own.toml, own.tomlValues)
        }
    }

    /// Runs of a configuration that was resolved elsewhere.
    init(_ training: TrainingConfiguration, toml: String, values: [String: String]) {
        self.init(training) { _, _ in (toml, values) }
    }

    private init(
        _ training: TrainingConfiguration,
        describe: @escaping @Sendable (OptimizerCandidate, UInt64) throws -> Description
    ) {
        var training = training
        training.patience = 0
        self.training = training
        self.describe = describe
    }

    /// Makes a first step with each candidate, on a model of its own that is then discarded, so that one that cannot
    /// train this task is refused before anything is trained.
    ///
    /// - Throws: what the task and the optimizer throw, but for losses and gradients that are not finite.
    func requireTrainable(_ candidates: [OptimizerCandidate], on task: some TrainingTask, seed: UInt64) throws
    {
        for candidate in candidates {
            try Interruption.poll()
            do {
                _ = try TrainingSession(
                    task, candidate, seed: seed, microBatches: training.microBatches,
                    precision: training.precision
                ).advance()
            } catch is NonFiniteError {
                continue
            }
        }
    }

    /// The record of a run: of the one in the folder if it came to its end, otherwise that one is continued or begun.
    ///
    /// A loss or gradient that is not finite ends the run as diverged. Throws `StorageError` of kind `inUse` if another
    /// process is at work on the run, unless it is to be waited for.
    package func record<Task: TrainingTask>(
        of candidate: OptimizerCandidate, seed: UInt64, on task: Task, in directory: RunDirectory,
        title: String, isTrial: Bool = false, progress: ProgressDisplay
    ) throws -> RunRecord {
        func make() throws -> RunRecord {
            try made(candidate, seed, task, directory, title, isTrial, progress)
        }
        guard waitsForOthers else { return try make() }
        return try FolderWait.untilFree(
            telling: { progress.note("waiting for \(title), which another process trains") }, make)
    }

    private func made<Task: TrainingTask>(
        _ candidate: OptimizerCandidate, _ seed: UInt64, _ task: Task, _ directory: RunDirectory,
        _ title: String, _ isTrial: Bool, _ progress: ProgressDisplay
    ) throws -> RunRecord {
        if let document = try earlier(seed: seed, on: task, in: directory), document.phase.isFinal {
            return document.record
        }
        var training = training
        training.seed = seed
        let (toml, values) = try describe(candidate, seed)
        var run = DurableRun(
            task, candidate, in: directory, training: training, toml: toml, values: values, title: title)
        run.processes = shared?.processes
        run.sideBySide = sideBySide
        let isResumed = try directory.holdsRun
        func record() throws -> RunRecord {
            try run(resuming: isResumed, allowing: allowances, progress: progress).record
        }
        do {
            guard let shared else { return try record() }
            return try shared.sharing(
                SharedRuns.Run(
                    toml: toml, path: directory.path, isTrial: isTrial, isResumed: isResumed),
                record)
        } catch is NonFiniteError {
            return try directory.document().record
        }
    }

    /// What an earlier start left of the run.
    func earlier(
        seed: UInt64, on task: some TrainingTask, in directory: RunDirectory
    ) throws(StorageError) -> RunDocument? {
        guard try directory.isBegun else { return nil }
        let document = try directory.document()
        guard document.dataFingerprint == task.dataFingerprint else {
            throw StorageError(
                .damaged, path: directory.path,
                reason:
                    "holds a run on other data: choose another folder with --output, or give the data that it had"
            )
        }
        for (what, found, wanted) in [
            ("seed", "\(document.record.seed)", "\(seed)"),
            ("steps", "\(document.steps)", "\(training.steps)"),
            ("model", document.task.description, task.summary.description),
        ] where found != wanted {
            throw StorageError(
                .damaged, path: directory.path,
                reason:
                    "holds another run (\(what) \(found), not \(wanted)): choose another folder with --output"
            )
        }
        return document
    }
}

extension RunDocument.Phase {
    /// Whether the run came to its end, well or not.
    package var isFinal: Bool {
        switch self {
        case .completed, .stoppedEarly, .diverged: true
        case .running, .interrupted: false
        }
    }
}
