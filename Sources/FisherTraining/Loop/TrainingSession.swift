import Fisher
import Foundation

/// One run of one optimizer from one seed, with everything that its future depends on.
///
/// Saved and restored, it continues exactly: with the same losses and weights, bit for bit, as if it had not
/// stopped (with the same number of threads, on the same kind of device).
///
/// It trains on the device that is the current one where it is made, with data that were made there:
///
///     try withDevice(.cuda(0)) {
///         let session = try TrainingSession(try DigitsTask(options), candidate, seed: 0)
///         try TrainingLoop(session, length: RunLength(steps: 1000, evaluateEvery: 100))()
///     }
public final class TrainingSession<Task: TrainingTask> {
    /// The task.
    public let task: Task
    /// The optimizer's rule and options.
    public let candidate: OptimizerCandidate
    /// The seed of the first weights and of the batches.
    public let seed: UInt64
    /// The network.
    public let model: Task.Model
    /// The optimizer, bound to the network.
    public private(set) var optimizer: Optimizer
    /// What the run keeps besides.
    public let memory: Task.Memory
    /// The progress of the run.
    public private(set) var progress = RunProgress()
    /// The precision of the matrix products in steps and in the loss on held-out data.
    public let precision: ComputePrecision
    /// The processes that share every batch of the run; nil for this one alone. All have the same task, candidate and seed.
    public var processes: ProcessGroup? {
        didSet {
            shareOptimizer()
            memory.share(with: processes)
        }
    }
    /// Whether they divide the optimizer's state, as they do by default; set before ``processes``.
    public var dividesState = true { didSet { optimizer.dividesState = dividesState } }
    /// Asked on the first process: whether it may need the others after a number of steps, before the next one.
    var needsOthers: (_ step: Int) -> Bool = { _ in true }
    /// What the first process has announced of that for the present step.
    var othersAreNeeded = true
    /// Further figures of the task at the last evaluation, for the log.
    package private(set) var measurements: [(name: String, value: Double)] = []
    private var batches: Task.Batches
    private let microBatches: Int
    private var times = StepTimes()

    /// Creates a run before its first step.
    public init(
        _ task: Task, _ candidate: OptimizerCandidate, seed: UInt64, microBatches: Int = 1,
        precision: ComputePrecision = .float32
    ) throws {
        self.task = task
        self.candidate = candidate
        self.seed = seed
        self.microBatches = microBatches
        self.precision = precision
        model = try task.makeModel(seed: seed)
        // Weights that were drawn are there already; layers' generators draw where their activations are.
        if Device.current != .cpu { try model.to(device: .current) }
        batches = try task.makeBatches(seed: seed)
        optimizer = try Self.makeOptimizer(candidate, for: model, seed: seed, precision)
        memory = try task.makeMemory(of: model, seed: seed)
    }

    private static func makeOptimizer(
        _ candidate: OptimizerCandidate, for model: Task.Model, seed: UInt64, _ precision: ComputePrecision
    ) throws -> Optimizer {
        let optimizer = try Optimizer(
            for: model, groups: candidate.rule.groups(for: model),
            clipGradientNorm: candidate.clipGradientNorm, clipFisherNorm: candidate.clipFisherNorm,
            labelSeed: seed)
        optimizer.precision = precision
        return optimizer
    }

    private func shareOptimizer() {
        optimizer.processes = processes
        guard processes != nil else { return optimizer.carriedNumbers = { [] } }
        optimizer.carriedNumbers = { [unowned self] in announcements(before: progress.step + 1) }
    }

