import FisherReports
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// Documents with numbers and texts that nobody measured are refused in a sentence that names the value, or shown.
@Suite struct ForgedDocumentTests {
    /// A document's JSON with the first value of a key replaced.
    private func forged(_ json: Data, _ key: String, _ value: String) throws -> Data {
        let text = String(decoding: json, as: UTF8.self)
        let pattern = try Regex("\"\(key)\" : (\"[^\"]*\"|[-0-9.e+]+)")
        let changed = text.replacing(pattern, with: "\"\(key)\" : \(value)", maxReplacements: 1)
        #expect(changed != text)
        return Data(changed.utf8)
    }

    private static let run = RunDocument(
        task: ComparisonFixture.typical.task, dataFingerprint: "0", environment: .example, label: "fadam",
        rule: "fadam",
        options: [], configuration: [:], steps: 100, record: ComparisonFixture.run(seed: 1, loss: 2))

    static let numbers = [
        ("step", "-1", "curve[0].step is -1"), ("step", "9223372036854775807", "curve[0].step is"),
        ("step", "50", "curve[1].step is 10 after 50"), ("step", "1e300", "not whole where it must be"),
        ("step", "0.5", "not whole where it must be"),
        ("tokens", "-5", "curve[0].tokens is -5"), ("seconds", "1e308", "curve[0].seconds is 1e+308"),
        ("seconds", "-1", "curve[0].seconds is -1.0"), ("seconds", "\"NaN\"", "curve[0].seconds is nan"),
        ("optimizerMilliseconds", "\"Infinity\"", "optimizerMilliseconds is inf"),
        ("stateBytes", "-1", "stateBytes is -1"),
        ("parameterCount", "9223372036854775807", "task.parameterCount is"),
        ("threads", "-4", "environment.threads is -4"),
        ("label", "\"\(String(repeating: "x", count: 20_000))\"", "label has 20000 bytes"),
        (
            "command", "\"\(String(repeating: "x", count: 2_000_000))\"",
            "environment.command has 2000000 bytes"
        ),
        ("formatVersion", "2", "version"), ("formatVersion", "-1", "version"),
        ("label", "\"x\", \"label\" : \"y\"", "occurs more than once"),
        (
            "label", String(repeating: "[", count: 500) + String(repeating: "]", count: 500),
            "nest more than 127 deep"
        ),
    ]

