import Fisher
import Foundation

/// A training run that lives in a folder: it can be killed at any moment and resumes exactly.
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

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - task: what is trained.
    ///   - candidate: the optimizer.
    ///   - directory: the run's folder.
    ///   - training: steps, checkpoints, logs.
    ///   - toml: the whole configuration as a file, which is kept in the folder.
    ///   - values: the same by key, for tables of runs.
    ///   - environment: what the run is made with.
    public init(
        _ task: Task, _ candidate: OptimizerCandidate, in directory: RunDirectory,
        training: TrainingConfiguration, toml: String = "", values: [String: String] = [:],
        environment: EnvironmentSummary = .current()
    ) {
        self.directory = directory
        self.task = task
        self.candidate = candidate
        self.training = training
        self.toml = toml
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
    ///   - resuming: whether to continue from the newest whole checkpoint, where there is one.
    ///   - display: where progress is shown; nowhere where it is missing.
    ///   - callbacks: what is called on the way, after the folder has been written to.
    /// - Returns: what was run, on what, and the curve, as it stands in the folder.
    /// - Throws: `Interrupted` after everything has been saved; `NonFiniteError` with the weights as they were
    ///   before the step; `StorageError` or `SafetensorsError` where the folder cannot be used, the last good
    ///   checkpoint untouched; what the callbacks throw.
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
                reason: "already holds a run: go on with --resume, or choose another folder")
        }
        directory.checkpoints.removeUnfinished()
        let session = try TrainingSession(
            task, candidate, seed: UInt64(training.seed), microBatches: training.microBatches)
        let worker = RunWorker(
            directory: directory, session: session, configuration: training, document: document,
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
    let display: ProgressDisplay?
    let callbacks: TrainingLoop<Task>.Callbacks
    /// The length of the metrics at the moment from which the run resumes.
    private var metricsLength = 0
    /// The step and the last evaluation of the newest checkpoint.
    private var saved: (step: Int, evaluation: Int?)?

    init(
        directory: RunDirectory, session: TrainingSession<Task>, configuration: TrainingConfiguration,
        document: RunDocument, display: ProgressDisplay?, callbacks: TrainingLoop<Task>.Callbacks
    ) {
        self.directory = directory
        self.session = session
        self.configuration = configuration
        self.document = document
        self.display = display
        self.callbacks = callbacks
    }

    /// Restores the newest whole checkpoint and says which ones are damaged.
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
        for trouble in damaged { display?.note("\(trouble); the one before it is taken") }
        metricsLength = try session.restore(from: checkpoint)["metrics_bytes"] ?? 0
        saved = (checkpoint.step, session.progress.lastEvaluation)
        let date = Date().formatted(.iso8601)
        document.resumes.append(RunDocument.Resume(date: date, step: checkpoint.step))
        // The process may have died between saving a best checkpoint and marking it.
        if let best = session.progress.best, best.step == checkpoint.step {
            try directory.checkpoints.markBest(checkpoint)
        }
    }

    /// Throws where the disk cannot hold the checkpoints that the run keeps at one time.
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
        let (task, label) = (session.task, "\(document.label), seed \(session.seed)")
        display?.begin(
            label, totalSteps: configuration.steps, step: session.progress.step,
            tokens: session.progress.step * task.examplesPerStep)
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
            display?.endRun("validation loss \(NumberText.plain.fixed(loss, decimals: 4))")
            return document
        } catch let error as Interrupted {
            try save(log, unless: isSaved)
            try note(.interrupted, .interrupted(step: session.progress.step))
            throw error
        } catch let error as NonFiniteError {
            let reason = "\(error.source) is not finite"
            try log.ended(succeeded: false)
            try note(.diverged, .diverged(step: session.progress.step + 1, reason: reason))
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
                try note(.running, .interrupted(step: session.progress.step))
                try own.afterEvaluation(session, point)
            },
            betweenSteps: { [self] session in
                try save(log, unless: isSaved || !isCheckpointDue)
                try own.betweenSteps(session)
            })
    }

    /// Whether the newest checkpoint is of this very moment.
    private var isSaved: Bool {
        saved?.step == session.progress.step && saved?.evaluation == session.progress.lastEvaluation
    }

    private var isCheckpointDue: Bool {
        let (step, progress) = (session.progress.step, session.progress)
        if step == 0 { return false }
        let every = configuration.checkpointEvery
        let isRegular = every > 0 ? step % every == 0 : progress.lastEvaluation == step
        return isRegular || step == configuration.steps || progress.best?.step == step
    }

    private func save(_ log: RunLog<Task>, unless isUnnecessary: Bool) throws {
        if isUnnecessary { return }
        let length = try log.synchronize()
        let checkpoint = try session.save(
            to: directory.checkpoints, companion: ["metrics_bytes": length])
        saved = (session.progress.step, session.progress.lastEvaluation)
        if session.progress.best?.step == session.progress.step {
            try directory.checkpoints.markBest(checkpoint)
        }
        try directory.checkpoints.prune(keeping: configuration.keep)
    }

    private func note(_ phase: RunDocument.Phase, _ status: RunStatus) throws {
        document.phase = phase
        document.record = session.record(status)
        try directory.write(document)
    }
}
