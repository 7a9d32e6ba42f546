import Fisher
import FisherStudies

/// Takes the times of a step of several optimizers, one after the other, with nothing of the study beside it.
///
/// Each makes its first steps on a model of its own, which is then discarded.
struct AloneTimes<Task: TrainingTask> {
    private let task: Task
    private let training: TrainingConfiguration

    /// The share of the seconds that an optimizer's runs trained which its steps may take here, and its bounds in seconds.
    private static var share: Double { 0.01 }
    private static var bounds: ClosedRange<Double> { 0.1...5 }
    /// The least seconds of all together: what else the machine does is known for half a second and more.
    private static var leastSeconds: Double { 0.55 }
    /// The fewest steps whose median is taken, and how many are made before: the first allocate what the others use again.
    private static var fewest: Int { 5 }
    private static var before: Int { 2 }

    /// Prepares a measurement of steps as runs make them.
    init(_ task: Task, _ training: TrainingConfiguration) {
        self.task = task
        self.training = training
    }

    /// The times of each optimizer's step; nil where its first steps are not finite.
    ///
    /// - Parameter entries: the optimizers, and the seconds that their runs trained.
    /// - Throws: `Interrupted`, and what the task and the optimizers throw.
    func measure(_ entries: [(candidate: OptimizerCandidate, seconds: Double)]) throws -> [StepTiming?] {
        let meter = LoadMeter()
        var times = try entries.map { entry in
            let least = max(Self.bounds.lowerBound, Self.leastSeconds / Double(entries.count))
            return try time(
                entry.candidate,
                for: .seconds(min(max(entry.seconds * Self.share, least), Self.bounds.upperBound)))
        }
        let load = meter.load()
        for place in times.indices { times[place]?.load = load }
        return times
    }

    private func time(_ candidate: OptimizerCandidate, for limit: Duration) throws -> StepTiming? {
        do {
            let session = try TrainingSession(
                task, candidate, seed: 0, microBatches: training.microBatches, precision: training.precision)
            for _ in 0..<Self.before { _ = try session.advance() }
            var (passes, updates): ([Double], [Double]) = ([], [])
            let begin = ContinuousClock.now
            repeat {
                try Interruption.poll()
                let report = try session.advance()
                passes.append(report.gradientTime / .milliseconds(1))
                updates.append(report.updateTime / .milliseconds(1))
            } while passes.count < Self.fewest || begin.duration(to: .now) < limit
            return StepTiming(
                forwardBackwardMilliseconds: SampleSummary.median(passes) ?? 0,
                optimizerMilliseconds: SampleSummary.median(updates) ?? 0, steps: passes.count)
        } catch is NonFiniteError {
            return nil
        } catch is RunDivergence {
            return nil
        }
    }
}
