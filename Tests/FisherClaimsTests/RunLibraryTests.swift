import FisherFiles
import FisherStudies
import FisherTraining
import Foundation
import Synchronization
import Testing

@testable import FisherClaims

/// Runs of a small classifier of digits: a few steps each.
@Suite struct RunLibraryTests {
    static let problem = Problem(
        "small", task: "digits", preset: "perceptron",
        ["training.steps": "4", "data.batch": "32", "optimizer.schedule": "constant"])

    static func context(
        _ path: String, seeds: [UInt64] = [0, 1], evidence: ClaimEvidence = .seeds(atLeast: 2)
    ) -> ClaimContext {
        ClaimContext(
            .short, seeds: seeds, evidence: evidence, runs: RunLibrary(path: path), folder: path + "/claim",
            progress: ProgressDisplay(output: .silent))
    }

    static func withFolder(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "claims-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    static func runs(_ path: String) throws -> [String] {
        try RunDirectory.runs(under: path).map { String($0.path.dropFirst(path.count + 1)) }
    }

    /// The best of the ladder lies inside, or the arm says so; trials are on other seeds and other data than runs.
    @Test func armsAreTunedOnDataOfTheirOwn() throws {
        try Self.withFolder { path in
            let arm = try Self.context(path).tuned(Arm("sgd", rates: [0.5, 0.1]), on: Self.problem)
            #expect(arm.isTuned && arm.label == "sgd")
            #expect(arm.trials.map(\.rate).contains(0.1) && arm.trials.map(\.rate).contains(0.5))
            let best = try #require(arm.trials.min { $0.loss < $1.loss })
            #expect(arm.rate == best.rate)
            let rates = arm.trials.map(\.rate)
            #expect(arm.isInterior == (arm.rate != rates.min() && arm.rate != rates.max()))
            #expect(arm.runs.map(\.record.seed) == [0, 1])
            #expect(arm.losses.count == 2)
            let documents = try RunDirectory.runs(under: path).map { try $0.document() }
            let tuning = documents.filter { ReservedSeeds.tuning(1).contains($0.record.seed) }
            #expect(tuning.count == rates.count && documents.count == rates.count + 2)
            #expect(Set(tuning.map(\.dataFingerprint)).isDisjoint(with: arm.runs.map { fingerprint($0) }))
            func fingerprint(_ run: TunedArm.Run) -> String {
                (try? run.folder.document().dataFingerprint) ?? ""
            }
        }
    }

    /// Whatever two claims call an optimizer or a problem: the same runs are made once.
    @Test func equalRunsAreShared() throws {
        try Self.withFolder { path in
            let first = try Self.context(path).trained(
                Arm("adamw:beta2=0.99,clip_gradient_norm=1", rates: [0.01]), at: 0.01, on: Self.problem)
            let made = try Self.runs(path)
            #expect(made.count == 2)
            let renamed = Problem(
                "another name", task: "digits", preset: "perceptron",
                [
                    "data.batch": "32", "training.steps": "4", "optimizer.schedule": "constant",
                    "training.threads": "1",
                ])
            let second = try Self.context(path, seeds: [0, 1, 2]).trained(
                Arm("adamw:clip_gradient_norm=1.0,beta2=0.99", rates: [0.01], label: "clipped"), at: 0.01,
                on: renamed)
            #expect(second.label == "clipped" && second.losses.count == 3)
            #expect(second.losses.filter { $0.key < 2 } == first.losses)
            #expect(try Self.runs(path).count == 3)
            // Another rate, another option, another length and another schedule are other runs.
            for (arm, rate, problem) in [
                ("adamw:beta2=0.99,clip_gradient_norm=1", 0.02, Self.problem),
                ("adamw:beta2=0.98,clip_gradient_norm=1", 0.01, Self.problem),
                (
                    "adamw:beta2=0.99,clip_gradient_norm=1", 0.01,
                    Problem(
                        "small", task: "digits", preset: "perceptron",
                        ["training.steps": "5", "data.batch": "32", "optimizer.schedule": "constant"])
                ),
                (
                    "adamw:beta2=0.99,clip_gradient_norm=1", 0.01,
                    Problem(
                        "small", task: "digits", preset: "perceptron",
                        ["training.steps": "4", "data.batch": "32", "optimizer.schedule": "cosine"])
                ),
            ] {
                let before = try Self.runs(path).count
                _ = try Self.context(path, seeds: [0]).trained(
                    Arm(arm, rates: [rate]), at: rate, on: problem)
                #expect(try Self.runs(path).count == before + 1)
            }
        }
    }

