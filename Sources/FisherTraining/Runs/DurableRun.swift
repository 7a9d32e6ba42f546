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
    private let makeTask: () throws -> Task
    private let candidate: OptimizerCandidate
    private let training: TrainingConfiguration
    private let toml: String
    private let values: [String: String]
    private let environment: EnvironmentSummary
    /// Whether the number of threads is chosen by the times of steps, unless the configuration names one.
    package var choosesThreads = false
    /// The processes that share every batch; nil for this one alone. That of rank 0 writes the folder, which all must see.
    public var processes: ProcessGroup?
    /// The most runs of a study that are made at one time, this one among them; nil for one.
    var sideBySide: Int?
    private let title: String?

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - task: what is trained. It is made when the run begins, after the folder is locked and the configuration is in it,
    ///     so that a process that is killed while it reads data leaves a run that can be resumed.
    ///   - candidate: the optimizer.
    ///   - directory: the run's folder.
    ///   - training: steps, checkpoints, logs.
    ///   - toml: the whole configuration as a file, which is kept in the folder.
    ///   - values: the same by key, for tables of runs. A run is resumed only with equal values, apart from those of
    ///     `training.steps` and others that do not change the course of a step.
    ///   - environment: the software and hardware of the run.
    ///   - title: what progress calls the run; its label and seed by default.
    public init(
        _ task: @autoclosure @escaping () throws -> Task, _ candidate: OptimizerCandidate,
        in directory: RunDirectory, training: TrainingConfiguration, toml: String = "",
        values: [String: String] = [:], environment: EnvironmentSummary = .current(), title: String? = nil
    ) {
        self.directory = directory
        makeTask = task
        self.candidate = candidate
        self.training = training
        self.toml = toml
        var values = values
        // Whoever resumes must know that checkpoints were not due by steps alone.
        if training.checkpointSeconds > 0 { values["checkpoints.seconds"] = "\(training.checkpointSeconds)" }
        self.values = values
        self.environment = environment
        self.title = title
    }

    /// Trains to the end.
    ///
    /// - Parameters:
    ///   - resuming: whether to continue from the newest intact checkpoint. Where no run is, one starts.
    ///   - allowances: what is accepted on resuming and is an error otherwise.
    ///   - display: where progress is shown; nil for nowhere.
    ///   - callbacks: functions called during the run, after the folder has been written to.
    /// - Returns: the run's document, as stored in the folder. Its phase is `diverged` if the last validation loss is not
    ///   finite.
    /// - Throws: `Interrupted` after everything has been saved; `NonFiniteError` with the weights as they
    ///   were before the step; `StorageError` or `SafetensorsError` if the folder cannot be used or what is in it does not
    ///   belong together, the last good checkpoint untouched; `ConfigurationError` for another schedule than the run began
    ///   with; what the task and the callbacks throw.
    @discardableResult
    public func callAsFunction(
        resuming: Bool = false, allowing allowances: ResumeAllowances = [],
        progress display: ProgressDisplay? = nil, callbacks: TrainingLoop<Task>.Callbacks = .init()
    ) throws -> RunDocument {
        // All that the run makes lies on its device, and it is there or not before a folder is made.
        try withDevice(training.chosenDevice) {
            if let processes, processes.rank > 0 {
                return try follow(processes, resuming, allowances, callbacks)
            }
            return try lead(resuming, allowances, display, callbacks)
        }
    }

    /// The work of the process that writes the folder.
    private func lead(
        _ resuming: Bool, _ allowances: ResumeAllowances, _ display: ProgressDisplay?,
        _ callbacks: TrainingLoop<Task>.Callbacks
    ) throws -> RunDocument {
        guard let processes else {
            return try begin(resuming, allowances, display, callbacks) { try $0.work() }
        }
        var hasBegun = false
        do {
            return try begin(resuming, allowances, display, callbacks) { worker in
                hasBegun = true
                try processes.together(as: "the start of the run") {}
                try worker.share(processes, values)
                return try worker.work()
            }
        } catch  where !hasBegun {
            // The others wait for the start.
            return try processes.together(as: "the start of the run") { throw error }
        }
    }

    /// Everything before the first step, and what follows it.
    private func begin(
        _ resuming: Bool, _ allowances: ResumeAllowances, _ display: ProgressDisplay?,
        _ callbacks: TrainingLoop<Task>.Callbacks, _ work: (RunWorker<Task>) throws -> RunDocument
    ) throws -> RunDocument {
        let claim = try FolderClaim(directory.path)
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        let holdsRun = try directory.holdsRun
        let isDescribed = try resuming && directory.hasConfiguration()
        do {
            try directory.requireUsable(resuming: resuming)
            // Before anything that takes time: what is killed from here on can be resumed. The configuration of a run is
            // replaced only when all that is there has been found to fit.
            if !holdsRun && !isDescribed { try directory.writeConfiguration(toml) }
            directory.checkpoints.removeUnfinished()
            let task = try makeTask()
            var document = document(of: task)
            document.environment.processes = processes?.size
            document.environment.device = EnvironmentSummary.currentDevice
            if resuming && holdsRun, let earlier = try? directory.document() {
                let former = earlier.resumes.last?.device ?? earlier.environment.device ?? "cpu"
                if former != document.environment.device {
                    display?.note(
                        "the run was on \(former): its last digits, and what layers draw, will differ")
                }
            }
            let former = resuming && holdsRun ? try? directory.document().environment : nil
            if let former { document.environment.products = productsGoOn(from: former, display) }
            if choosesThreads && training.threads == 0 && processes == nil && Device.current == .cpu {
                try setThreads(for: task, as: former, in: &document.environment, display)
            }
            let session = try TrainingSession(
                task, candidate, seed: UInt64(training.seed), microBatches: training.microBatches,
                precision: training.precision)
            session.dividesState = training.dividesState
            document.precisions = session.precisions
            let worker = RunWorker(
                directory: directory, session: session, configuration: training, document: document,
                title: title, display: display, callbacks: callbacks)
            worker.sideBySide = sideBySide
            if resuming { try worker.resume(allowances) }
            try worker.requireSpace()
            if holdsRun || isDescribed { try directory.writeConfiguration(toml) }
            return try work(worker)
        } catch {
            // After the first step there are a log and a document, which are kept.
            if !(error is Interrupted) { claim.withdraw() }
            throw error
        }
    }

    /// The work of a process that has a part of every batch and writes nothing.
    private func follow(
        _ processes: ProcessGroup, _ resuming: Bool, _ allowances: ResumeAllowances,
        _ callbacks: TrainingLoop<Task>.Callbacks
    ) throws -> RunDocument {
        let session = try processes.together(as: "the start of the run") {
            try TrainingSession(
                try makeTask(), candidate, seed: UInt64(training.seed), microBatches: training.microBatches,
                precision: training.precision)
        }
        session.dividesState = training.dividesState
        var document = document(of: session.task)
        document.precisions = session.precisions
        try SharedStart(of: session, values, directory, processes).follow(
            changesSchedule: allowances.contains(.changedSchedule))
        let end = try following(session, callbacks)
        document.phase = end == .completed ? .completed : .stoppedEarly
        document.record = session.record(.completed)
        return document
    }

    /// The loop of a process that has a share of the optimizer's state: it saves that whenever the first process saves.
    private func following(
        _ session: TrainingSession<Task>, _ callbacks: TrainingLoop<Task>.Callbacks
    ) throws -> TrainingLoop<Task>.End {
        func save(_ isAgreed: Bool) throws {
            if isAgreed { try session.saveShare(to: directory.checkpoints) }
        }
        var all = callbacks
        all.betweenSteps = { session in
            try save(session.agreesBetweenSteps(toSave: false))
            try callbacks.betweenSteps(session)
        }
        try save(session.agrees(toSave: false))
        do {
            let end = try TrainingLoop(session, length: training.length)(all)
            try save(session.agrees(toSave: false))
            if session.progress.curve.last?.validationLoss?.isFinite ?? false { try session.joinConclusion() }
            return end
        } catch let error as Interrupted {
            try save(session.agrees(toSave: false))
            throw error
        }
    }

    /// Multiplies matrices by the library that the run used before, unless the environment asks for another.
    ///
    /// - Returns: The name of the one in use.
    private func productsGoOn(from former: EnvironmentSummary, _ display: ProgressDisplay?) -> String {
        let used = former.products.flatMap(MatrixProducts.init) ?? .engine
        if MatrixProducts.requested == nil { MatrixProducts.current = used }
        let current = MatrixProducts.current
        if current != used {
            display?.note(
                "the run's products of matrices were made by \(used.rawValue), here \(current.rawValue) makes them: its last "
                    + "digits will differ")
        }
        return current.rawValue
    }

    /// Sets the number of threads: that of the run's first start, or one that is chosen by the times of steps.
    private func setThreads(
        for task: Task, as former: EnvironmentSummary?, in environment: inout EnvironmentSummary,
        _ display: ProgressDisplay?
    ) throws {
        if let former {
            Engine.threadCount = max(1, former.threads)
            if Engine.threadCount < former.threads {
                display?.note(
                    "the run was on \(former.threads) threads, and this machine has \(Engine.threadCount) processors: its last "
                        + "digits will differ")
            }
        } else {
            let choice = try ThreadChoice.choose(
                for: task, with: candidate, seed: training.seed, microBatches: training.microBatches,
                precision: training.precision, steps: training.steps)
            if let sentence = choice.sentence { display?.note(sentence) }
            environment.threadChoice = choice.reason
        }
        environment.threads = Engine.threadCount
    }

    /// The run's document before its first step.
    private func document(of task: Task) -> RunDocument {
        RunDocument(
            task: task.summary, dataFingerprint: task.dataFingerprint, environment: environment,
            label: candidate.label, rule: type(of: candidate.rule).summary.name, options: candidate.options,
            configuration: values, steps: training.steps,
            record: RunRecord(
                seed: UInt64(training.seed), status: .interrupted(step: 0), curve: [],
                finalValidationLoss: nil, forwardBackwardMilliseconds: 0, optimizerMilliseconds: 0,
                stateBytes: 0))
    }
}

