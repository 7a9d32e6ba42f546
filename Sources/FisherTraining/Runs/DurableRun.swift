import Fisher
import Foundation

/// A training run in a folder: it can be killed at any moment and resumes exactly.
///
///     let run = DurableRun(task, candidate, in: RunDirectory(path: "runs/first"), training: training)
///     let document = try run(resuming: true)
///
/// The folder holds the configuration, metrics, event files and checkpoints; `fisher runs`, `report` and `inspect` read it.
public struct DurableRun<Task: TrainingTask> {
    private let directory: RunDirectory
    private let task: Task
    private let candidate: OptimizerCandidate
    private let training: TrainingConfiguration
    private let toml: String
    private let document: RunDocument
    private let title: String

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - task: what is trained.
    ///   - candidate: the optimizer.
    ///   - directory: the run's folder.
    ///   - training: steps, checkpoints, logs.
    ///   - toml: the whole configuration as a file, which is kept in the folder.
    ///   - values: the same by key, for tables of runs.
    ///   - environment: the software and hardware of the run.
    ///   - title: what progress calls the run; its label and seed by default.
    public init(
        _ task: Task, _ candidate: OptimizerCandidate, in directory: RunDirectory,
        training: TrainingConfiguration, toml: String = "", values: [String: String] = [:],
        environment: EnvironmentSummary = .current(), title: String? = nil
    ) {
        self.directory = directory
        self.task = task
        self.candidate = candidate
        self.training = training
        self.toml = toml
        self.title = title ?? "\(candidate.label), seed \(training.seed)"
        document = RunDocument(
            task: task.summary, dataFingerprint: task.dataFingerprint, environment: environment,
            label: candidate.label, rule: type(of: candidate.rule).summary.name, options: candidate.options,
            configuration: values, steps: training.steps,
            record: RunRecord(
                seed: UInt64(training.seed), status: .interrupted(step: 0), curve: [],
                finalValidationLoss: nil, forwardBackwardMilliseconds: 0, optimizerMilliseconds: 0,
                stateBytes: 0))
    }

    /// Trains to the end.
    ///
    /// - Parameters:
    ///   - resuming: whether to continue from the newest intact checkpoint, if there is one.
    ///   - display: where progress is shown; nil for nowhere.
    ///   - callbacks: functions called during the run, after the folder has been written to.
    /// - Returns: the run's document, as stored in the folder.
    /// - Throws: `Interrupted` after everything has been saved; `NonFiniteError` with the weights as they
    ///   were before the step; `StorageError` or `SafetensorsError` if the folder cannot be used, the last
    ///   good checkpoint untouched; what the callbacks throw.
    @discardableResult
    public func callAsFunction(
        resuming: Bool = false, progress display: ProgressDisplay? = nil,
        callbacks: TrainingLoop<Task>.Callbacks = .init()
    ) throws -> RunDocument {
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        guard resuming || !directory.holdsRun else {
            throw StorageError(
                .cannotCreate, path: directory.path,
                reason: "already holds a run: continue with --resume, or choose another folder")
        }
        directory.checkpoints.removeUnfinished()
        let session = try TrainingSession(
            task, candidate, seed: UInt64(training.seed), microBatches: training.microBatches)
        let worker = RunWorker(
            directory: directory, session: session, configuration: training, document: document, title: title,
            display: display, callbacks: callbacks)
        if resuming { try worker.resume() }
        try worker.requireSpace()
        try directory.writeConfiguration(toml)
        return try worker.work()
    }
}

extension DurableRun where Task: ConfigurableTask {
    /// Prepares a run that a configuration describes.
    ///
    /// - Throws: `ConfigurationError` or `HyperparameterError` for an optimizer that cannot be made, and what the task
    ///   throws for its options.
    public init(_ configuration: ResolvedConfiguration<Task.Options>, in directory: RunDirectory) throws {
        let value = configuration.value
        self.init(
            try Task.make(value), try value.optimizer.candidate(steps: value.training.steps), in: directory,
            training: value.training, toml: configuration.toml, values: configuration.tomlValues)
    }
}

/// One process's work on a run.
private final class RunWorker<Task: TrainingTask> {
    let directory: RunDirectory
    let session: TrainingSession<Task>
    let configuration: TrainingConfiguration
    var document: RunDocument
    let title: String
    let display: ProgressDisplay?
    let callbacks: TrainingLoop<Task>.Callbacks
    /// The length of the metrics at the moment from which the run resumes.
    private var metricsLength = 0
    /// The step and the last evaluation of the newest checkpoint.
    private var saved: (step: Int, evaluation: Int?)?
    /// When it was written, or the work began.
    private var lastSave = ContinuousClock.now

    init(
        directory: RunDirectory, session: TrainingSession<Task>, configuration: TrainingConfiguration,
        document: RunDocument, title: String, display: ProgressDisplay?,
        callbacks: TrainingLoop<Task>.Callbacks
    ) {
        self.directory = directory
        self.session = session
        self.configuration = configuration
        self.document = document
        self.title = title
        self.display = display
        self.callbacks = callbacks
    }

