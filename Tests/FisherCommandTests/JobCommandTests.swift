import Foundation
import TestSupport
import Testing

@testable import FisherCommand
@testable import FisherStudies
@testable import FisherTraining

/// Runs of a comparison that are made side by side: the results of one after another, stopped, killed and continued.
@Suite struct JobCommandTests {
    private static func comparison(_ output: String, jobs: Int, steps: Int = 60, _ more: String...)
        -> [String]
    {
        [
            "compare", "digits", "--network", "perceptron", "--batch", "16", "--threads", "1", "--steps",
            "\(steps)", "--evaluate-every", "20", "--seeds", "2", "--optimizer", "adamw", "--optimizer",
            "fadam",
            "--set", "checkpoints.seconds=0", "--jobs", "\(jobs)", "--output", output,
        ] + more
    }

    /// The results without what a clock measured and the marks of such times.
    static func results(_ folder: String) throws -> OptimizerComparison {
        var result = try StudyFiles(folder: folder).read(OptimizerComparison.self)
        func plain(_ run: RunRecord) -> RunRecord {
            var run = run
            (run.forwardBackwardMilliseconds, run.optimizerMilliseconds) = (0, 0)
            (run.load, run.sideBySide) = (nil, nil)
            for k in run.curve.indices { run.curve[k].seconds = 0 }
            return run
        }
        for k in result.entries.indices {
            result.entries[k].runs = result.entries[k].runs.map(plain)
            result.entries[k].timing = nil
        }
        result.tuning = result.tuning?.map { record in
            var record = record
            for k in record.trials.indices { record.trials[k].runs = record.trials[k].runs.map(plain) }
            return record
        }
        (result.environment.date, result.environment.command) = ("", "")
        return result
    }

    /// Whether two folders hold the same runs with the same weights, optimizer states and configurations.
    private static func requireSameRuns(_ one: String, _ other: String) throws {
        let runs = try RunDirectory.runs(under: one)
        #expect(try RunDirectory.runs(under: other).count == runs.count)
        for run in runs {
            let twin = RunDirectory(path: other + run.path.dropFirst(one.count))
            let (first, second) = (try run.document(), try twin.document())
            #expect(first.label == second.label && first.options == second.options, "\(run.path)")
            #expect(first.configuration == second.configuration && first.environment.threads == 1)
            for file in ["model", "optimizer"] {
                let bytes = try [run, twin].map { run in
                    let newest = try #require(try run.checkpoints.newest()?.checkpoint)
                    return try Data(contentsOf: URL(filePath: "\(newest.path)/\(file).safetensors"))
                }
                #expect(bytes[0] == bytes[1], "\(run.path)")
            }
        }
    }