/// What is accepted when a run is resumed, and is an error without.
public struct ResumeAllowances: OptionSet, Sendable {
    /// The bits.
    public let rawValue: Int

    /// Allowances by their bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Checkpoints that were saved, `run.json`, or a part of `metrics.jsonl`, are gone or damaged: the run goes on from the
    /// newest checkpoint that is intact, or from its beginning.
    public static let damage = ResumeAllowances(rawValue: 1)
    /// Schedules take another course from here on, because the number of steps is another.
    public static let changedSchedule = ResumeAllowances(rawValue: 2)
}

extension DurableRun where Task: ConfigurableTask {
    /// Prepares a run that a configuration describes.
    ///
    /// - Parameters:
    ///   - configuration: the values.
    ///   - directory: the run's folder.
    ///   - made: called with the task when it has been made.
    /// - Throws: `ConfigurationError` or `HyperparameterError` for an optimizer that cannot be made. What the task throws for
    ///   its options is thrown when the run begins.
    public init(
        _ configuration: ResolvedConfiguration<Task.Options>, in directory: RunDirectory,
        made: @escaping (Task) -> Void = { _ in }
    ) throws {
        let value = configuration.value
        func make() throws -> Task {
            let task = try Task.make(value)
            made(task)
            return task
        }
        self.init(
            try make(), try value.optimizer.candidate(steps: value.training.steps), in: directory,
            training: value.training, toml: "# fisher train \(Task.name)\n" + configuration.toml,
            values: configuration.tomlValues)
    }
}
