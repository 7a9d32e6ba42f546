import Fisher
import FisherTraining
import Synchronization

/// Comparisons of the toy task, short and silent.
enum StudyCase {
    /// What a display wrote.
    final class Transcript: Sendable {
        private let lines = Mutex("")
        var text: String { lines.withLock { $0 } }
        func write(_ text: String) { lines.withLock { $0 += text } }
    }

    static var silent: ProgressDisplay { display(Transcript()) }

    static func display(_ transcript: Transcript) -> ProgressDisplay {
        ProgressDisplay(
            output: ProgressOutput(
                isTerminal: false, usesColor: false, width: { 80 }, write: { transcript.write($0) }))
    }

    static func runs(steps: Int = 12) -> StudyRuns {
        var training = TrainingConfiguration()
        (training.steps, training.evaluateEvery, training.keep) = (steps, 4, 1)
        training.histograms = false
        return StudyRuns(training)
    }

    static var empty: OptimizerComparison {
        OptimizerComparison(task: ToyTask().summary, environment: .current(), entries: [])
    }

    /// Compares rules in a folder, goes on where results are, and keeps the results in it.
    static func compare(
        _ candidates: [OptimizerCandidate], seeds: [UInt64], in root: String, task: ToyTask = ToyTask(),
        notes: Transcript = Transcript()
    ) throws -> OptimizerComparison {
        let folder = try StudyDirectory(path: root, resuming: true)
        let files = folder.files
        let earlier = files.hasResult ? try files.read(OptimizerComparison.self) : empty
        return try ComparisonRunner(task, runs: runs(), in: folder)(
            candidates, seeds: seeds, into: earlier, progress: display(notes)
        ) { try files.write($0) }
    }
}

extension RunRecord {
    /// The record without what a clock measured.
    var withoutTimes: RunRecord {
        var record = self
        (record.forwardBackwardMilliseconds, record.optimizerMilliseconds) = (0, 0)
        (record.load, record.sideBySide) = (nil, nil)
        record.curve = record.curve.map { point in
            var point = point
            point.seconds = 0
            return point
        }
        return record
    }
}
