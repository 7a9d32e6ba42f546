import Fisher
import Foundation
import Synchronization
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// Each rule's state is in its checkpoint, whole.
@Suite struct RestoredSessionTests {
    @Test(arguments: RuleRegistry.rules.map { $0.summary.name })
    func restoredGoesOnExactly(_ name: String) throws {
        func session() throws -> TrainingSession<ToyTask> {
            try TrainingSession(ToyTask(), try ToyTask.candidate(name), seed: 3, microBatches: 2)
        }
        func run(to end: Int, _ session: TrainingSession<ToyTask>) throws -> [Double] {
            var losses: [Double] = []
            while session.progress.step < end {
                losses.append(try session.advance().loss)
                if session.progress.step % 5 == 0 { _ = try session.evaluate() }
            }
            return losses
        }
        func weights(_ session: TrainingSession<ToyTask>) throws -> [[Float]] {
            try session.model.parameters.map { try $0.parameter.wrappedValue.scalars(as: Float.self) }
        }
        let whole = try session()
        let expected = try run(to: 20, whole)
        // One run is saved three times on its way, and each checkpoint is continued to the end.
        try ToyTask.withFolder { root in
            let store = CheckpointStore(folder: root)
            let first = try session()
            var found: [Double] = []
            for stop in [1, 7, 12] {
                found += try run(to: stop, first)
                let saved = try first.save(to: store, companion: ["x": stop])
                let second = try session()
                #expect(try second.restore(from: saved) == ["x": stop])
                #expect(try found + run(to: 20, second) == expected)
                #expect(try weights(second) == weights(whole))
                let (curve, other) = (whole.progress.curve, second.progress.curve)
                #expect(curve.map(\.validationLoss) == other.map(\.validationLoss))
                #expect(curve.map(\.trainingLoss) == other.map(\.trainingLoss))
            }
        }
    }
}

/// The loop of a run does what is due, and stops where it should.
@Suite(.serialized) struct TrainingSessionTests {
    @Test func runningAveragesAreInTheCheckpoint() throws {
        try ToyTask.withFolder { root in
            func session() throws -> TrainingSession<ToyTask> {
                try TrainingSession(ToyTask(normalizes: true), try ToyTask.candidate("fadam"), seed: 3)
            }
            let (first, second) = (try session(), try session())
            for _ in 0..<4 { _ = try first.advance(measures: true) }
            _ = try second.restore(from: try first.save(to: CheckpointStore(folder: root)))
            let mean: [Float] = try #require(first.model.norm).runningMean.scalars()
            #expect(mean.allSatisfy { $0 != 0 })
            #expect(try #require(second.model.norm).runningMean.scalars() == mean)
            let loss = try first.evaluate().validationLoss
            #expect(try second.evaluate().validationLoss == loss)
            #expect(!first.optimizer.describe().contains("running"))
        }
    }

    @Test func anotherRunsCheckpointIsRefused() throws {
        try ToyTask.withFolder { root in
            let session = try TrainingSession(ToyTask(), try ToyTask.candidate("adam"), seed: 1)
            _ = try session.advance()
            let saved = try session.save(to: CheckpointStore(folder: root))
            for (name, seed) in [("fadam", UInt64(1)), ("adam", 2)] {
                let other = try TrainingSession(ToyTask(), try ToyTask.candidate(name), seed: seed)
                let error = #expect(throws: StorageError.self) { try other.restore(from: saved) }
                #expect(error?.reason.contains("is of another run") == true)
            }
        }
    }

    private func durableRun(
        _ root: String, _ task: ToyTask = ToyTask(), steps: Int = 20, patience: Int = 0, keep: Int = 2
    ) throws -> DurableRun<ToyTask> {
        var configuration = TrainingConfiguration()
        configuration.steps = steps
        configuration.evaluateEvery = 5
        configuration.checkpointEvery = 3
        configuration.patience = patience
        configuration.keep = keep
        return DurableRun(
            task, try ToyTask.candidate("fadam"), in: RunDirectory(path: root), training: configuration,
            values: ["training.steps": "\(steps)"], environment: .example)
    }

