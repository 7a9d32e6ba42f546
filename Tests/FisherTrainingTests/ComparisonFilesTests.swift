import Foundation
import TestSupport
import Testing

@testable import FisherReports
@testable import FisherStudies

@Suite("A comparison's files")
struct ComparisonFilesTests {
    @Test("JSON keeps everything, numbers that are none included, and is stable")
    func roundTrip() throws {
        let result = ComparisonFixture.typical
        let data = result.json()
        let back = try OptimizerComparison(json: data, path: "results.json")
        #expect(back.json() == data)
        #expect(back.entries[2].runs[1].curve[7].validationLoss?.isNaN == true)
        #expect(back.entries[2].runs[1].curve[8].trainingLoss == .infinity)
        #expect(back.entries[2].runs[1].curve[9].trainingLoss == -.infinity)
        #expect(back.entries[2].runs[1].status == result.entries[2].runs[1].status)
        #expect(back.entries[0] == result.entries[0])
        #expect(back.task == result.task)
        #expect(back.environment == result.environment)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: data) }
    }

    @Test("A file of a former version is read with the defaults; a plan that none has is refused")
    func plans() throws {
        let text = String(decoding: ComparisonFixture.three.json(), as: UTF8.self)
        #expect(!text.contains("plan") && !text.contains("validationParts"))
        let old = try OptimizerComparison(json: Data(text.utf8), path: "x")
        #expect(old.plan == nil && ComparisonSummary(of: old).plan.variances == .own)
        var planned = ComparisonFixture.three
        planned.plan = ComparisonPlan()
        planned.plan?.margin = 0.01
        planned.plan?.target = 2.25
        planned.plan?.pilot = PilotPlan(differences: [0.1])
        #expect(try OptimizerComparison(json: planned.json(), path: "x") == planned)
        for (place, change) in [
            ("plan.margin", { $0.margin = -1 }), ("plan.target", { $0.target = .nan }),
            ("plan.pilot.powers", { $0.pilot?.powers = [1] }),
        ] as [(String, (inout ComparisonPlan) -> Void)] {
            var wrong = planned
            change(&wrong.plan!)
            let error = #expect(throws: StudyFileError.self) {
                try OptimizerComparison(json: wrong.json(), path: "x")
            }
            #expect(error?.description.contains(place) == true)
        }
    }

    @Test("JSON, CSV, text and page show the same numbers")
    func oneSummary() throws {
        var result = ComparisonFixture.three
        result.plan = ComparisonPlan()
        result.plan?.margin = 0.02
        let summary = ComparisonSummary(of: result)
        let contrast = try #require(summary.rows[1].contrast)
        let interval = NumberText.typographic.interval(try #require(contrast.interval), decimals: 3)
        #expect(result.report().contains(interval))
        #expect(
            summary.text().contains(NumberText.plain.interval(try #require(contrast.interval), decimals: 3)))
        let json = try #require(JSONSerialization.jsonObject(with: summary.json()) as? [String: Any])
        let rows = try #require((json["summary"] as? [String: Any])?["rows"] as? [[String: Any]])
        let stored = try #require(rows[1]["contrast"] as? [String: Any])
        let ends = try #require(stored["interval"] as? [Double])
        let own = try #require(contrast.interval)
        #expect(abs(ends[0] - own.lowerBound) < 1e-14 && abs(ends[1] - own.upperBound) < 1e-14)
        #expect(stored["verdict"] == nil && stored["probability"] is Double)
        #expect(json["headline"] as? String == summary.headline)
        let csv = summary.table.csv().split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let column = try #require(csv[0].firstIndex(of: "p_adjusted"))
        #expect(Double(csv[2][column]) == contrast.probability)
    }

    @Test(
        "Every status survives",
        arguments: [RunStatus.completed, .diverged(step: 3, reason: "a \"b\""), .interrupted(step: 9)]
    )
    func statuses(status: RunStatus) throws {
        let data = try JSONEncoder().encode([status])
        #expect(try JSONDecoder().decode([RunStatus].self, from: data) == [status])
    }

    @Test("What is wrong with a JSON file is said with its name")
    func badJSON() throws {
        #expect(
            throws: StudyFileError.wrongContent(
                path: "x.json", expected: "a comparison's result",
                reason: "it is not JSON: expected a string, found the end (near byte 1)")
        ) {
            try OptimizerComparison(json: Data("{".utf8), path: "x.json")
        }
        #expect(
            throws: StudyFileError.wrongContent(
                path: "x.json", expected: "a comparison's result", reason: "task is missing")
        ) {
            try OptimizerComparison(json: Data(#"{"formatVersion": 1}"#.utf8), path: "x.json")
        }
        #expect(throws: StudyFileError.unknownVersion(path: "x.json", version: 7, current: 1)) {
            try OptimizerComparison(json: Data(#"{"formatVersion": 7}"#.utf8), path: "x.json")
        }
        let text = String(decoding: ComparisonFixture.typical.json(), as: UTF8.self)
        let broken = text.replacing(#""step" : 70"#, with: #""step" : "x""#)
        #expect(broken != text)
        let error = #expect(throws: StudyFileError.self) {
            try OptimizerComparison(json: Data(broken.utf8), path: "x.json")
        }
        #expect(
            error?.description
                == "x.json is not a comparison's result: entries[0].runs[0].curve[7].step is not of type Int."
        )
    }

    @Test("CSV has a row for each point, and quotes what needs it")
    func csv() {
        var result = ComparisonFixture.typical
        result.entries[0].label = "a, \"b\"\nc"
        let text = result.csv()
        #expect(text.hasPrefix("optimizer,seed,step,tokens,seconds,training_loss,validation_loss\n"))
        #expect(text.contains("\n\"a, \"\"b\"\"\nc\",0,0,0,0.0,,5.5\n"))
        #expect(text.contains("\nkfac,1,80,81920,12.0,inf,"))
        #expect(text.contains(",NaN\n"))
        let points = result.entries.flatMap(\.runs).reduce(0) { $0 + $1.curve.count }
        // The two runs of the first optimizer have a line break within each row's label.
        #expect(text.split(separator: "\n").count == 1 + points + 22)
    }

    @Test("All three files are written into a new folder, and read back")
    func write() throws {
        try TemporaryFolder.with { folder in
            let files = StudyFiles(folder: folder + "/new/deeper")
            try files.writeWithReport(ComparisonFixture.typical)
            #expect(try files.read(OptimizerComparison.self).json() == ComparisonFixture.typical.json())
            let names = try FileManager.default.contentsOfDirectory(atPath: files.folder).sorted()
            #expect(names == ["report.html", "results.csv", "results.json", "summary.csv", "summary.json"])
        }
    }

    @Test("A file is replaced as a whole, and one that cannot be is left as it was")
    func replacement() throws {
        try TemporaryFolder.with { folder in
            let path = folder + "/results.csv"
            try StudyFiles.replaceFile(at: path, with: Data("first, and long".utf8))
            try StudyFiles.replaceFile(at: path, with: Data("second".utf8))
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "second")
            let blocked = folder + "/folder"
            try FileManager.default.createDirectory(atPath: blocked, withIntermediateDirectories: false)
            let error = #expect(throws: StudyFileError.self) {
                try StudyFiles.replaceFile(at: blocked, with: Data("x".utf8))
            }
            #expect(
                error
                    == .storage(
                        StorageError(
                            .cannotCreate, path: blocked, reason: "is a folder, which no file can replace")))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
                    "folder", "results.csv",
                ])
        }
    }

    @Test("Errors name the path")
    func errors() throws {
        try TemporaryFolder.with { folder in
            let file = folder + "/file"
            try Data().write(to: URL(fileURLWithPath: file))
            let within = StudyFiles(folder: file + "/results")
            let error = #expect(throws: StudyFileError.self) {
                try within.write(ComparisonFixture.typical)
            }
            #expect(error?.description.hasPrefix("\(file) is not a folder") == true)
            let missing = StudyFiles(folder: folder + "/missing/")
            let second = #expect(throws: StudyFileError.self) { try missing.read(OptimizerComparison.self) }
            #expect(
                second?.description
                    == "\(folder)/missing/results.json cannot be opened: no such file or directory."
            )
        }
    }
}