    /// Tuning, whose grids grow, decides the same; the times of runs are marked, those of the table are of steps made alone.
    @Test func runsSideBySideAreThoseOfOneAfterAnother() throws {
        try CommandTests.withFolder { root in
            let tuning = ["--learning-rates", "all=1e-3,2e-3", "--tuning-seeds", "2", "--extensions", "2"]
            let one = try CommandTests.fisher(Self.comparison(root + "/one", jobs: 1) + tuning)
            let several = try CommandTests.fisher(Self.comparison(root + "/several", jobs: 3) + tuning)
            #expect(one.status == 0 && several.status == 0, "\(one.errors) \(several.errors)")
            #expect(try Self.results(root + "/one") == Self.results(root + "/several"))
            try Self.requireSameRuns(root + "/one", root + "/several")

            let found = try StudyFiles(folder: root + "/several").read(OptimizerComparison.self)
            let tuned = try #require(found.tuning)
            #expect(tuned.contains { ($0.extensions ?? 0) > 0 })
            let runs = found.entries.flatMap(\.runs)
            #expect(runs.count == 4 && runs.allSatisfy { $0.sideBySide == 3 })
            #expect(found.entries.allSatisfy { ($0.timing?.steps ?? 0) >= 5 })
            #expect(several.output.contains("steps made alone after them"), "\(several.output)")
            let alone = try StudyFiles(folder: root + "/one").read(OptimizerComparison.self)
            #expect(
                alone.entries.allSatisfy { $0.timing == nil && $0.runs.allSatisfy { $0.sideBySide == nil } })
            // One line for each run that ended, and the last number is that of all.
            let count = try RunDirectory.runs(under: root + "/several").count
            let ends = several.errors.split(separator: "\n").filter { $0.contains(": validation loss ") }
            #expect(
                ends.count == count && ends.last?.hasPrefix("[\(count)/\(count)] ") == true,
                "\(several.errors)")
            let page = try CommandTests.fisher(["report", root + "/several/runs/adamw/seed-0"], in: root)
            #expect(page.output.contains("3 runs were made side by side"), "\(page.output)")
        }
    }

    /// Starts a comparison and waits until runs of it are at work.
    private static func started(
        _ words: [String], in folder: String
    ) throws -> (process: Process, errors: Pipe, children: [Int32]) {
        let (process, errors, _) = try TrainCommandTests.start(words)
        while process.isRunning {
            let runs = (try? RunDirectory.runs(under: folder)) ?? []
            if runs.filter({ !((try? $0.checkpoints.list().isEmpty) ?? true) }).count > 1 { break }
            usleep(2000)
        }
        return (process, errors, ProcessTree.children(of: process.processIdentifier).sorted())
    }

    private static func text(_ pipe: Pipe) -> String {
        String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }

    /// A run whose process was killed is named, the others are saved, and the command that is printed ends in the same results.
    @Test func aKilledProcessIsNamedAndNothingElseIsLost() throws {
        try CommandTests.withFolder { root in
            let whole = try CommandTests.fisher(Self.comparison(root + "/whole", jobs: 1, steps: 300))
            #expect(whole.status == 0, "\(whole.errors)")
            let (process, errors, children) = try Self.started(
                Self.comparison(root + "/cut", jobs: 2, steps: 300), in: root + "/cut")
            #expect(children.count == 2)
            kill(try #require(children.first), SIGKILL)
            let said = Self.text(errors)
            process.waitUntilExit()
            #expect(process.terminationStatus == 75, "\(said)")
            let last = said.split(separator: "\n").last ?? ""
            #expect(
                last.hasPrefix("fisher: adamw, seed 0: process ") && last.contains("ended by signal 9"),
                "\(said)")
            #expect(last.contains("continue with: ") && last.contains("--jobs 2 --resume"), "\(said)")
            let other = try RunDirectory(path: root + "/cut/runs/fadam/seed-0").document()
            #expect(other.phase == .interrupted || other.phase == .completed)
            try CommandTests.paste(commandIn: said)
            #expect(try Self.results(root + "/whole") == Self.results(root + "/cut"))
            try Self.requireSameRuns(root + "/whole", root + "/cut")
        }
    }

    /// Ctrl-C saves every run; a kill leaves no process behind, and the next start waits for what is being saved.
    @Test(arguments: [SIGINT, SIGTERM, SIGKILL])
    func aStoppedComparisonEndsItsProcessesAndGoesOn(_ signal: Int32) throws {
        try CommandTests.withFolder { root in
            let words = Self.comparison(root + "/cut", jobs: 2, steps: 300) + ["--resume"]
            let (process, errors, children) = try Self.started(words, in: root + "/cut")
            #expect(children.count == 2)
            kill(process.processIdentifier, signal)
            let said = Self.text(errors)
            process.waitUntilExit()
            if signal != SIGKILL {
                #expect(process.terminationStatus == 75, "\(said)")
                #expect(said.contains(", everything is saved; continue with: "), "\(said)")
                #expect(!children.contains(where: ProcessTree.isAtWork))
                let phases = try RunDirectory.runs(under: root + "/cut").map { try $0.document().phase }
                #expect(phases.allSatisfy { $0 == .interrupted || $0.isFinal }, "\(phases)")
            }
            let resumed = try CommandTests.fisher(words)
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(!children.contains(where: ProcessTree.isAtWork))
            #expect(
                try Self.results(root + "/cut").entries.map { $0.runs.map(\.seed) } == [[0, 1], [0, 1]])
            // What is done is not done again.
            let again = try CommandTests.fisher(words)
            #expect(again.status == 0 && !again.errors.contains("validation loss"), "\(again.errors)")
        }
    }

    /// The runs of an ablation, and a run that cannot be made.
    @Test func anAblationIsMadeSideBySide() throws {
        try CommandTests.withFolder { root in
            let words = [
                "ablate", "digits", "--network", "perceptron", "--steps", "20", "--evaluate-every", "10",
                "--optimizer", "fadam", "--option", "rho=0.5,0.6", "--seeds", "1", "--jobs", "2", "--output",
                root + "/out",
            ]
            let made = try CommandTests.fisher(words)
            #expect(
                made.status == 0 && made.errors.contains("2 runs side by side, 1 thread each"),
                "\(made.errors)")
            #expect(try Self.results(root + "/out").entries.map(\.runs.count) == [1, 1])
            // A file where a run's folder of checkpoints is to be: the run cannot be made, and is named.
            let blocked = root + "/blocked/runs/fadam-rho-0-6/seed-0"
            try FileManager.default.createDirectory(atPath: blocked, withIntermediateDirectories: true)
            try Data().write(to: URL(filePath: blocked + "/checkpoints"))
            let failed = try CommandTests.fisher(words.dropLast() + [root + "/blocked", "--resume"])
            #expect([65, 66, 73, 74].contains(failed.status), "\(failed)")
            let last = failed.errors.split(separator: "\n").last ?? ""
            #expect(
                last.hasPrefix("fisher: fadam + rho 0.6, seed 0: ") && last.contains("checkpoints"),
                "\(failed)")
        }
    }

    @Test func runsSideBySideAreForOneProcessEach() throws {
        let words = Self.comparison("nowhere", jobs: 2)
        let shared = try CommandTests.fisher(words + ["--processes", "2"])
        #expect(shared.status == 64, "\(shared)")
        #expect(shared.errors.split(separator: "\n").count == 1, "\(shared.errors)")
        #expect(shared.errors.contains("--jobs makes runs side by side, and --processes"), "\(shared.errors)")
        let dry = try CommandTests.fisher(words + ["--dry-run"])
        #expect(dry.status == 0 && dry.output.contains("\nside by side     2\n"), "\(dry)")
    }
}