    /// Makes a step.
    ///
    /// A loss or gradient that is not finite throws `NonFiniteError`, and the weights are as they were.
    ///
    /// - Parameter measures: whether to note what the step did, for the curve's next point; costs a copy of
    ///   the weights.
    public func advance(measures: Bool = false) throws -> StepReport {
        if memory.replacesOptimizer(after: progress.step) {
            optimizer = try Self.makeOptimizer(candidate, for: model, seed: seed, precision)
            optimizer.dividesState = dividesState
            shareOptimizer()
        }
        let position = batches.position
        let batch = try nextBatch(of: &batches)
        let clock = ContinuousClock()
        let preparation: Duration
        do {
            preparation = try clock.measure {
                try withoutSignalsIfShared {
                    try memory.prepare(model, for: batch.units, after: progress.step)
                }
            }
        } catch {
            // A run that was stopped in the preparation takes the same batch when it goes on.
            batches.position = position
            throw error
        }
        let weights = model.parameters.map(\.parameter).filter(\.isTrainable).map(\.wrappedValue)
        let before = measures ? withoutGradients { weights.map { $0.detached().copy() } } : []
        let report = try optimizer.step(on: batch, microBatches: microBatches) { slice in
            try task.objective(of: model, on: slice.units, with: memory)
        }
        try shareRunningAverages()
        times.note(report)
        progress.step += 1
        progress.seconds += report.gradientTime / .seconds(1) + report.updateTime / .seconds(1)
        progress.lossSum += report.loss
        progress.lossCount += 1
        if measures {
            progress.measure = try withoutGradients {
                try StepMeasure(
                    report, learningRate: candidate.rule.learningRate(optimizer.updateCount),
                    weightsBefore: before, weightsAfter: weights.map { $0.detached() })
            }
        }
        let conclusion = try clock.measure { try memory.conclude(model, optimizer, after: progress.step) }
        progress.seconds += (preparation + conclusion) / .seconds(1)
        return report
    }

    /// Measures the validation loss, tells it to plateau schedules, and adds a point to the curve.
    ///
    /// Processes that share the run divide the held-out data, and have the same loss.
    public func evaluate() throws -> CurvePoint {
        model.setTraining(false)
        defer { model.setTraining(true) }
        let tally = AccuracyTally()
        let loss = try decided {
            try withoutGradients {
                let loss = try AccuracyTally.$current.withValue(tally) {
                    try withAutocast(to: precision) { try task.validationLoss(of: model) }
                }
                measurements = try memory.measurements(of: model, after: progress.step)
                return [loss]
            }
        }[0]
        optimizer.observe(validationLoss: loss)
        return progress.evaluated(loss, tally.measures, examplesPerStep: task.examplesPerStep)
    }

    /// What a finished run's record holds besides its curve: the losses of the parts of the held-out data, the task's
    /// measures and its exhibits. The last two are in float32, as whoever uses the weights computes them.
    func concludingRecord() throws -> RunRecord {
        model.setTraining(false)
        defer { model.setTraining(true) }
        func unlessEmpty<Element>(_ list: [Element]) -> [Element]? { list.isEmpty ? nil : list }
        return try withoutGradients {
            var record = record(.completed)
            record.validationParts = unlessEmpty(try validationParts())
            record.measures = unlessEmpty(try task.measures(of: model, posterior: optimizer.posterior))
            record.exhibits = unlessEmpty(try task.exhibits(of: model))
            return record
        }
    }

    /// Takes part in what the first process concludes by ``concludingRecord()``.
    func joinConclusion() throws {
        model.setTraining(false)
        defer { model.setTraining(true) }
        _ = try withoutGradients { try validationParts() }
    }

    /// The losses of the parts of the held-out data.
    private func validationParts() throws -> [Double] {
        try decided { try withAutocast(to: precision) { try task.validationParts(of: model) } }
    }

    /// The first batch of the run, from a stream of its own: the run's own stream does not move.
    func probe() throws -> Task.Batch {
        var stream = try task.makeBatches(seed: seed)
        return try stream.next()
    }

    /// Whether steps were made, and timed, in this process.
    var hasTimes: Bool { times.hasNew }

    /// Whether every weight is a finite number. Costs a pass over the weights.
    func hasFiniteWeights() throws -> Bool {
        try withoutGradients {
            try model.parameters.filter(\.parameter.isTrainable).allSatisfy {
                try $0.parameter.wrappedValue.isFinite().all().item() == 1
            }
        }
    }