    /// `fisher train --config` on a run's configuration makes the same run.
    @Test func configurationsRepeatRuns() throws {
        try Self.withFolder { path in
            let arm = try Self.context(path, seeds: [3]).trained(
                Arm("fadam:rho=0.6", rates: [0.004]), at: 0.004, on: Self.problem)
            let run = try #require(arm.runs.first)
            let layer = try ConfigurationLayer(tomlFile: run.folder.configurationFile)
            let values = Dictionary(layer.values.map { ($0.key, $0.pieces) }) { $1 }
            #expect(values["optimizer.rule"] == ["fadam"] && values["optimizer.power"] == ["0.6"])
            #expect(values["training.seed"] == ["3"] && values["model.network"] == ["perceptron"])
            #expect(try run.folder.document().configuration["data.batch"] == "32")
        }
    }

    /// Two libraries on one folder, as two processes have them: each run is trained once.
    @Test func runsOfAnotherProcessAreWaitedFor() throws {
        try Self.withFolder { path in
            let arm = try Self.context(path, seeds: [0]).trained(
                Arm("sgd", rates: [0.1]), at: 0.1, on: Self.problem)
            let folder = try #require(arm.runs.first).folder.path
            // The run of seed 1 is begun elsewhere: its folder is locked for a while.
            let other = folder.replacing("seed-0", with: "seed-1")
            try DurableStorage.makeFolder(other)
            let lock = Mutex<FolderLock?>(nil)
            lock.withLock { $0 = try? FolderLock(folder: other) }
            let released = Mutex(false)
            let text = Mutex("")
            try withWorker { start in
                start {
                    for _ in 0..<600 where !text.withLock({ $0.contains("waiting for") }) {
                        Thread.sleep(forTimeInterval: 0.05)
                    }
                    released.withLock { $0 = true }
                    lock.withLock { $0 = nil }
                }
                let context = ClaimContext(
                    .short, seeds: [0, 1, 2], evidence: .seeds(atLeast: 2), runs: RunLibrary(path: path),
                    folder: path + "/claim",
                    progress: ProgressDisplay(
                        output: ProgressOutput(isTerminal: false, usesColor: false, width: { 80 }) { line in
                            text.withLock { $0 += line }
                        }))
                let all = try context.trained(Arm("sgd", rates: [0.1]), at: 0.1, on: Self.problem)
                #expect(released.withLock { $0 })
                #expect(all.losses.count == 3)
            }
            let lines = text.withLock { $0 }
            // The free run came first.
            let (free, held) = (lines.range(of: "seed 2: val"), lines.range(of: "seed 1: val"))
            #expect(try #require(free).lowerBound < #require(held).lowerBound, "\(lines)")
            #expect(lines.contains("waiting for sgd, rate 0.1, seed 1"))
        }
    }

    private func withWorker(_ body: ((@escaping @Sendable () -> Void) -> Void) throws -> Void) throws {
        try body { work in Thread.detachNewThread(work) }
    }

    /// A rate at which everything diverges: recorded, and worse than any loss.
    @Test func divergedRunsAreRecorded() throws {
        try Self.withFolder { path in
            let context = Self.context(path, seeds: [0, 1, 2])
            let good = try context.trained(Arm("sgd", rates: [0.1]), at: 0.1, on: Self.problem)
            let bad = try context.trained(
                Arm("sgd", rates: [1e60], label: "far"), at: 1e60, on: Self.problem)
            #expect(bad.divergedSeeds == [0, 1, 2] && bad.losses.isEmpty)
            let worse = context.contrast(
                bad, to: good, quantity: "loss", decidedBy: .better(margin: 0.1))
            #expect(worse.verdict == .doesNotHold && worse.seeds.isEmpty && worse.mean.isNaN)
            #expect(worse.note.contains("far diverged in 3 of 3 runs"))
            let better = context.contrast(good, to: bad, quantity: "loss", decidedBy: .noWorse(margin: 0.1))
            #expect(better.verdict == .holds)
            let tuned = try context.tuned(Arm("sgd", rates: [1e59, 1e60]), on: Self.problem)
            #expect(!tuned.isInterior && tuned.trials.allSatisfy { $0.loss == .infinity })
        }
    }

