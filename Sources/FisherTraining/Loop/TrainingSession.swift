import Fisher
import Foundation

/// One run of one optimizer from one seed, with everything that its future depends on.
///
/// Saved and restored, it continues exactly: with the same losses and weights, bit for bit, as if it had not
/// stopped (with the same number of threads).
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
    public let optimizer: Optimizer
    /// The progress of the run.
    public private(set) var progress = RunProgress()
    private var batches: Task.Batches
    private let microBatches: Int
    private var times = StepTimes()

    /// Creates a run before its first step.
    public init(
        _ task: Task, _ candidate: OptimizerCandidate, seed: UInt64, microBatches: Int = 1
    ) throws {
        self.task = task
        self.candidate = candidate
        self.seed = seed
        self.microBatches = microBatches
        model = try task.makeModel(seed: seed)
        batches = try task.makeBatches(seed: seed)
        optimizer = try Optimizer(
            for: model, groups: candidate.rule.groups(for: model),
            clipGradientNorm: candidate.clipGradientNorm)
    }

    /// Makes a step.
    ///
    /// A loss or gradient that is not finite throws `NonFiniteError`, and the weights are as they were.
    ///
    /// - Parameter measures: whether to note what the step did, for the curve's next point; costs a copy of
    ///   the weights.
    public func advance(measures: Bool = false) throws -> StepReport {
        let batch = try batches.next()
        let weights = model.parameters.map(\.parameter).filter(\.isTrainable).map(\.wrappedValue)
        let before = measures ? withoutGradients { weights.map { $0.detached().copy() } } : []
        let report = try optimizer.step(on: batch, microBatches: microBatches) { slice in
            try task.objective(of: model, on: slice)
        }
        times.note(report)
        progress.step += 1
        progress.seconds += report.gradientTime / .seconds(1) + report.updateTime / .seconds(1)
        progress.lossSum += report.loss
        progress.lossCount += 1
        if measures {
            progress.measure = try withoutGradients {
                try StepMeasure(
                    report, weightsBefore: before, weightsAfter: weights.map { $0.detached() })
            }
        }
        return report
    }

    /// Measures the validation loss and adds a point to the curve.
    public func evaluate() throws -> CurvePoint {
        model.setTraining(false)
        defer { model.setTraining(true) }
        let loss = try withoutGradients { try task.validationLoss(of: model) }
        return progress.evaluated(loss, examplesPerStep: task.examplesPerStep)
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
    /// The contents of `state.json`.
    private struct Saved: Codable {
        var formatVersion = 1
        let rule: String
        let seed: UInt64
        let dataFingerprint: String
        let progress: RunProgress
        let batches: Task.Batches.Position
        /// The states of the model's random generators, in the order of the model, as base64.
        let generators: [Data]
        /// The numbers that the caller saves with it.
        let companion: [String: Int]
    }

    /// Saves everything.
    ///
    /// - Parameters:
    ///   - store: where to.
    ///   - companion: numbers of the caller that belong to this moment.
    public func save(to store: CheckpointStore, companion: [String: Int] = [:]) throws -> Checkpoint {
        let saved = Saved(
            rule: type(of: candidate.rule).summary.name, seed: seed,
            dataFingerprint: task.dataFingerprint, progress: progress, batches: batches.position,
            generators: try model.randomGenerators.map { Data(try $0.state()) }, companion: companion)
        return try store.save(
            step: progress.step,
            model: model.parameters.map { ("\($0.path)", $0.parameter.wrappedValue) },
            metadata: task.modelMetadata,
            optimizer: optimizer.state.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
            state: StoredJSON.encode(saved))
    }

    /// Resumes from a checkpoint of the same run; returns what the caller saved with it.
    ///
    /// Throws `StorageError` of kind `damaged` if it is of another run, with the difference.
    public func restore(from checkpoint: Checkpoint) throws -> [String: Int] {
        let data = try DurableStorage.readFile(at: checkpoint.stateFile, followingLinks: false)
        let saved: Saved
        do {
            saved = try StoredJSON.decode(Saved.self, from: data)
        } catch {
            throw StorageError(
                .damaged, path: checkpoint.stateFile, reason: "cannot be used: \(StoredJSON.reason(error))")
        }
        func requireEqual(_ what: String, _ found: String, _ wanted: String) throws(StorageError) {
            guard found == wanted else {
                throw StorageError(
                    .damaged, path: checkpoint.path,
                    reason: "is of another run: \(what) \(found), not \(wanted)")
            }
        }
        try requireEqual("optimizer", saved.rule, type(of: candidate.rule).summary.name)
        try requireEqual("seed", "\(saved.seed)", "\(seed)")
        try requireEqual("data", saved.dataFingerprint, task.dataFingerprint)
        let generators = model.randomGenerators
        try requireEqual("random generators", "\(saved.generators.count)", "\(generators.count)")

        try model.load(try SafetensorsFile(path: checkpoint.modelFile, followingLinks: false).allTensors())
        try optimizer.restore(
            try SafetensorsFile(path: checkpoint.optimizerFile, followingLinks: false).allTensors())
        for (generator, state) in zip(generators, saved.generators) { try generator.restore([UInt8](state)) }
        batches.position = saved.batches
        progress = saved.progress
        return saved.companion
    }
}
