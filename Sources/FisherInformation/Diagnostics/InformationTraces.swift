import NeuralNet
import Torch

/// The trace of the information by layer along training.
///
///     var traces = InformationTraces(every: 100)
///     ...
///     if traces.isDue(at: step) { traces.record(step, estimate); try log.append(traces.metrics(at: step)) }
public struct InformationTraces: Sendable {
    /// The record of one step.
    public struct Moment: Hashable, Sendable {
        /// The step.
        public let step: Int
        /// The trace of the information of an observation, by layer.
        public let traces: [ParameterPath: Double]
        /// The sum over the layers.
        public let total: Double
    }

    /// The distance of two records in steps.
    public let interval: Int
    /// The records so far.
    public private(set) var moments: [Moment] = []

    /// Records nothing yet.
    ///
    /// - Parameter interval: the distance of two records in steps.
    public init(every interval: Int = 100) {
        precondition(interval > 0)
        self.interval = interval
    }

    /// Whether a step is one of those to record.
    public func isDue(at step: Int) -> Bool { step.isMultiple(of: interval) }

    /// Records a diagonal from any source.
    public mutating func record(_ estimate: DiagonalInformation, at step: Int) throws(TorchError) {
        let mean = estimate.mean
        var traces: [ParameterPath: Double] = [:]
        var total = 0.0
        for path in mean.keys.sorted() {
            guard let tensor = mean[path] else { continue }
            let trace = try tensor.sum(dtype: .float64).item()
            traces[path.parent, default: 0] += trace
            total += trace
        }
        moments.append(Moment(step: step, traces: traces, total: total))
    }

    /// The entries of a line of a run's metrics: `fisher_trace`, and `fisher_trace/<layer>` for each.
    public func metrics(at step: Int) -> [String: Double] {
        guard let moment = moments.last(where: { $0.step == step }) else { return [:] }
        var values = ["step": Double(step), "fisher_trace": moment.total]
        for (path, trace) in moment.traces { values["fisher_trace/\(path)"] = trace }
        return values
    }
}