    /// Restores the newest intact checkpoint and reports damaged ones.
    func resume() throws {
        let old = try? directory.document()
        if let old {
            document.resumes = old.resumes
            document.environment = old.environment
            // The configuration in the folder names every option, the first start only those that were set.
            document.label = old.label
        }
        guard let (checkpoint, damaged) = try directory.checkpoints.newest() else {
            display?.note("\(directory.path) has no checkpoint yet: the run starts at its beginning")
            return
        }
        for trouble in damaged { display?.note("\(trouble); the one before it is used") }
        metricsLength = try session.restore(from: checkpoint)["metrics_bytes"] ?? 0
        saved = (checkpoint.step, session.progress.lastEvaluation)
        let date = Date().formatted(.iso8601)
        document.resumes.append(RunDocument.Resume(date: date, step: checkpoint.step))
        // The process may have died between saving a best checkpoint and marking it.
        try markIfBest(checkpoint)
    }

    /// Throws if the disk cannot hold the checkpoints that the run keeps at one time.
    func requireSpace() throws {
        let weights = session.model.parameters.reduce(0) { $0 + $1.parameter.wrappedValue.byteCount }
        let size = weights + session.optimizer.expectedStateByteCount + (1 << 16)
        let missing = max(1, configuration.keep + 2 - directory.checkpoints.list().count)
        let free = try CheckpointStore.freeBytes(for: directory.path)
        guard free >= size * missing else {
            throw StorageError(
                .inputOutput, path: directory.path,
                reason:
                    "has \(free >> 20) MiB free, \(missing) checkpoints need \((size * missing) >> 20) MiB")
        }
    }

    func work() throws -> RunDocument {
        let log = try RunLog(
            directory, of: session, configuration: configuration, values: document.configuration,
            length: metricsLength)
        try note(.running, .interrupted(step: session.progress.step))
        display?.begin(
            title, totalSteps: configuration.steps, step: session.progress.step,
            tokens: session.progress.step * session.task.examplesPerStep)
        defer { display?.finish() }
        do {
            let end = try TrainingLoop(session, length: configuration.length)(callbacks(log))
            try save(log, unless: isSaved)
            let loss = session.progress.curve.last?.validationLoss ?? .nan
            if loss.isFinite {
                try note(end == .completed ? .completed : .stoppedEarly, .completed)
            } else {
                let reason = "the validation loss is not finite"
                try note(.diverged, .diverged(step: session.progress.step, reason: reason))
            }
            try log.ended(succeeded: loss.isFinite)
            display?.endRun(document.record.outcome)
            return document
        } catch let error as Interrupted {
            try save(log, unless: isSaved)
            try note(.interrupted, .interrupted(step: session.progress.step))
            throw error
        } catch let error as NonFiniteError {
            let reason = "\(error.source) is not finite"
            try log.ended(succeeded: false)
            try note(.diverged, .diverged(step: session.progress.step + 1, reason: reason))
            display?.endRun(document.record.outcome)
            throw error
        }
    }

    private func callbacks(_ log: RunLog<Task>) -> TrainingLoop<Task>.Callbacks {
        let own = callbacks
        return TrainingLoop<Task>.Callbacks(
            afterStep: { [self] session, report in
                try log.stepped(report)
                display?.update(
                    step: session.progress.step, loss: report.loss,
                    tokens: session.progress.step * session.task.examplesPerStep)
                try own.afterStep(session, report)
            },
            afterEvaluation: { [self] session, point in
                try log.evaluated(point)
                if !isTooSoon { try note(.running, .interrupted(step: session.progress.step)) }
                try own.afterEvaluation(session, point)
            },
            betweenSteps: { [self] session in
                try save(log, unless: isSaved || !isCheckpointDue)
                try own.betweenSteps(session)
            })
    }

    /// Whether the newest checkpoint is of the present state.
    private var isSaved: Bool {
        saved?.step == session.progress.step && saved?.evaluation == session.progress.lastEvaluation
    }

    private var isCheckpointDue: Bool {
        let (step, progress) = (session.progress.step, session.progress)
        if step == 0 { return false }
        if step == configuration.steps { return true }
        if isTooSoon { return false }
        let every = configuration.checkpointEvery
        let isRegular = every > 0 ? step % every == 0 : progress.lastEvaluation == step
        return isRegular || progress.best?.step == step
    }

    /// Whether the least time between checkpoints is not over.
    private var isTooSoon: Bool {
        lastSave.duration(to: .now) < .seconds(configuration.checkpointSeconds)
    }

    private func save(_ log: RunLog<Task>, unless isUnnecessary: Bool) throws {
        if isUnnecessary { return }
        let length = try log.synchronize()
        let checkpoint = try session.save(
            to: directory.checkpoints, companion: ["metrics_bytes": length])
        saved = (session.progress.step, session.progress.lastEvaluation)
        lastSave = .now
        try markIfBest(checkpoint)
        try directory.checkpoints.prune(keeping: configuration.keep)
    }

    /// Marks a checkpoint as the best if no other of those that were written has a loss as low.
    private func markIfBest(_ checkpoint: Checkpoint) throws {
        func loss(_ step: Int) -> Double? {
            session.progress.curve.first { $0.step == step }?.validationLoss
        }
        guard let own = loss(checkpoint.step), own.isFinite else { return }
        if let best = directory.checkpoints.best, best.step != checkpoint.step,
            loss(best.step) ?? .infinity <= own
        {
            return
        }
        try directory.checkpoints.markBest(checkpoint)
    }

    private func note(_ phase: RunDocument.Phase, _ status: RunStatus) throws {
        document.phase = phase
        document.record = session.record(status)
        try directory.write(document)
    }
}