    @Test(arguments: numbers)
    func comparisonsAreChecked(key: String, value: String, complaint: String) throws {
        let json = try forged(ComparisonFixture.typical.json(), key, value)
        let error = #expect(throws: StudyFileError.self) {
            try OptimizerComparison(json: json, path: "results.json")
        }
        #expect(
            error?.description.contains("results.json") == true
                && error?.description.contains(complaint) == true, "\(error as Any)")
    }

    @Test(arguments: numbers)
    func runsAreChecked(key: String, value: String, complaint: String) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forged-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try StoredJSON.sealed(forged(StoredJSON.encode(Self.run), key, value)).write(
            to: URL(filePath: folder + "/run.json"))
        let error = #expect(throws: StorageError.self) { try RunDirectory(path: folder).document() }
        #expect(error?.kind == .damaged && error?.description.contains("run.json") == true)
        #expect(error?.description.contains(complaint) == true, "\(error as Any)")
    }

    private static let continual = ContinualComparison(
        task: ComparisonFixture.typical.task, environment: .example,
        entries: [
            ContinualEntry(
                method: "l2", explanation: "", strength: 1,
                runs: (0..<2).map {
                    ContinualRecord(
                        seed: $0, status: .completed, accuracies: [[0.5, 0.25], [0.75, 1]], seconds: 2)
                })
        ])

    @Test(arguments: [
        (#"[[0.5], [0.75, 1]]"#, "accuracies[1] has 2 accuracies"), ("[[0.5, 0.5]]", "not one a task"),
        ("[[2]]", "is 2.0, not an accuracy"),
        (#"[["NaN"]]"#, "is nan, not an accuracy"), ("[[1]]", "different numbers of tasks"),
        ("[[1, 1], [1, 1], [1, 1]]", "not one a task"),
    ])
    func accuraciesAreThoseOfOneSequence(accuracies: String, complaint: String) throws {
        let text = String(decoding: Self.continual.json(), as: UTF8.self)
        let pattern = try Regex(#""accuracies" : \[[^a-z]*\],"#)
        let json = Data(
            text.replacing(pattern, with: "\"accuracies\" : \(accuracies),", maxReplacements: 1).utf8)
        let error = #expect(throws: StudyFileError.self) {
            try ContinualComparison(json: json, path: "results.json")
        }
        #expect(error?.description.contains(complaint) == true, "\(error as Any)")
        #expect(try ContinualComparison(json: Self.continual.json(), path: "results.json") == Self.continual)
    }

    /// An infinite relative time ended the process while ticks were counted.
    @Test(arguments: [0.0, 1e-300, .infinity, .nan, 1e308], [0.5, .nan, 1, -1, 0])
    func hierarchiesAreDrawnWhateverWasMeasured(value: Double, cosine: Double) throws {
        let levels = [0, 1, 1e12].map {
            HierarchyLevel(
                label: "a", rule: "natural_gradient", source: "b", structure: "identity", power: "1",
                operations: "c", options: [], isDamped: true,
                cost: LevelCost(
                    milliseconds: $0, ratioQuartiles: [value, $0, value], stateBytes: 0,
                    sizes: (0..<4).map {
                        SizeCost(
                            width: $0, parameterCount: $0, milliseconds: value < 1e12 ? value : 0, bytes: nil)
                    }))
        }
        let points = (0...2).map { seed in
            HierarchyPoint(
                seed: seed, step: 10, loss: value, heldOutLoss: value, referenceResidual: value,
                measures: levels.indices.map {
                    HierarchyMeasure(
                        level: $0, damping: 1e-3, cosine: cosine, decrease: value, heldOutDecrease: -value)
                })
        }
        let study = HierarchyComparison(
            task: ComparisonFixture.typical.task, environment: .example, settings: HierarchySettings(),
            levels: levels, points: points)
        let again = try HierarchyComparison(json: study.json(), path: "results.json")
        #expect(again.report().hasSuffix("</html>\n") && again.text().contains("a"))
    }

    /// Losses, times and steps at the edges of what is accepted are drawn and printed.
    @Test(arguments: [1e99, -1e99, 1e100, 1e308, .leastNonzeroMagnitude, .infinity, .nan], [0.0, 1e12])
    func comparisonsAreDrawnWhateverWasMeasured(loss: Double, seconds: Double) throws {
        var result = ComparisonFixture.typical
        for run in result.entries[1].runs.indices {
            result.entries[1].runs[run].finalValidationLoss = loss
            result.entries[1].runs[run].curve[10].validationLoss = loss
            result.entries[1].runs[run].curve[10].seconds = seconds
            result.entries[1].runs[run].curve[10].step = DocumentLimits.count
            result.entries[1].runs[run].stateBytes = DocumentLimits.count
            result.entries[1].runs[run].curve[10].measure = StepMeasure(
                updateToWeight: loss, gradientNorm: loss, clipFactor: loss, decayShare: loss)
        }
        let again = try OptimizerComparison(json: result.json(), path: "results.json")
        #expect(again.report().hasSuffix("</html>\n"))
        #expect(ComparisonSummary(of: again).text(width: 80).contains("fadam"))
    }

    /// A negative step ended the process while the range of the steps was made.
    @Test(arguments: [-1, .min, .max])
    func progressOfImpossibleStepsIsRefused(step: Int) throws {
        let json = Data(
            #"{"step": \#(step), "seconds": 0, "curve": [], "lossSum": 0, "lossCount": 0, "evaluationsSinceBest": 0}"#
                .utf8)
        let progress = try StoredJSON.decode(RunProgress.self, from: json)
        #expect(progress.complaint(at: step)?.contains("\(step)") == true)
    }

    /// A clock that went back made the axis end before its curve, along which marks were drawn without end.
    @Test(.timeLimit(.minutes(1)), arguments: [1e3, 1e12])
    func curvesWhoseTimeGoesBackAreDrawn(seconds: Double) {
        var result = ComparisonFixture.typical
        for entry in result.entries.indices {
            for run in result.entries[entry].runs.indices {
                result.entries[entry].runs[run].curve[5].seconds = seconds
                for point in 6...10 { result.entries[entry].runs[run].curve[point].seconds = 0 }
            }
        }
        #expect(result.report().hasSuffix("</html>\n"))
    }

    /// Breaking a label of this length took the square of its length.
    @Test(.timeLimit(.minutes(1)))
    func longWordsAreBrokenInTurn() {
        let lines = DisplayWidth.wrapped(String(repeating: "x", count: 200_001), width: 10)
        #expect(lines.count == 20_001 && lines.last == "x" && lines.dropLast().allSatisfy { $0.count == 10 })
    }
}