    /// Too few seeds and a best at the edge decide nothing, however clear the difference.
    @Test func verdictsNeedSeedsAndAnInteriorBest() throws {
        func arm(_ label: String, _ losses: [Double], edge: Bool = false) -> TunedArm {
            var record = TuningRecord(
                label: label, grid: OptionGrid([.init(option: "learning_rate", values: ["1", "2", "3"])]))
            let best = edge ? 2 : 1
            for (index, rate) in ["1", "2", "3"].enumerated() {
                record.trials.append(
                    .init(
                        settings: [Setting("learning_rate", rate)],
                        runs: [run(0, index == best ? 0 : 1)]))
            }
            return TunedArm(
                label: label, rate: edge ? 3 : 2, tuning: record,
                runs: losses.enumerated().map {
                    .init(record: run(UInt64($0), $1), folder: RunDirectory(path: "x"))
                })
        }
        func run(_ seed: UInt64, _ loss: Double) -> RunRecord {
            RunRecord(
                seed: seed, status: .completed, curve: [], finalValidationLoss: loss,
                forwardBackwardMilliseconds: 1, optimizerMilliseconds: 1, stateBytes: 1)
        }
        let low = arm("low", [1.0, 1.1, 1.2, 1.05, 1.15])
        let high = arm("high", [2.0, 2.1, 2.21, 2.05, 2.15])
        let context = Self.context("/nowhere", evidence: .seeds(atLeast: 5))
        func verdict(_ arm: TunedArm, _ reference: TunedArm, _ context: ClaimContext) -> ClaimVerdict {
            context.contrast(arm, to: reference, quantity: "loss", decidedBy: .better(margin: 0.1)).verdict
        }
        #expect(low.isInterior && verdict(low, high, context) == .holds)
        #expect(verdict(high, low, context) == .doesNotHold)
        #expect(verdict(low, arm("edge", [2, 2.1, 2.2, 2.3, 2.4], edge: true), context) == .undecided)
        #expect(verdict(arm("edge", [0, 0, 0, 0, 0], edge: true), high, context) == .undecided)
        #expect(verdict(low, high, Self.context("/nowhere", evidence: .seeds(atLeast: 6))) == .undecided)
        let sentence = context.contrast(low, to: high, quantity: "loss", decidedBy: .better(margin: 0.1))
            .sentence
        #expect(sentence == "Loss: low less high is -1.0020 [-1.0076, -0.9964], 5 seeds.")
    }

    @Test(arguments: [
        (Arm("fadm", rates: [0.1]), problem, "did you mean fadam?"),
        (Arm("adamw:beta2", rates: [0.1]), problem, "is no optimizer"),
        (Arm("adamw", rates: [0.1]), Problem("p", task: "digts", [:]), "did you mean digits?"),
        (
            Arm("adamw", rates: [0.1]), Problem("p", task: "digits", ["data.bach": "3"]),
            "problem p: data.bach"
        ),
        (
            Arm("adamw", rates: [0.1]), Problem("p", task: "digits", preset: "cn", [:]),
            "did you mean cnn?"
        ),
    ])
    func mistakesAreNamed(arm: Arm, problem: Problem, text: String) throws {
        try Self.withFolder { path in
            let error = #expect(throws: (any Error).self) {
                try Self.context(path).trained(arm, at: 0.1, on: problem)
            }
            let sentence = error.map { "\($0)" } ?? ""
            #expect(sentence.contains(text), "\(sentence)")
        }
    }
}

extension ProgressOutput {
    static let silent = ProgressOutput(isTerminal: false, usesColor: false, width: { 80 }) { _ in }
}
