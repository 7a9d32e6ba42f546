import Fisher
import FisherOptions
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// Comparisons are made of run folders: continued in the middle, never replaced, never counted twice.
@Suite struct StudyRunTests {
    private struct Crash: Error {}

    /// Every run is a folder like that of a single run, with its checkpoints, log and events.
    @Test func everyRunIsAFolder() throws {
        try ToyTask.withFolder { root in
            let candidates = try [ToyTask.candidate("adam"), ToyTask.candidate("fadam")]
            let result = try StudyCase.compare(candidates, seeds: [3, 4], in: root)
            #expect(result.entries.map(\.runs.count) == [2, 2])
            let names = try RunDirectory.runs(under: root).map { $0.path.dropFirst(root.count + 1) }
            #expect(names == ["adam", "fadam"].flatMap { ["runs/\($0)/seed-3", "runs/\($0)/seed-4"] })
            let run = RunDirectory(path: root + "/runs/fadam/seed-4")
            let document = try run.document()
            #expect(document.record == result.entries[1].runs[1])
            #expect(document.phase == .completed && document.options == candidates[1].options)
            let log = try String(contentsOfFile: run.metricsFile, encoding: .utf8)
            #expect(log.split(separator: "\n").count == 12 + 4)
            #expect(try DurableStorage.names(inFolder: run.eventsFolder)?.count == 1)
            #expect(try SavedModel(at: run.path).weights.hasSuffix("/model.safetensors"))
            #expect(try run.checkpoints.newest()?.checkpoint.step == 12)
        }
    }

