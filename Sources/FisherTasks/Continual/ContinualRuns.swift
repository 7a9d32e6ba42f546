import Fisher
import FisherTraining

/// The runs of a comparison of continual-learning methods, each in a run folder as `fisher train` keeps it.
struct ContinualRuns {
    /// The least number of seconds between checkpoints: these runs are short, and many share a disk.
    private static let checkpointSeconds = 10

    /// The network, the optimizer and the images.
    let training: ContinualTraining
    /// What is accepted when a run is resumed.
    let allowances: ResumeAllowances

    /// The record of a run: of the one in the folder if it came to its end, otherwise that one is continued or begun.
    func record(
        _ method: ContinualMethod, strength: Double, seed: UInt64, in directory: RunDirectory,
        onStep: (_ step: Int, _ loss: Double) -> Void
    ) throws -> ContinualRecord {
        let task = try ContinualTask(training, method, strength: strength, seed: seed)
        let values = values(of: task, seed: seed)
        if try directory.holdsRun, let record = try finished(directory, values) { return record }
        var configuration = TrainingConfiguration()
        (configuration.steps, configuration.evaluateEvery) = (training.stepCount, training.steps)
        (configuration.seed, configuration.keep, configuration.histograms) = (seed, 1, false)
        configuration.checkpointSeconds = Self.checkpointSeconds
        let lines = values.map { "\"\($0.key)\" = \($0.value)\n" }.sorted()
        let run = DurableRun(
            task, training.candidate, in: directory, training: configuration, toml: lines.joined(),
            values: values)
        return try withoutActuallyEscaping(onStep) { onStep in
            do {
                try run(
                    resuming: true, allowing: allowances,
                    callbacks: .init(afterStep: { session, report in
                        onStep(session.progress.step, report.loss)
                    }))
            } catch is NonFiniteError {
            } catch is RunDivergence {
            }
            guard let record = try finished(directory, values) else {
                preconditionFailure("a run that was not interrupted came to its end")
            }
            return record
        }
    }

    /// The record of a run that came to its end, from its folder; nil for another.
    private func finished(_ directory: RunDirectory, _ values: [String: String]) throws -> ContinualRecord? {
        let document = try directory.document()
        for (key, value) in values.sorted(by: { $0.key < $1.key }) where document.configuration[key] != value
        {
            throw StorageError(
                .damaged, path: directory.path,
                reason:
                    "holds another run (\(key) \(document.configuration[key] ?? "not set"), not \(value)): "
                    + "choose another folder with --output")
        }
        if case .interrupted = document.record.status { return nil }
        let names = (0..<training.taskCount).map(ContinualMemory.accuracyName(ofTask:))
        var record = ContinualRecord(
            seed: document.record.seed, status: document.record.status, accuracies: [], seconds: 0)
        for line in try MetricsLog.lines(of: directory.metricsFile) {
            let row = names.compactMap { line[$0] }
            guard row.count == names.count else { continue }
            record.accuracies.append(row)
            record.seconds = line["seconds"] ?? record.seconds
        }
        guard record.status != .completed || record.accuracies.count == training.taskCount else {
            throw StorageError(
                .damaged, path: directory.metricsFile,
                reason: "has accuracies after \(record.accuracies.count) of \(training.taskCount) tasks: "
                    + "remove \(directory.path) to repeat the run")
        }
        return record
    }

    /// Everything that determines a run, as TOML by key.
    private func values(of task: ContinualTask, seed: UInt64) -> [String: String] {
        let memory =
            switch training.memory {
            case .separate: "separate"
            case .online(let decay): "online, decay \(decay)"
            }
        let rule = type(of: training.candidate.rule).summary.name
        var values = [
            "continual.method": "\"\(task.method.rawValue)\"", "continual.memory": "\"\(memory)\"",
            "continual.strength": "\(task.method.hasStrength ? task.strength : 0)",
            "continual.tasks": "\(training.taskCount)", "continual.steps": "\(training.steps)",
            "data.batch": "\(training.batch)", "data.images": "\(training.training.count)",
            "model.width": "\(training.width)", "optimizer.rule": "\"\(rule)\"", "training.seed": "\(seed)",
        ]
        for option in training.candidate.options {
            values["optimizer.\(option.name)"] = "\"\(option.value)\""
        }
        return values
    }
}
