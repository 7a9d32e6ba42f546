import Fisher
import FisherStudies
import Foundation

/// One process's work on a run.
final class RunWorker<Task: TrainingTask> {
    private let directory: RunDirectory
    private let session: TrainingSession<Task>
    private let configuration: TrainingConfiguration
    private var document: RunDocument
    /// What progress calls the run; nil for its label and seed.
    private let title: String?
    private let display: ProgressDisplay?
    private let callbacks: TrainingLoop<Task>.Callbacks
    /// The length of the metrics at the moment from which the run resumes.
    private var metricsLength = 0
    /// The step and the last evaluation of the newest checkpoint.
    private var saved: (step: Int, evaluation: Int?)?
    /// When it was written, or the work began.
    private var lastSave = ContinuousClock.now
    /// Checkpoints that are known to be damaged.
    private var damaged: Set<Checkpoint> = []
    /// What the process before this one measured.
    private var former: RunRecord?
    /// What else the machine does while this process works.
    private let meter = LoadMeter()
    /// The record of the run once it has ended.
    private var conclusion: RunRecord?
    /// The looks at the information, for the run's document.
    private var information: [InformationMoment] = []
    /// The most runs of a study that are made at one time, this one among them; nil for one.
    var sideBySide: Int?
    /// Whether the state from which the run resumes is saved once more, with its new schedules.
    private var savesAtOnce = false

