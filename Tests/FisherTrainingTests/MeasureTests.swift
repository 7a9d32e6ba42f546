import Fisher
import Foundation
import Testing

@testable import FisherReports
@testable import FisherStudies
@testable import FisherTraining

/// What a task says of a finished run besides its loss: in the run's document, in tables and on pages.
@Suite struct MeasureTests {
    private static let measure = TaskMeasure(
        "word error rate", 12.34, interval: 10.1...14.9, unit: "%", better: .lower)
    private static let grid = PictureGrid(
        title: "Reconstructions", caption: "Two of <them>.",
        rows: [[image([0, 255]), image([255, 0])]], rowTitles: ["original"], columnTitles: ["a", "b"])
    private static let texts = ExhibitTable(
        title: "Transcripts", columns: ["reference", "transcript"], rows: [["four & five", "for five"]])

    private static func image(_ bytes: [UInt8]) -> RasterImage {
        RasterImage(width: 2, height: 1, channels: 1, bytes: bytes)
    }

    private static func run(_ root: String, _ task: ToyTask) throws -> RunDocument {
        var training = TrainingConfiguration()
        (training.steps, training.evaluateEvery) = (4, 2)
        return try DurableRun(
            task, OptimizerCandidate(label: "fadam", rule: FAdam()), in: RunDirectory(path: root),
            training: training, toml: "", values: [:], environment: .example)()
    }

    @Test func measuresAndExhibitsAreKeptAndShown() throws {
        try ToyTask.withFolder { root in
            var task = ToyTask()
            task.conclusion = ([Self.measure], [.pictures(Self.grid), .table(Self.texts)])
            let document = try Self.run(root + "/run", task)
            #expect(document.record.measures == [Self.measure])
            #expect(try RunDirectory(path: root + "/run").document() == document)
            #expect(document.task.examples == "dots")
            let comparison = try OptimizerComparison([(RunDirectory(path: root + "/run"), document)])
            let page = comparison.report()
            for part in [
                "word error rate", "12.34 [10.10, 14.90]", "Reconstructions", "Two of &lt;them&gt;.",
                "four &amp; five", "data:image/png;base64,", "original, a",
            ] { #expect(page.contains(part), "\(part)") }
            #expect(Self.measure.line == "word error rate 12.34 [10.10, 14.90] %")
            #expect(ComparisonSummary(of: comparison).text().contains("12.34 [10.10, 14.90]"))
        }
    }

    @Test func ofSeveralSeedsMeanAndSpreadAreShown() throws {
        var result = ComparisonFixture.three
        for (entry, values) in [[10.0, 11, 12], [20, 20, 20]].enumerated() {
            for (run, value) in values.enumerated() {
                result.entries[entry].runs[run].measures = [
                    TaskMeasure("accuracy", value, unit: "%", better: .higher)
                ]
            }
        }
        let summary = ComparisonSummary(of: result)
        #expect(
            summary.measures.map(\.values) == [
                [SampleSummary([10, 11, 12]), SampleSummary([20, 20, 20]), nil]
            ])
        let table = summary.measureTable(.plain).lines(usesColor: false).joined(separator: "\n")
        #expect(table.contains("11.00 ± 1.00") && table.contains("20.00 ± 0.00"))
        let csv = summary.table.csv()
        #expect(csv.contains("accuracy_mean,accuracy_sd"))
        #expect(csv.contains(",11,1") || csv.contains(",11.0,1.0"))
        #expect(!ComparisonSummary(of: ComparisonFixture.three).text().contains("accuracy"))
    }

    /// A page holds the pictures of one run of an optimizer.
    @Test func picturesOfFurtherSeedsAreLeftOut() throws {
        try ToyTask.withFolder { root in
            var task = ToyTask()
            task.conclusion = ([], [.pictures(Self.grid)])
            var document = try Self.run(root + "/0", task)
            let first = (RunDirectory(path: root + "/0"), document)
            document.record.seed = 1
            try FileManager.default.createDirectory(atPath: root + "/1", withIntermediateDirectories: true)
            let comparison = try OptimizerComparison([first, (RunDirectory(path: root + "/1"), document)])
            #expect(comparison.entries[0].runs.map { $0.exhibits != nil } == [true, false])
        }
    }

    @Test(arguments: [
        (#"{"width":2,"height":1,"channels":1,"bytes":"AAEC"}"#, "has 3 bytes"),
        (#"{"width":0,"height":1,"channels":1,"bytes":""}"#, "cannot be 0 by 1"),
        (#"{"width":9223372036854775807,"height":9223372036854775807,"channels":3,"bytes":""}"#, "cannot be"),
        (#"{"width":1,"height":1,"channels":2,"bytes":"AAE="}"#, "2 channels"),
    ])
    func forgedPicturesAreRefused(_ json: String, _ reason: String) throws {
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(RasterImage.self, from: Data(json.utf8))
        }
        #expect("\(try #require(error))".contains(reason))
    }

    @Test func forgedTablesAreRefused() throws {
        var record = ComparisonFixture.run(seed: 0, loss: 2)
        var table = Self.texts
        table.rows = [["one cell"]]
        record.exhibits = [.table(table)]
        let fault = #expect(throws: DocumentFault.self) { try record.validate("record") }
        #expect(fault?.description == "record.exhibits[0] has a row of 1 cells for 2 columns")
    }

    /// The file that an independent encoder (Python's zlib, level 0) makes of the same pictures.
    @Test func picturesAreFilesOfPNG() {
        let gray = PNGImage.encoded(Self.image([0, 255]))
        #expect(
            gray.base64EncodedString()
                == "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAAAAADRSSBWAAAADklEQVR4AQEDAPz/AAD/AQIBALcBLvcAAAAASUVORK5CYII="
        )
        let color = PNGImage.encoded(
            RasterImage(width: 1, height: 2, channels: 3, bytes: [255, 0, 0, 0, 0, 255]))
        #expect(
            color.base64EncodedString()
                == "iVBORw0KGgoAAAANSUhEUgAAAAEAAAACCAIAAAAW4yFwAAAAE0lEQVR4AQEIAPf/AP8AAAAAAP8IAAH/8OKM3gAAAABJRU5ErkJggg=="
        )
    }
}
