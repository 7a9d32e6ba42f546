import Fisher
import Foundation
import Testing

@testable import FisherFiles
@testable import FisherStudies
@testable import FisherTraining

/// What a list tells of runs and studies is so at that moment: a killed one does not run.
@Suite struct RunListingTests {
    private struct Crash: Error {}

    /// A document that says `running`, as a kill leaves it.
    private func leaveRunning(_ root: String) throws {
        #expect(throws: Crash.self) {
            try ResumeTests.run(root)(
                callbacks: .init(afterStep: { session, _ in if session.progress.step == 7 { throw Crash() } })
            )
        }
    }

    private func states(_ root: String) throws -> [String] {
        try RunListing(of: [root]).runs.map(\.state)
    }

    @Test func aRunWithoutItsProcessIsKilled() throws {
        try ToyTask.withFolder { root in
            try leaveRunning(root)
            #expect(try RunDirectory(path: root).document().phase == .running)
            #expect(try states(root) == ["killed"])
            do {
                let lock = try FolderLock(folder: root)
                #expect(try states(root) == ["running"])
                withExtendedLifetime(lock) {}
            }
            #expect(try states(root) == ["killed"])
            try ResumeTests.run(root)(resuming: true)
            #expect(try states(root) == ["completed"])
        }
    }

    /// What is stopped before its first step has a configuration and a lock only.
    @Test func aRunThatNeverBeganIsListed() throws {
        try ToyTask.withFolder { root in
            let run = RunDirectory(path: root + "/run")
            withExtendedLifetime(try run.lock()) {}
            try run.writeConfiguration("# fisher train toy\n[training]\nsteps = 2\n")
            let study = RunDirectory(path: root + "/study")
            withExtendedLifetime(try study.lock()) {}
            try study.writeConfiguration("# fisher compare toy\n[training]\nsteps = 2\n")
            let listing = try RunListing(of: [root])
            #expect(listing.runs.map(\.state) == ["killed"] && listing.runs[0].document == nil)
            #expect(listing.studies.map(\.state) == ["killed"] && listing.studies[0].kind == .comparison)
            #expect(listing.studies[0].task == "toy")
            #expect(RunTable(listing.runs, listing.studies, by: .path).text().contains("killed"))
        }
    }

    /// A study's row: kind, state, how much is done of what is planned, the best; its runs know that they are its.
    @Test func aStudyIsListedAsSuch() throws {
        try ToyTask.withFolder { root in
            let path = root + "/out"
            let candidates = try ["adam", "sgd"].map { try ToyTask.candidate($0) }
            let planned = StudyStatus(.comparison, of: ToyTask().summary, by: .example, planned: 6)
            func study() throws -> RunListing.Study { try #require(try RunListing(of: [root]).studies.first) }
            let result = try StudyCase.compare(candidates, seeds: [1, 2], in: path)
            #expect(try study().state == "unknown" && study().planned == nil)
            try planned.write(to: path)
            #expect(try study().state == "killed")
            #expect(try study().finished == 4 && study().planned == 6 && study().task == "toy")
            do {
                let folder = try StudyDirectory(path: path, resuming: true)
                #expect(try study().state == "running")
                withExtendedLifetime(folder) {}
            }
            #expect(throws: Interrupted.self) {
                try planned.recorded(in: path) { throw Interrupted(signal: "SIGINT") }
            }
            #expect(try study().state == "interrupted")
            #expect(throws: Crash.self) { try planned.recorded(in: path) { throw Crash() } }
            #expect(try study().state == "failed")
            try planned.recorded(in: path) {}
            #expect(try study().state == "completed" && study().planned == 4)
            let means = result.entries.map { entry in
                (entry.label, entry.finalLosses.values.reduce(0, +) / Double(entry.finalLosses.count))
            }
            let best = try #require(means.min { $0.1 < $1.1 })
            #expect(try study().best == "\(best.0): loss \(String(format: "%.4f", best.1))")
            let runs = try RunListing(of: [root]).runs
            #expect(runs.count == 4 && runs.allSatisfy { $0.study == path })
        }
    }

    /// Marks are found, change nothing that is checked, and are checked themselves.
    @Test func marksBreakNoSeal() throws {
        try ToyTask.withFolder { root in
            try ResumeTests.run(root)()
            var marks = RunMarks()
            (marks.name, marks.tags, marks.note) = ("baseline", ["paper"], "before the new data")
            try marks.write(to: root)
            #expect(RunVerification(RunDirectory(path: root)).damages.isEmpty)
            let run = try #require(try RunListing(of: [root]).runs.first)
            for (key, value, matches) in [
                ("tag", "paper", true), ("tag", "pape", false), ("name", "baseline", true),
                ("kind", "run", true),
                ("phase", "completed", true), ("task", "toy", true), ("training.steps", "20", true),
            ] {
                #expect(RunTable.matches(run, key: key, value: value) == matches, "\(key)")
            }
            let text = RunTable([run], by: .path).text()
            for word in ["baseline", "paper", "before the new data"] { #expect(text.contains(word)) }
            var more = RunMarks()
            (more.title, more.tags) = ("Figure 1", ["paper", "draft"])
            marks.take(more)
            #expect(
                marks.name == "baseline" && marks.title == "Figure 1" && marks.tags == ["paper", "draft"])
            try ResumeTests.run(root)(resuming: true)
            #expect(try RunMarks(in: root).name == "baseline")
            let file = URL(filePath: RunMarks.file(in: root))
            let text2 = String(decoding: try Data(contentsOf: file), as: UTF8.self)
            try Data(text2.replacing("baseline", with: "besaline").utf8).write(to: file)
            #expect(RunVerification(RunDirectory(path: root)).damages.count == 1)
        }
    }

    /// Two runs: the keys that differ, and the second's results less the first's.
    @Test func twoRunsAreToldApart() throws {
        try ToyTask.withFolder { root in
            try ResumeTests.run(root + "/a")()
            try ResumeTests.run(root + "/b", values: ResumeTests.values.merging(["data.batch": "7"]) { $1 })()
            let runs = try ["a", "b"].map { try RunDirectory(path: "\(root)/\($0)").document() }
            let difference = RunDifference(of: runs[0], and: runs[1])
            #expect(difference.configuration.map(\.key) == ["data.batch"])
            #expect(difference.configuration[0].first == nil && difference.configuration[0].second == "7")
            let final = try #require(difference.results.first)
            #expect(final.name == "final loss" && final.difference == 0 && final.first != nil)
            #expect(RunDifference(of: runs[0], and: runs[0]).text("a", "b").hasPrefix("No key"))
        }
    }

    @Test func twoComparisonsAreToldApart() throws {
        func comparison(_ losses: [String: [Double]], steps: String) -> RunDifference.Comparison {
            let entries = losses.sorted { $0.key < $1.key }.map { label, values in
                OptimizerEntry(
                    label: label, rule: label, options: [],
                    runs: values.enumerated().map { seed, loss in
                        RunRecord(
                            seed: UInt64(seed), status: .completed, curve: [], finalValidationLoss: loss,
                            forwardBackwardMilliseconds: 1, optimizerMilliseconds: 1, stateBytes: 1)
                    })
            }
            return RunDifference.Comparison(
                OptimizerComparison(task: ToyTask().summary, environment: .example, entries: entries),
                configuration: ConfigurationLayer(
                    .file("x"), [("training.steps", [steps]), ("data.batch", ["4"])]))
        }
        let difference = RunDifference(
            of: comparison(["adam": [1, 3], "sgd": [5]], steps: "10"),
            and: comparison(["adam": [2.5, 2.5]], steps: "20"))
        #expect(difference.configuration.map(\.key) == ["training.steps"])
        #expect(difference.results.map(\.difference) == [0.5, nil])
        #expect(difference.results.map(\.first) == [2, 5])
        #expect(difference.text("a", "b").contains("adam, final loss (2 and 2 runs)"))
    }
}