    init(
        directory: RunDirectory, session: TrainingSession<Task>, configuration: TrainingConfiguration,
        document: RunDocument, title: String?, display: ProgressDisplay?,
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

    /// The values that determine the course of the run.
    private var course: [String: String] { TrainingConfiguration.course(of: document.configuration) }

    /// Restores the newest intact checkpoint and reports damaged ones. Nothing in the folder changes if it throws.
    func resume(_ allowances: ResumeAllowances) throws {
        let acceptsDamage = allowances.contains(.damage)
        let remains = try RunRemains(directory, acceptingDamage: acceptsDamage)
        if let old = remains.document {
            document.resumes = old.resumes
            document.environment = old.environment
            // The configuration in the folder names every option, the first start only those that were set.
            document.label = old.label
            former = old.record
        }
        damaged = Set(remains.damaged.map(\.checkpoint))
        var mark = MetricsLog.Mark.empty
        if let checkpoint = remains.checkpoint {
            mark = try restore(checkpoint, changesSchedule: allowances.contains(.changedSchedule))
            metricsLength = try remains.logLength(at: mark, acceptingDamage: acceptsDamage)
        }
        if !acceptsDamage {
            try remains.requireReach(
                from: mark.byteCount, best: session.progress.best?.loss ?? .infinity)
        }
        guard let checkpoint = remains.checkpoint else {
            display?.note("\(directory.path) has no checkpoint yet: the run starts at its beginning")
            return
        }
        for trouble in remains.damaged { display?.note("\(trouble.error); the one before it is used") }
        document.savedStep = checkpoint.step
        document.finiteStep = remains.document?.finiteStep.flatMap { $0 <= checkpoint.step ? $0 : nil }
        // A run that had come to its end is looked at, not resumed.
        if checkpoint.step < configuration.steps {
            document.resumes.append(
                RunDocument.Resume(
                    date: Date().formatted(.iso8601), step: checkpoint.step,
                    device: EnvironmentSummary.currentDevice))
        }
        // The process may have died between saving a best checkpoint and marking it.
        try markBest()
    }

    /// Restores a checkpoint; returns the log's length and check at that moment.
    private func restore(_ checkpoint: Checkpoint, changesSchedule: Bool) throws -> MetricsLog.Mark {
        let numbers = try session.restore(
            from: checkpoint, configuration: course, changesSchedule: changesSchedule)
        saved = (checkpoint.step, session.progress.lastEvaluation)
        savesAtOnce = changesSchedule
        guard let mark = MetricsLog.Mark(companion: numbers) else {
            throw StorageError(
                .damaged, path: checkpoint.stateFile,
                reason: "cannot be used: it lacks the length and the check of metrics.jsonl")
        }
        return mark
    }

    /// Begins together with other processes, from the state that this one has restored.
    func share(_ processes: ProcessGroup, _ values: [String: String]) throws {
        try SharedStart(of: session, values, directory, processes).lead(from: saved?.step)
    }

    /// Throws if the disk cannot hold the checkpoints that the run keeps at one time.
    func requireSpace() throws {
        let weights = session.model.parameters.reduce(0) { $0 + $1.parameter.wrappedValue.byteCount }
        let size = weights + session.optimizer.expectedStateByteCount + (1 << 16)
        let missing = max(1, configuration.mostCheckpoints - (try directory.checkpoints.list().count))
        let free = try CheckpointStore.freeBytes(for: directory.path)
        let (needed, isTooMuch) = size.multipliedReportingOverflow(by: missing)
        guard !isTooMuch, free >= needed else {
            let text = isTooMuch ? "more than can be counted" : "\(needed >> 20) MiB"
            throw StorageError(
                .inputOutput, path: directory.path,
                reason: "has \(free >> 20) MiB free, \(missing) checkpoints need \(text): "
                    + "make room, or keep fewer with checkpoints.keep")
        }
    }

    func work() throws -> RunDocument {
        let log = try RunLog(
            directory, of: session, configuration: configuration, values: document.configuration,
            length: metricsLength)
        try note(.running, .interrupted(step: session.progress.step))
        display?.begin(
            title ?? "\(document.label), seed \(configuration.seed)",
            totalSteps: configuration.steps, step: session.progress.step,
            examples: session.progress.step * session.task.examplesPerStep,
            unit: session.task.summary.examples)
        defer { display?.finish() }
        if let display { session.memory.announce { display.note($0) } }
        do {
            try saveIfAll(savesAtOnce, log)
            if session.progress.step == 0 { try log.lookedAt() }
            information = log.information
            let end = try TrainingLoop(session, length: configuration.length)(callbacks(log))
            try saveIfAll(!isSaved, log)
            let loss = session.progress.curve.last?.validationLoss ?? .nan
            if loss.isFinite {
                conclusion = try session.concludingRecord()
                try note(end == .completed ? .completed : .stoppedEarly, .completed)
            } else {
                let reason = "the validation loss is not finite"
                try note(.diverged, .diverged(step: session.progress.step, reason: reason))
            }
            try log.ended(succeeded: loss.isFinite)
            display?.endRun(document.record.outcome)
            return document
        } catch let error as Interrupted {
            try saveIfAll(!isSaved, log)
            try note(.interrupted, .interrupted(step: session.progress.step))
            throw error
        } catch let error as NonFiniteError {
            let reason = "\(error.source) is not finite"
            try log.ended(succeeded: false)
            try note(.diverged, .diverged(step: session.progress.step + 1, reason: reason))
            display?.endRun(document.record.outcome)
            throw error
        } catch let error as RunDivergence {
            try log.ended(succeeded: false)
            try note(.diverged, .diverged(step: session.progress.step, reason: "\(error)"))
            throw error
        }
    }

    private func callbacks(_ log: RunLog<Task>) -> TrainingLoop<Task>.Callbacks {
        let own = callbacks
        var all = TrainingLoop<Task>.Callbacks(
            afterStep: { [self] session, report in
                try log.stepped(report)
                try log.lookedAt()
                information = log.information
                display?.update(
                    step: session.progress.step, loss: report.loss,
                    examples: session.progress.step * session.task.examplesPerStep)
                try own.afterStep(session, report)
            },
            afterEvaluation: { [self] session, point in
                try log.evaluated(point)
                if !isTooSoon { try note(.running, .interrupted(step: session.progress.step)) }
                try own.afterEvaluation(session, point)
            },
            betweenSteps: { [self] session in
                try saveBetweenSteps(log)
                try own.betweenSteps(session)
            })
        all.needsOthers = { [self] in mayCheckpointBeDue(after: $0) }
        return all
    }

    /// Whether the newest checkpoint is of the present state.
    private var isSaved: Bool {
        saved?.step == session.progress.step && saved?.evaluation == session.progress.lastEvaluation
    }

    /// Whether a checkpoint may be due after a step, once it has been evaluated where that is due.
    private func mayCheckpointBeDue(after step: Int) -> Bool {
        if step == configuration.steps { return true }
        if step == 0 || isTooSoon { return false }
        let every = configuration.checkpointEvery
        return every > 0 && step % every == 0 || configuration.length.isEvaluationDue(after: step)
    }

    private var isCheckpointDue: Bool {
        let (step, progress) = (session.progress.step, session.progress)
        guard mayCheckpointBeDue(after: step) else { return false }
        let every = configuration.checkpointEvery
        let isRegular = every > 0 ? step % every == 0 : progress.lastEvaluation == step
        return step == configuration.steps || isRegular || progress.best?.step == step
    }

    /// Whether the least time between checkpoints is not over.
    private var isTooSoon: Bool {
        lastSave.duration(to: .now) < .seconds(configuration.checkpointSeconds)
    }

    /// Saves a checkpoint if one is due, together with the processes that have shares of it.
    ///
    /// Weights that are not finite are not saved: no run goes on from them.
    private func saveIfAll(_ isDue: Bool, _ log: RunLog<Task>) throws {
        if try session.agrees(toSave: try isDue && session.hasFiniteWeights()) { try save(log) }
    }

    /// The same between two steps.
    private func saveBetweenSteps(_ log: RunLog<Task>) throws {
        let isDue = try !isSaved && isCheckpointDue && session.hasFiniteWeights()
        if try session.agreesBetweenSteps(toSave: isDue) { try save(log) }
    }

    /// Saves a checkpoint, tells so in `run.json`, and removes what is no longer kept.
    private func save(_ log: RunLog<Task>) throws {
        let progress = session.progress
        let mark = try log.synchronize()
        _ = try session.save(
            to: directory.checkpoints,
            companion: mark.companion, configuration: course)
        if progress.curve.last?.validationLoss?.isFinite ?? true {
            // Weights are known to be good when they were evaluated, or when a step from them had a finite loss.
            document.finiteStep =
                progress.lastEvaluation == progress.step
                ? progress.step : saved?.step ?? document.finiteStep
        }
        saved = (progress.step, progress.lastEvaluation)
        document.savedStep = progress.step
        lastSave = .now
        try markBest()
        try note(.running, .interrupted(step: progress.step))
        try directory.checkpoints.prune(
            keeping: configuration.keep, steps: Set([document.finiteStep].compactMap(\.self)),
            damaged: damaged)
    }

    /// Marks the checkpoint with the lowest validation loss of those that there are, unless it is marked.
    private func markBest() throws {
        let losses = Dictionary(
            session.progress.curve.map { ($0.step, $0.validationLoss ?? .nan) }, uniquingKeysWith: { $1 })
        func rank(_ checkpoint: Checkpoint) -> (Double, Int) {
            (losses[checkpoint.step] ?? .nan, checkpoint.step)
        }
        let measured = try directory.checkpoints.list().filter {
            !damaged.contains($0) && rank($0).0.isFinite
        }
        guard let best = measured.min(by: { rank($0) < rank($1) }),
            try directory.checkpoints.best?.step != best.step
        else { return }
        try directory.checkpoints.markBest(best)
    }

    private func note(_ phase: RunDocument.Phase, _ status: RunStatus) throws {
        document.phase = phase
        document.record = conclusion ?? session.record(status)
        document.record.information = information.isEmpty ? nil : information
        if !session.hasTimes, let former {
            document.record.forwardBackwardMilliseconds = former.forwardBackwardMilliseconds
            document.record.optimizerMilliseconds = former.optimizerMilliseconds
        }
        // What the other processes of the run compute is no load by others.
        let isMeasured = session.hasTimes && session.processes == nil
        document.record.load =
            isMeasured ? MachineLoad.heavier(former?.load, meter.load()) : former?.load
        document.record.sideBySide = [former?.sideBySide, sideBySide].compactMap(\.self).max()
        try directory.write(document)
    }
}
