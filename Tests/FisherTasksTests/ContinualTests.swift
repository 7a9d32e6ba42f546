import Fisher
import FisherReports
import FisherTraining
import Foundation
import TestSupport
import Testing

@testable import FisherTasks

/// Sequences of tasks and what is measured on them.
@Suite struct ContinualTests {
    static func training(
        _ rule: any OptimizationRule, tasks: Int = 2, steps: Int = 60,
        memory: ElasticWeightConsolidation.Memory = .separate
    ) throws -> ContinualTraining {
        let (training, test) = try Digits.all.split()
        return try ContinualTraining(
            OptimizerCandidate(label: "test", rule: rule), taskCount: tasks, steps: steps, batch: 32,
            width: 24, memory: memory, training: training, test: test)
    }

    @Test func measuresAreTheirDefinitions() {
        let record = ContinualRecord(
            seed: 0, status: .completed, accuracies: [[0.9, 0.1, 0.2], [0.5, 0.8, 0.1], [0.6, 0.4, 1]],
            seconds: 1)
        #expect(abs(record.averageAccuracy! - 2.0 / 3) < 1e-12)
        // Task 1 fell from 0.9 to 0.6, task 2 from 0.8 to 0.4.
        #expect(abs(record.forgetting! - 0.35) < 1e-12)
        #expect(abs(record.learningAccuracy! - 0.9) < 1e-12)
        #expect(zip(record.averagesByStage, [0.9, 0.65, 2.0 / 3]).allSatisfy { abs($0 - $1) < 1e-12 })
        let stopped = ContinualRecord(
            seed: 0, status: .diverged(step: 3, reason: "x"), accuracies: [[1, 0]], seconds: 1)
        #expect(stopped.averageAccuracy == nil && stopped.forgetting == nil)
        let single = ContinualRecord(seed: 0, status: .completed, accuracies: [[0.7]], seconds: 1)
        #expect(single.averageAccuracy == 0.7 && single.forgetting == nil)
    }

    static let nothing = ContinualComparison(
        task: TaskSummary(name: "t", description: "t", parameterCount: 1, settings: []),
        environment: EnvironmentSummary(
            packageVersion: "", engineVersion: "", threads: 1, instructionSet: "", processorName: "",
            date: "", command: ""))
    static var silent: ProgressDisplay {
        ProgressDisplay(
            output: ProgressOutput(isTerminal: false, usesColor: false, width: { 80 }, write: { _ in }))
    }

    /// Correct answers among 451 images on three tasks after each of them, as before runs had folders; those of drawn
    /// labels as since labels are drawn by unit.
    static let known: [(method: ContinualMethod, strength: Double, correct: [[Int]])] = [
        (.none, 0, [[79, 57, 54], [94, 62, 47], [98, 64, 66]]),
        (.l2, 0.1, [[79, 57, 54], [95, 62, 49], [93, 53, 73]]),
        (.joint, 0, [[79, 57, 54], [52, 45, 27], [96, 74, 41]]),
        (.empirical, 300, [[79, 57, 54], [92, 65, 63], [90, 67, 75]]),
        (.sampled, 300, [[79, 57, 54], [91, 65, 63], [90, 67, 75]]),
        (.exact, 300, [[79, 57, 54], [91, 65, 63], [90, 67, 75]]),
        (.minibatch, 300, [[79, 57, 54], [92, 63, 55], [94, 53, 74]]),
        (.fadam, 300, [[79, 57, 54], [92, 62, 53], [96, 59, 84]]),
    ]