    /// The result of the run, or its state so far.
    public func record(_ status: RunStatus) -> RunRecord {
        let last = progress.lastEvaluation == progress.step ? progress.curve.last?.validationLoss : nil
        return RunRecord(
            seed: seed, status: status, curve: progress.curve,
            finalValidationLoss: status == .completed ? last : nil,
            forwardBackwardMilliseconds: times.medianGradientMilliseconds,
            optimizerMilliseconds: times.medianUpdateMilliseconds, stateBytes: optimizer.stateByteCount)
    }
}

// Saving and resuming.
extension TrainingSession {
    private struct Version: Decodable {
        let formatVersion: Int
    }

    /// What the keys of the memory's tensors begin with, among those of the optimizer's state.
    private static var memoryPrefix: String { "memory/" }

    /// The contents of `state.json`.
    private struct Saved: Codable {
        static var version: Int { 2 }
        var formatVersion = version
        let rule: String
        /// The optimizer's options in reading order.
        let options: [Setting]
        let seed: UInt64
        let microBatches: Int
        /// The precision of matrix products; nil in checkpoints of former versions, which had one.
        let precision: ComputePrecision?
        let dataFingerprint: String
        /// The values that determine the course of the run, by key.
        let configuration: [String: String]
        let progress: RunProgress
        let batches: Task.Batches.Position
        let memory: Task.Memory.State
        /// The states of the model's random generators, in the order of the model, as base64.
        let generators: [Data]
        /// The numbers that the caller saves with it.
        let companion: [String: Int]
        /// Times of steps, in milliseconds; nil in checkpoints of former versions.
        let times: [[Double]]?
    }

    /// Saves everything; where processes divide the optimizer's state, the others call `saveShare(to:)` meanwhile.
    ///
    /// - Parameters:
    ///   - store: where to.
    ///   - companion: numbers of the caller that belong to this moment.
    ///   - configuration: values that determine the course of the run, by key: it is resumed with the same only.
    public func save(
        to store: CheckpointStore, companion: [String: Int] = [:], configuration: [String: String] = [:]
    ) throws -> Checkpoint {
        let (memoryState, memoryTensors) = try memory.saved()
        let tensors =
            Array(optimizer.shard)
            + memoryTensors.map { (key: Self.memoryPrefix + $0.key, value: $0.value) }
        let saved = Saved(
            rule: type(of: candidate.rule).summary.name, options: candidate.options, seed: seed,
            microBatches: microBatches, precision: precision, dataFingerprint: task.dataFingerprint,
            configuration: configuration,
            progress: progress, batches: batches.position, memory: memoryState,
            generators: try model.randomGenerators.map { Data(try $0.state()) }, companion: companion,
            times: times.saved)
        return try savingTogether { processes, others in
            try store.save(
                step: progress.step,
                model: model.parameters.map { ("\($0.path)", $0.parameter.wrappedValue) },
                metadata: task.modelMetadata,
                optimizer: tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
                state: StoredJSON.encode(saved), processes: processes, others: others)
        }
    }

