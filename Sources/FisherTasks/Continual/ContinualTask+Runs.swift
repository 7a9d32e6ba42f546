import Fisher
import FisherTraining

extension ContinualTask {
    /// The name of the task in a run's document.
    static let name = "permuted digits"

    /// The task of a kept run, by its document; nil for a run of another task.
    ///
    /// The document says how many images there are but not by which shares they were divided: these are searched for until
    /// the data have the document's fingerprint.
    ///
    /// - Throws: `StorageError` of kind `damaged` if no division of the images is the run's.
    public init?(of run: RunDocument, in folder: String) throws {
        guard run.taskName == Self.name else { return nil }
        func damaged(_ reason: String) -> StorageError {
            StorageError(.damaged, path: folder, reason: reason)
        }
        func number(_ key: String) throws -> Int {
            guard let value = run.configurationText(key).flatMap({ Int($0) }), value > 0 else {
                throw damaged("holds a run whose \(key) is not a number of one or more")
            }
            return value
        }
        let images = try number("data.images")
        let shapes = (
            tasks: try number("continual.tasks"), steps: try number("continual.steps"),
            batch: try number("data.batch"), width: try number("model.width")
        )
        func made(_ training: Digits, _ test: Digits) throws -> ContinualTask? {
            guard training.count == images else { return nil }
            let made = try ContinualTraining(
                OptimizerCandidate(label: "sgd", rule: SGD()), taskCount: shapes.tasks, steps: shapes.steps,
                batch: shapes.batch, width: shapes.width, memory: .separate, training: training, test: test)
            let task = try ContinualTask(made, .none, strength: 0, seed: run.record.seed)
            return task.dataFingerprint == run.dataFingerprint ? task : nil
        }
        for share in [0.25] + (1..<1000).map({ Double($0) / 1000 }) {
            guard let (training, test) = try? Digits.all.split(test: share) else { continue }
            if let task = try made(training, test) {
                self = task
                return
            }
            // Trials of a tuning divide the training side once more.
            guard training.count > images, let inner = try? training.split(test: share, seed: 1) else {
                continue
            }
            if let task = try made(inner.training, inner.test) {
                self = task
                return
            }
        }
        throw damaged("holds a run on other images than those of this program")
    }

    /// Batches of the images of all tasks together, to look at a network with: those of a run go through the tasks in turn.
    public func inspectionBatches(seed: UInt64) throws -> ShuffledBatches {
        let parts = sequence.tasks.map(\.training)
        return try ShuffledBatches(
            inputs: .concatenated(parts.map(\.images)), targets: .concatenated(parts.map(\.targets)),
            batchSize: training.batch, seed: seed)
    }
}
