import Fisher
import Foundation

/// The logs of a run: `metrics.jsonl`, and event files for TensorBoard.
final class RunLog<Task: TrainingTask> {
    private let session: TrainingSession<Task>
    private let configuration: TrainingConfiguration
    private let metrics: MetricsLog
    private let events: EventFileWriter?
    /// What measures the information on a batch that is the same along the run; nil if nobody asked.
    private let monitor: (InformationMonitor, probe: Task.Batch)?
    /// The looks at the information so far, those before the run was resumed among them.
    private(set) var information: [InformationMoment]
    /// The weights at the evaluation before, for the histograms of what has changed since.
    private var lastWeights: [Tensor] = []

    /// Opens the log of a run, truncated to the length that it had at the checkpoint from which the run
    /// resumes.
    init(
        _ directory: RunDirectory, of session: TrainingSession<Task>, configuration: TrainingConfiguration,
        values: [String: String], length: Int
    ) throws {
        self.session = session
        self.configuration = configuration
        metrics = try MetricsLog(path: directory.metricsFile, length: length)
        information = try MetricsLog.lines(of: directory.metricsFile).compactMap(InformationMoment.init)
        monitor =
            configuration.information > 0
            ? (try InformationMonitor(of: session.model, seed: session.seed), try session.probe()) : nil
        events = configuration.tensorBoard ? try EventFileWriter(folder: directory.eventsFolder) : nil
        if session.progress.step > 0 { try events?.markResumed(after: session.progress.step) }
        try events?.hyperparameters(
            values.sorted { $0.key < $1.key }.map { ($0.key, .init(Self.unquoted($0.value))) },
            metrics: ["validation/loss"])
        let rows = values.sorted { $0.key < $1.key }.map { "| \($0.key) | \($0.value) |" }
        try events?.text("configuration", (["| key | value |", "|---|---|"] + rows).joined(separator: "\n"))
        if events != nil && configuration.histograms { lastWeights = currentWeights() }
    }

    /// Logs a step, if it is one of those to be logged.
    func stepped(_ report: StepReport) throws {
        let step = session.progress.step
        guard step % configuration.logEvery == 0 else { return }
        let (loss, norm) = (report.loss, report.gradientNorm)
        // A session whose optimizer is replaced on the way counts the updates of the present one.
        let rate = session.optimizer.inForce(session.candidate.rule.learningRate)(
            session.optimizer.updateCount)
        try metrics.append([
            "step": Double(step), "loss": loss, "gradient_norm": norm, "learning_rate": rate,
            "tokens": Double(step * session.task.examplesPerStep), "seconds": session.progress.seconds,
        ])
        try events?.scalar("training/loss", loss, step: step)
        try events?.scalar("training/gradient_norm", norm, step: step)
        try events?.scalar("training/learning_rate", rate, step: step)
    }

    /// Looks at the information, if this is a step to do so. Weights and generators stay as they are.
    ///
    /// What is not finite is left out: the run itself will end by it.
    func lookedAt() throws {
        let step = session.progress.step
        guard let (monitor, probe) = monitor, step % configuration.information == 0,
            information.last.map({ $0.step < step }) ?? true
        else { return }
        let model = session.model
        model.setTraining(false)
        defer { model.setTraining(true) }
        do {
            let (moment, diagonal) = try monitor.moment(
                at: step, of: session.task.objective(of: model, on: probe), units: probe.unitCount)
            information.append(moment)
            try metrics.append(moment.metrics)
            try write(moment, diagonal)
        } catch is NonFiniteError {}
    }

    private func write(_ moment: InformationMoment, _ diagonal: [ParameterPath: Tensor]) throws {
        guard let events else { return }
        try events.scalar("information/trace", moment.trace, step: moment.step)
        try events.scalar("information/top_eigenvalue", moment.topEigenvalue, step: moment.step)
        try events.scalar("information/effective_rank", moment.effectiveRank, step: moment.step)
        for (layer, trace) in moment.traces.sorted(by: { $0.key < $1.key }) {
            try events.scalar("information/trace/\(layer)", trace, step: moment.step)
        }
        for (path, tensor) in diagonal.sorted(by: { $0.key < $1.key }) {
            try write("log10_fisher/\(path)", tensor.log() * (1 / log(10.0)), to: events, step: moment.step)
        }
    }

    /// Logs an evaluation.
    func evaluated(_ point: CurvePoint) throws {
        let measured: [(name: String, tag: String, value: Double?)] = [
            ("validation_loss", "validation/loss", point.validationLoss),
            ("training_loss", "training/mean_loss", point.trainingLoss),
            ("update_to_weight", "update/to_weight", point.measure?.updateToWeight),
            ("clip_factor", "update/clip_factor", point.measure?.clipFactor),
            ("decay_share", "update/decay_share_of_least_informed", point.measure?.decayShare),
        ]
        var values = ["step": Double(point.step), "seconds": point.seconds]
        for (name, tag, value) in measured {
            values[name] = value
            if let value { try events?.scalar(tag, value, step: point.step) }
        }
        for (name, value) in (point.measures ?? [:]).sorted(by: { $0.key < $1.key }) {
            values["validation_\(name)"] = value
            try events?.scalar("validation/\(name)", value, step: point.step)
        }
        for (name, value) in session.measurements {
            values[name] = value
            try events?.scalar("validation/\(name)", value, step: point.step)
        }
        try metrics.append(values)
        if configuration.histograms { try writeHistograms(step: point.step) }
    }

    /// Flushes everything to the disk; returns the length and the check of the metrics.
    func synchronize() throws -> MetricsLog.Mark {
        try events?.synchronize()
        return try metrics.synchronize()
    }

    /// Marks the end of the run for TensorBoard.
    func ended(succeeded: Bool) throws { try events?.sessionEnded(succeeded: succeeded) }

    /// Weights, their change since the evaluation before, and the logarithm of the information.
    private func writeHistograms(step: Int) throws {
        guard let events else { return }
        let weights = currentWeights()
        for (named, (old, new)) in zip(session.model.parameters, zip(lastWeights, weights)) {
            try write("weights/\(named.path)", new, to: events, step: step)
            if step > 0, named.parameter.isTrainable {
                try write("updates/\(named.path)", new - old, to: events, step: step)
            }
        }
        lastWeights = weights
        for (key, tensor) in session.optimizer.state.sorted(by: { $0.key < $1.key }) {
            let parts = key.split(separator: "/")
            guard parts.count == 3, parts[0] == "parameter", ["fisher", "average", "sum"].contains(parts[2])
            else { continue }
            // Elements that never had a gradient have no logarithm.
            let logarithm = tensor.log() * (1 / log(10.0))
            try write("log10_information/\(parts[1])", logarithm, to: events, step: step)
        }
    }

    private func write(_ tag: String, _ tensor: Tensor, to events: EventFileWriter, step: Int) throws {
        let values = try tensor.flattened().to(dtype: .float32).scalars(as: Float.self)
        if let histogram = Histogram(values) { try events.histogram(tag, histogram, step: step) }
    }

    private func currentWeights() -> [Tensor] {
        withoutGradients { session.model.parameters.map { $0.parameter.wrappedValue.detached().copy() } }
    }

    private static func unquoted(_ toml: String) -> String {
        toml.count > 1 && toml.hasPrefix("\"") && toml.hasSuffix("\"")
            ? String(toml.dropFirst().dropLast()) : toml
    }
}