    /// Resumes from a checkpoint of the same run; returns what the caller saved with it.
    ///
    /// - Parameters:
    ///   - checkpoint: where from.
    ///   - configuration: the values that determine the course of this run, by key.
    ///   - changesSchedule: whether the optimizer may have other schedules than when it was saved.
    /// - Throws: `StorageError` of kind `damaged` if it is of another run, with the difference, or holds numbers that no run
    ///   has; `ConfigurationError` for another schedule of an option that is not allowed.
    public func restore(
        from checkpoint: Checkpoint, configuration: [String: String] = [:], changesSchedule: Bool = false
    ) throws -> [String: Int] {
        let saved = try saved(in: checkpoint)
        func requireEqual(_ what: String, _ found: String, _ wanted: String) throws(StorageError) {
            guard found == wanted else {
                throw StorageError(
                    .damaged, path: checkpoint.path,
                    reason: "is of another run: \(what) \(found), not \(wanted)")
            }
        }
        try requireEqual("optimizer", saved.rule, type(of: candidate.rule).summary.name)
        try requireEqual("seed", "\(saved.seed)", "\(seed)")
        try requireEqual("micro-batches", "\(saved.microBatches)", "\(microBatches)")
        try requireEqual("precision", (saved.precision ?? .float32).rawValue, precision.rawValue)
        for key in Set(saved.configuration.keys).union(configuration.keys).sorted() {
            try requireEqual(key, saved.configuration[key] ?? "not set", configuration[key] ?? "not set")
        }
        if !candidate.hasOptions(saved.options) {
            try requireEqualOptions(saved.options, in: checkpoint, changesSchedule: changesSchedule)
        }
        try requireEqual("data", saved.dataFingerprint, task.dataFingerprint)
        let generators = model.randomGenerators
        try requireEqual("random generators", "\(saved.generators.count)", "\(generators.count)")

        try model.load(try SafetensorsFile(path: checkpoint.modelFile, followingLinks: false).allTensors())
        let tensors = try checkpoint.optimizerTensors()
        try optimizer.restore(tensors.filter { !$0.key.hasPrefix(Self.memoryPrefix) })
        let remembered = tensors.filter { $0.key.hasPrefix(Self.memoryPrefix) }
        do {
            try memory.restore(
                saved.memory,
                Dictionary(
                    uniqueKeysWithValues: remembered.map {
                        (String($0.key.dropFirst(Self.memoryPrefix.count)), $0.value)
                    }), model: model, after: saved.progress.step)
            for (generator, state) in zip(generators, saved.generators) {
                try generator.restore(fromAnyDevice: [UInt8](state))
            }
            try batches.restore(saved.batches)
        } catch {
            throw StorageError(.damaged, path: checkpoint.stateFile, reason: "cannot be used: \(error)")
        }
        progress = saved.progress
        times = StepTimes(saved: saved.times ?? [])
        return saved.companion
    }

    /// Reads `state.json` and checks every number that the run counts on.
    private func saved(in checkpoint: Checkpoint) throws(StorageError) -> Saved {
        let data = try DurableStorage.readFile(at: checkpoint.stateFile, followingLinks: false)
        func unusable(_ reason: String) -> StorageError {
            StorageError(.damaged, path: checkpoint.stateFile, reason: "cannot be used: \(reason)")
        }
        let saved: Saved
        do {
            let version = try StoredJSON.decode(Version.self, from: data).formatVersion
            guard version == Saved.version else {
                throw unusable(
                    "it is of format \(version), not \(Saved.version): resume with the version of the program that wrote it"
                )
            }
            saved = try StoredJSON.decode(Saved.self, from: data)
        } catch let error as StorageError {
            throw error
        } catch {
            throw unusable(StoredJSON.reason(error))
        }
        if let complaint = saved.progress.complaint(at: checkpoint.step) { throw unusable(complaint) }
        let (_, isTooMuch) = saved.progress.step.multipliedReportingOverflow(by: task.examplesPerStep)
        if isTooMuch { throw unusable("its step is \(saved.progress.step)") }
        return saved
    }

    /// Throws for options that differ, unless they are schedules and may.
    private func requireEqualOptions(
        _ saved: [Setting], in checkpoint: Checkpoint, changesSchedule: Bool
    ) throws {
        let own = Dictionary(candidate.options.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        for option in saved {
            guard let value = own[option.name], value != option.value else { continue }
            guard Schedule(option.value) != nil, Schedule(value) != nil else {
                throw StorageError(
                    .damaged, path: checkpoint.path,
                    reason: "is of another run: \(option.name) \(option.value), not \(value)")
            }
            if changesSchedule { continue }
            throw ConfigurationError(
                "\(option.name) would go on as \(value), but was \(option.value) when \(checkpoint.path) was saved: "
                    + "give the former training.steps, or follow the new course from here on with --change-schedule"
            )
        }
    }
}