    @Test func aRunLeavesItsFiles() throws {
        try ToyTask.withFolder { root in
            let document = try durableRun(root)()
            #expect(document.phase == .completed)
            #expect(document.record.curve.map(\.step) == [0, 5, 10, 15, 20])
            let directory = RunDirectory(path: root)
            #expect(try directory.document() == document)
            let steps = try directory.checkpoints.list().map(\.step)
            #expect(steps.first == 20)
            #expect(try directory.checkpoints.best != nil)
            let text = try String(contentsOfFile: directory.metricsFile, encoding: .utf8)
            #expect(text.split(separator: "\n").count == 20 + 5)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory.eventsFolder).count == 1)
            let error = #expect(throws: StorageError.self) {
                try durableRun(root)()
            }
            #expect(error?.kind == .cannotCreate)
            // Resuming what is complete changes nothing.
            #expect(try durableRun(root)(resuming: true).record.curve == document.record.curve)
        }
    }

    /// A signal during an evaluation: what was done is saved, and the rest comes out the same.
    @Test func interruptedEvaluationIsMadeUpFor() throws {
        try ToyTask.withFolder { root in
            let whole = try durableRun(root + "/whole")()
            defer { Interruption.reset() }
            var task = ToyTask()
            let evaluations = Counter()
            task.duringEvaluation = {
                if evaluations.next() == 3 { throw Interrupted(signal: "SIGTERM") }
            }
            #expect(throws: Interrupted.self) {
                try durableRun(root + "/cut", task)()
            }
            let directory = RunDirectory(path: root + "/cut")
            #expect(try directory.document().phase == .interrupted)
            #expect(try directory.checkpoints.list().first?.step == 10)
            let resumed = try durableRun(root + "/cut")(resuming: true)
            #expect(
                resumed.record.curve.map(\.validationLoss) == whole.record.curve.map(\.validationLoss))
            #expect(resumed.resumes.map(\.step) == [10])
            func metrics(_ name: String) throws -> [String] {
                try String(contentsOfFile: root + "/\(name)/metrics.jsonl", encoding: .utf8)
                    .replacing(/"seconds":[^,}]*,?/, with: "").split(separator: "\n").map(String.init)
            }
            #expect(try metrics("whole") == metrics("cut"))
            for file in ["model", "optimizer"] {
                let name = "/checkpoints/step-000000020/\(file).safetensors"
                let (a, b) = (root + "/whole" + name, root + "/cut" + name)
                #expect(try Data(contentsOf: URL(filePath: a)) == Data(contentsOf: URL(filePath: b)))
            }
        }
    }

    @Test func patienceEndsARun() throws {
        try ToyTask.withFolder { root in
            var task = ToyTask()
            task.neverImproves = true
            let document = try durableRun(root, task, patience: 2)()
            #expect(document.phase == .stoppedEarly)
            #expect(document.record.curve.map(\.step) == [0, 5, 10])
        }
    }

    @Test func aLossThatIsNotFiniteStopsBeforeTheWeights() throws {
        try ToyTask.withFolder { root in
            var task = ToyTask()
            task.breaksAfter = 7
            let error = #expect(throws: NonFiniteError.self) {
                try durableRun(root, task)()
            }
            #expect(error?.update == 8)
            let document = try RunDirectory(path: root).document()
            #expect(document.phase == .diverged)
            #expect(try RunDirectory(path: root).checkpoints.list().first?.step == 6)
        }
    }

    /// Callbacks see the session after each step and evaluation; what one throws ends the run, which can be resumed.
    @Test func callbacksFollowARun() throws {
        struct Enough: Error {}
        try ToyTask.withFolder { root in
            var (steps, points, pauses): ([Int], [Int], Int) = ([], [], 0)
            let loop = TrainingLoop(
                try TrainingSession(ToyTask(), try ToyTask.candidate("adam"), seed: 1),
                length: RunLength(steps: 7, evaluateEvery: 3))
            let end = try withoutActuallyEscaping({ (step: Int?, point: Int?) in
                if let step { steps.append(step) }
                if let point { points.append(point) }
                if step == nil && point == nil { pauses += 1 }
            }) { note in
                try loop(
                    .init(
                        afterStep: { session, _ in note(session.progress.step, nil) },
                        afterEvaluation: { _, point in note(nil, point.step) },
                        betweenSteps: { _ in note(nil, nil) }))
            }
            #expect(end == .completed)
            #expect(steps == Array(1...7) && points == [0, 3, 6, 7] && pauses == 8)

            #expect(throws: Enough.self) {
                try durableRun(root)(
                    callbacks: .init(afterStep: { session, _ in
                        if session.progress.step == 8 { throw Enough() }
                    }))
            }
            #expect(try RunDirectory(path: root).checkpoints.list().first?.step == 6)
            let resumed = try durableRun(root)(resuming: true)
            let whole = try durableRun(root + "/whole")()
            #expect(
                resumed.record.curve.map(\.validationLoss) == whole.record.curve.map(\.validationLoss))
        }
    }
}

/// Counts calls from anywhere.
final class Counter: Sendable {
    private let value = Mutex(0)
    func next() -> Int {
        value.withLock {
            $0 += 1
            return $0
        }
    }
}