    /// A process that dies at any evaluation of any run: the next start ends in the same records and the same bytes.
    @Test(arguments: [1, 2, 3, 5, 7, 8])
    func aKilledComparisonEndsInTheSameBytes(_ evaluations: Int) throws {
        try ToyTask.withFolder { root in
            let candidates = try [ToyTask.candidate("adam"), ToyTask.candidate("fadam")]
            let whole = try StudyCase.compare(candidates, seeds: [1], in: root + "/whole")
            let counter = Counter()
            var broken = ToyTask()
            broken.duringEvaluation = { if counter.next() == evaluations { throw Crash() } }
            #expect(throws: Crash.self) {
                try StudyCase.compare(candidates, seeds: [1], in: root + "/cut", task: broken)
            }
            let cut = try StudyCase.compare(candidates, seeds: [1], in: root + "/cut")
            #expect(
                cut.entries.map { $0.runs.map(\.withoutTimes) }
                    == whole.entries.map { $0.runs.map(\.withoutTimes) })
            for name in ["adam", "fadam"] {
                let bytes = try ["whole", "cut"].map { start in
                    let run = RunDirectory(path: "\(root)/\(start)/runs/\(name)/seed-1")
                    let newest = try #require(try run.checkpoints.newest()?.checkpoint)
                    #expect(newest.step == 12)
                    return try ["model", "optimizer"].map {
                        try Data(contentsOf: URL(filePath: "\(newest.path)/\($0).safetensors"))
                    }
                }
                #expect(bytes[0] == bytes[1])
            }
            // The second run was not repeated but continued where its first evaluations had been saved.
            let second = try RunDirectory(path: root + "/cut/runs/fadam/seed-1").document()
            #expect(second.resumes.isEmpty == (evaluations < 7))
        }
    }

    /// A run that came to its end is read from its folder even if the process died before it wrote the results.
    @Test func finishedRunsAreNotRepeated() throws {
        try ToyTask.withFolder { root in
            let candidates = [try ToyTask.candidate("adam")]
            let first = try StudyCase.compare(candidates, seeds: [1], in: root)
            try FileManager.default.removeItem(atPath: root + "/results.json")
            var broken = ToyTask()
            broken.duringEvaluation = { throw Crash() }
            let again = try StudyCase.compare(candidates, seeds: [1], in: root, task: broken)
            #expect(again.entries == first.entries)
        }
    }

    /// Other optimizers and other seeds are added; what was there stays, and a sentence says so.
    @Test func anotherListDropsNothing() throws {
        try ToyTask.withFolder { root in
            let adam = try ToyTask.candidate("adam")
            let first = try StudyCase.compare(
                [adam, try ToyTask.candidate("fadam")], seeds: [1, 2], in: root)
            let notes = StudyCase.Transcript()
            let changed = try adam.setting([Setting("beta1", "0.5")])
            let second = try StudyCase.compare(
                [try ToyTask.candidate("sgd"), changed, try ToyTask.candidate("fadam")], seeds: [2, 3],
                in: root,
                notes: notes)
            #expect(second.entries.map(\.label) == ["adam", "fadam", "sgd", "adam (2)"])
            #expect(second.entries.map { $0.runs.map(\.seed) } == [[1, 2], [1, 2, 3], [2, 3], [2, 3]])
            #expect(Array(second.entries[1].runs.prefix(2)) == first.entries[1].runs)
            #expect(second.entries[0] == first.entries[0])
            #expect(notes.text.contains("not asked for now stay: adam (seed 1, 2); fadam (seed 1)\n"))
            #expect(try RunDirectory.runs(under: root + "/runs/adam-2").count == 2)
            // The numbered one is found again, and nothing is made twice.
            let third = try StudyCase.compare([changed], seeds: [2, 3], in: root)
            #expect(third.entries == second.entries)
        }
    }

    /// A run that its patience ended did not finish its schedule: its last loss counts in no mean.
    @Test func aRunThatStoppedEarlyIsNotComparedAtItsLastValue() throws {
        try ToyTask.withFolder { root in
            _ = try StudyCase.compare([try ToyTask.candidate("adam")], seeds: [1, 2], in: root)
            var runs = try RunDirectory.runs(under: root).map { ($0, try $0.document()) }
            runs[1].1.phase = .stoppedEarly
            let row = ComparisonSummary(of: try OptimizerComparison(runs)).rows[0]
            #expect((row.completedCount, row.interruptedCount, row.finalLoss?.count) == (1, 1, 1))
        }
    }

    /// A rule that diverges stops no other, and its last finite state is kept.
    @Test func aRuleThatDivergesStopsNoOther() throws {
        try ToyTask.withFolder { root in
            let wild = OptimizerCandidate(label: "sgd", rule: try SGD(learningRate: 1e30))
            let result = try StudyCase.compare(
                [wild, try ToyTask.candidate("adam")], seeds: [1, 2], in: root)
            #expect(result.entries[0].runs.allSatisfy { $0.completedLoss == nil && $0.isFinal })
            #expect(result.entries[1].runs.allSatisfy { $0.status == .completed })
            #expect(try RunDirectory(path: root + "/runs/sgd/seed-1").document().phase == .diverged)
            let again = try StudyCase.compare([wild], seeds: [1, 2], in: root)
            #expect(again.entries == result.entries)
        }
    }

    /// What cannot train the task is refused before anything is trained.
    @Test func aRuleThatCannotTrainIsRefusedBeforehand() throws {
        try ToyTask.withFolder { root in
            var training = TrainingConfiguration()
            training.microBatches = 17
            let folder = try StudyDirectory(path: root, resuming: false)
            let runner = ComparisonRunner(ToyTask(), runs: StudyRuns(training), in: folder)
            #expect(throws: OptimizerError.self) {
                try runner(
                    [try ToyTask.candidate("adam")], seeds: [1], into: StudyCase.empty,
                    progress: StudyCase.silent
                ) { _ in }
            }
            #expect(try DurableStorage.names(inFolder: root + "/runs") == nil)
        }
    }

    /// A new start never replaces results or runs, a second process is refused.
    @Test func aFolderIsHeldByOneAndNotReplaced() throws {
        try ToyTask.withFolder { root in
            func refusal(_ resuming: Bool) -> StorageError? {
                #expect(throws: StorageError.self) { try StudyDirectory(path: root, resuming: resuming) }
            }
            withExtendedLifetime(try StudyDirectory(path: root, resuming: false)) {
                let error = refusal(true)
                #expect(error?.kind == .inUse && error?.reason.contains("process \(getpid())") == true)
            }
            try FileManager.default.createDirectory(
                atPath: root + "/runs/adam/seed-0", withIntermediateDirectories: true)
            #expect(
                refusal(false)?.description.contains("already holds runs: continue with --resume") == true)
            _ = try StudyDirectory(path: root, resuming: true)
            try Data().write(to: URL(filePath: root + "/results.json"))
            #expect(refusal(false)?.kind == .cannotCreate)
            try Data().write(to: URL(filePath: root + "/run.json"))
            #expect(refusal(true)?.reason.contains("already holds a run") == true)
        }
    }

    @Test(arguments: [
        ("adamw + gradient clip 1.0", "adamw-gradient-clip-1-0"), ("/../é ", "run"), ("", "run"),
        ("FAdam -- 1e-3", "fadam-1e-3"),
        (String(repeating: "ab ", count: 99), String(repeating: "ab-", count: 15) + "ab"),
    ])
    func namesOfFoldersAreShortAndPlain(_ label: String, _ expected: String) {
        #expect(StudyDirectory.slug(label) == expected)
        #expect(StudyDirectory.slug(label).count <= 48)
    }

    /// Labels of one name get folders of their own, which are found again by what their runs say.
    @Test func labelsOfOneNameHaveFoldersOfTheirOwn() throws {
        try ToyTask.withFolder { root in
            let labels = ["adam + a b", "adam + a/b", "adam a-b"]
            func candidates(_ labels: [String]) throws -> [OptimizerCandidate] {
                try labels.map { try ToyTask.candidate("adam").setting([], label: $0) }
            }
            let first = try StudyCase.compare(try candidates(labels), seeds: [1], in: root)
            let names = try #require(try DurableStorage.names(inFolder: root + "/runs"))
            #expect(names.sorted() == ["adam-a-b", "adam-a-b-2", "adam-a-b-3"])
            try FileManager.default.removeItem(atPath: root + "/results.json")
            let again = try StudyCase.compare(try candidates(labels.reversed()), seeds: [1], in: root)
            #expect(again.entries == first.entries.reversed())
            #expect(try DurableStorage.names(inFolder: root + "/runs")?.count == 3)
        }
    }

    /// Runs of other data or another length are not taken for the ones that are asked for.
    @Test func aRunOfAnotherLengthIsRefused() throws {
        try ToyTask.withFolder { root in
            let candidates = [try ToyTask.candidate("adam")]
            _ = try StudyCase.compare(candidates, seeds: [1], in: root)
            let folder = try StudyDirectory(path: root, resuming: true)
            let longer = ComparisonRunner(ToyTask(), runs: StudyCase.runs(steps: 16), in: folder)
            let error = #expect(throws: StorageError.self) {
                try longer(candidates, seeds: [1], into: StudyCase.empty, progress: StudyCase.silent) { _ in }
            }
            #expect(error?.reason.contains("(steps 12, not 16)") == true)
        }
    }
}