    /// Processes that divide the tasks' images find the loss and the accuracies of one, bit for bit.
    @Test(arguments: [2, 3])
    func sharedEvaluationsAreThoseOfOne(_ size: Int) throws {
        @Sendable func evaluated(_ processes: ProcessGroup?) throws -> [Double] {
            let training = try Self.training(try AdamW(learningRate: 0.01), tasks: 3, steps: 1)
            let session = try TrainingSession(
                try ContinualTask(training, .none, strength: 0, seed: 1), training.candidate, seed: 1)
            _ = try session.advance()
            session.dividesState = false
            session.processes = processes
            let loss = try session.evaluate().validationLoss ?? .nan
            return [loss] + session.measurements.map(\.value)
        }
        let alone = try evaluated(nil)
        #expect(alone.count == 4)
        for found in try Ranks.run(size, evaluated) { #expect(found == alone) }
    }

    @Test(arguments: known.indices)
    func resultsAreThoseBefore(_ index: Int) throws {
        let (method, strength, correct) = Self.known[index]
        var rule = try SGD(learningRate: 0.05) { $0.momentum = 0.9 }
        rule.learningRate = .cosine(0.05, steps: 15)
        let training = try Self.training(rule, tasks: 3, steps: 15)
        let record = try training(method, strength: strength, seed: 0)
        #expect(record.accuracies == correct.map { $0.map { Double($0) / 451 } })
    }

    /// Stopped in the middle of a task, at its end and after the first step of the next: what was saved continues to the bit.
    @Test(arguments: ContinualMethod.allCases, [5, 12, 13, 24])
    func restoredGoesOnExactly(_ method: ContinualMethod, _ stop: Int) throws {
        let training = try Self.training(
            try SGD(learningRate: 0.05) { $0.momentum = 0.9 }, tasks: 3, steps: 12,
            memory: stop == 13 ? .online(decay: 0.5) : .separate)
        func session() throws -> TrainingSession<ContinualTask> {
            try TrainingSession(
                try ContinualTask(training, method, strength: 1, seed: 3), training.candidate, seed: 3)
        }
        func losses(_ session: TrainingSession<ContinualTask>, to end: Int) throws -> [Double] {
            var losses: [Double] = []
            while session.progress.step < end { losses.append(try session.advance().loss) }
            return losses
        }
        let root = FileManager.default.temporaryDirectory.appending(path: "continual-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        let whole = try session()
        let expected = try losses(whole, to: 36)
        let first = try session()
        var found = try losses(first, to: stop)
        let second = try session()
        _ = try second.restore(from: try first.save(to: CheckpointStore(folder: root)))
        found += try losses(second, to: 36)
        #expect(found == expected)
        for (a, b) in zip(whole.model.parameters, second.model.parameters) {
            let values = try a.parameter.wrappedValue.scalars(as: Float.self)
            #expect(try b.parameter.wrappedValue.scalars(as: Float.self) == values)
        }
        let (one, other) = (try whole.memory.saved().tensors, try second.memory.saved().tensors)
        #expect(one.keys.sorted() == other.keys.sorted())
        for (key, tensor) in one {
            #expect(try other[key]?.scalars(as: Double.self) == tensor.scalars(as: Double.self), "\(key)")
        }
    }

    /// With no strength every method trains as none does, to the bit: protection is all that differs.
    @Test(arguments: ContinualMethod.allCases.filter(\.hasStrength))
    func withoutStrengthNothingIsProtected(_ method: ContinualMethod) throws {
        let training = try Self.training(try SGD(learningRate: 0.05) { $0.momentum = 0.9 }, steps: 12)
        let plain = try training(.none, strength: 0, seed: 3)
        let protected = try training(method, strength: 0, seed: 3)
        if method != .sampled { #expect(protected.accuracies == plain.accuracies) }
        #expect(plain.accuracies.count == 2 && plain.accuracies[0].count == 2)
    }

    @Test func protectionKeepsAndJointTrainingKeepsAll() throws {
        let training = try Self.training(try SGD(learningRate: 0.1) { $0.momentum = 0.9 }, steps: 120)
        let plain = try training(.none, strength: 0, seed: 0)
        let protected = try training(.exact, strength: 10, seed: 0)
        let joint = try training(.joint, strength: 0, seed: 0)
        #expect(protected.forgetting! < plain.forgetting!)
        #expect(joint.averageAccuracy! > plain.averageAccuracy!)
        #expect(joint.averageAccuracy! > 0.85)
    }

    @Test func fAdamBringsItsOwnInformation() throws {
        let training = try Self.training(
            try FAdam(learningRate: 1e-3), steps: 12, memory: .online(decay: 0.5))
        let record = try training(.fadam, strength: 1000, seed: 0)
        let plain = try training(.none, strength: 0, seed: 0)
        #expect(record.status == .completed)
        #expect(record.accuracies[0] == plain.accuracies[0])
        #expect(record.accuracies[1] != plain.accuracies[1])
    }

    @Test func tooMuchStrengthDivergesAndIsRecorded() throws {
        let training = try Self.training(try SGD(learningRate: 0.1), steps: 40)
        let record = try training(.l2, strength: 1e9, seed: 0)
        guard case .diverged(let step, _) = record.status else {
            Issue.record("the run completed")
            return
        }
        #expect(step > 40 && record.accuracies.count == 1)
    }

    /// Tuning takes the best strength, and what an earlier start finished is not made again: whether the result tells of it,
    /// or the folders of the runs alone.
    @Test func runnerTunesAndGoesOn() throws {
        let training = try Self.training(try SGD(learningRate: 0.1) { $0.momentum = 0.9 }, steps: 20)
        let runner = ContinualRunner(
            training: training, tuning: training, methods: [.none, .exact], strengths: [0.1, 1e9],
            seeds: [0, 1])
        let root = FileManager.default.temporaryDirectory.appending(path: "continual-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        let folder = try StudyDirectory(path: root, kind: .continual, resuming: false)
        #expect(runner.runCount(after: Self.nothing) == 6)
        var calls = 0
        let result = try runner(into: Self.nothing, in: folder, progress: Self.silent) { _ in calls += 1 }
        #expect(calls == 6 && runner.runCount(after: result) == 0)
        #expect(result.entries.map(\.strength) == [nil, 0.1])
        #expect(result.entries.allSatisfy { $0.runs.map(\.seed) == [0, 1] })
        #expect(result.warnings.contains { $0.contains("edge") })
        calls = 0
        let again = try runner(into: result, in: folder, progress: Self.silent) { _ in calls += 1 }
        #expect(calls == 0 && again == result)
        #expect(try runner(into: Self.nothing, in: folder, progress: Self.silent) { _ in } == result)
        #expect(try RunDirectory.runs(under: root).count == 6)
        // In memory it is the same.
        let alone = try training(.exact, strength: 0.1, seed: 1)
        #expect(result.entries[1].runs[1].accuracies == alone.accuracies)
        // Other methods and seeds drop nothing.
        let other = ContinualRunner(
            training: training, tuning: training, methods: [.joint], strengths: [0.1, 1e9], seeds: [2])
        let wider = try other(into: result, in: folder, progress: Self.silent) { _ in }
        #expect(wider.entries.map(\.method) == ["none", "exact", "joint"])
        #expect(Array(wider.entries.prefix(2)) == result.entries && wider.trials == result.trials)
        // A second seed of tuning adds its trials, and the best strength is that of their mean.
        let twice = ContinualRunner(
            training: training, tuning: training, methods: [.exact], strengths: [0.1, 1e9], seeds: [0],
            tuningSeeds: 2)
        #expect(twice.runCount(after: result) == 2)
        let both = try twice(into: result, in: folder, progress: Self.silent) { _ in }
        #expect(both.trials.map(\.run.seed) == [.max, .max, .max - 1, .max - 1])
        let means = [0.1, 1e9].map { strength in
            let own = both.trials.filter { $0.strength == strength }.compactMap(\.run.averageAccuracy)
            return own.reduce(0, +) / 2
        }
        #expect(both.trialAccuracy(of: "exact", strength: 0.1) == means[0])
        #expect(both.bestStrength(of: "exact") == (means[0] >= means[1] ? 0.1 : 1e9))
        // The folder of another run is refused.
        let wrong = ContinualRunner(
            training: try Self.training(try SGD(learningRate: 0.2), steps: 20), tuning: training,
            methods: [.none], strengths: [1], seeds: [0])
        #expect(throws: StorageError.self) {
            try wrong(into: Self.nothing, in: folder, progress: Self.silent) { _ in }
        }
        // What is written is read again.
        let read = try ContinualComparison(json: result.json(), path: "x")
        #expect(read == result)
        #expect(result.csv().split(separator: "\n").count == 1 + 2 * 2 * 2 * 2)
        let page = result.report()
        #expect(page.contains("<svg") && page.contains("Accuracy on each task after each task"))
        #expect(!page.contains("src=") && !page.contains("href=\"http"))
    }
}
