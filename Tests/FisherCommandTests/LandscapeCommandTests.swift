import FisherTraining
import Foundation
import Testing

/// `fisher landscape` on the runs of a comparison.
@Suite struct LandscapeCommandTests {
    /// Both rules of a comparison with their seeds: measured, continued, shown again; what does not fit is one sentence.
    @Test func aComparisonIsMeasuredAndContinued() throws {
        try CommandTests.withFolder { root in
            func run(_ arguments: [String], status: Int32 = 0) throws -> TrainCommandTests.Outcome {
                let found = try TrainCommandTests.run(arguments)
                #expect(found.status == status, "\(arguments): \(found.errors)")
                return found
            }
            let common = ["--preset", "perceptron", "--steps", "2"]
            _ = try run(
                [
                    "compare", "digits", "--optimizer", "sgd", "--optimizer", "adamw", "--seeds", "2",
                    "--output", root + "/c",
                ]
                    + common)
            let options = [
                "--batches", "1", "--points", "3", "--plane", "3", "--planes", "2", "--eigenvalues", "1",
                "--lanczos-steps", "3", "--probes", "2", "--output", root + "/l",
            ]
            let first = try run(["landscape", root + "/c", "--lines", "1"] + options)
            for word in ["sgd", "adamw, seed 1", "training barrier", "report.html"] {
                #expect(first.output.contains(word), "\(word): \(first.output)")
            }
            let files = StudyFiles(folder: root + "/l")
            let one = try files.read(LandscapeStudy.self)
            #expect(
                one.runs.count == 4 && one.lines.count == 1 && one.runs.filter { $0.plane != nil }.count == 2)
            for measured in one.runs {
                // The ends are those of the runs themselves.
                #expect(try abs(#require(measured.recordedLoss) - measured.heldOutLoss) < 1e-6)
            }
            #expect(one.lines[0].heldOutLosses[0] == one.runs[one.lines[0].from].heldOutLoss)
            let page = try String(contentsOfFile: files.report, encoding: .utf8)
            #expect(page.contains("class=\"contour\"") && !page.contains("src=\""))

            _ = try run(["landscape", root + "/c", "--lines", "1"] + options, status: 73)
            _ = try run(["landscape", root + "/c", "--lines", "2", "--resume"] + options)
            let two = try files.read(LandscapeStudy.self)
            #expect(two.lines.count == 2 && two.lines[0] == one.lines[0] && two.runs == one.runs)
            let shown = try run(["report", root + "/l", "--output", root + "/page.html"])
            #expect(shown.output.contains("largest"))

            _ = try run(
                ["train", "digits", "--seed", "3", "--output", root + "/t", "--split-seed", "1"] + common)
            for (paths, status, word) in [
                ([root + "/c", root + "/t"], 65, "cannot be compared with"),
                ([root], 65, "cannot be compared with"),
                ([root + "/none"], 66, "is not there"), ([root + "/l"], 66, "holds no run"),
                ([root + "/t", "--seed", "9", "--resume"], 64, "another task or settings"),
            ] as [([String], Int32, String)] {
                let failed = try run(["landscape"] + paths + options, status: status)
                #expect(failed.errors.contains(word), "\(failed.errors)")
            }
        }
    }
}