/// The configuration in a run's folder makes the same optimizer and the same seed again.
@Suite struct StudyConfigurationTests {
    struct Example: ConfigurableOptions {
        @Configurable("model.width", .atLeast(1), "width") var width = 8
    }

    @Test(arguments: RuleRegistry.rules.map { $0.summary.name }, [0, UInt64.max])
    func aConfigurationRepeatsItsRun(_ name: String, _ seed: UInt64) throws {
        var rule = try RuleRegistry.rule(named: name)
        rule.learningRate = seed == 0 ? .constant(0.003) : .cosine(0.5, steps: 30, warmUp: 3)
        let candidate = OptimizerCandidate(label: name, rule: rule, clipGradientNorm: seed == 0 ? nil : 0.5)
        var configuration = RunConfiguration<Example>()
        (configuration.task.width, configuration.training.keep) = (12, 1)
        (configuration.optimizer.schedule, configuration.optimizer.warmUp) = (.inverseSquareRoot, 7)
        let made = try ResolvedConfiguration(configuration.run(of: candidate, seed: seed))
        try ToyTask.withFolder { root in
            try Data(made.toml.utf8).write(to: URL(filePath: root + "/config.toml"))
            let again = try ResolvedConfiguration<Example>([
                try ConfigurationLayer(tomlFile: root + "/config.toml")
            ])
            #expect(again.toml == made.toml && again.tomlValues == made.tomlValues)
            #expect(again.value.training.seed == seed && again.value.task.width == 12)
            #expect(try again.value.optimizer.candidate(steps: 30).options == candidate.options)
        }
    }
}
