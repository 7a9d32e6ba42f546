import FisherFiles
import FisherReports
import FisherStudies
import FisherTraining
import Foundation
import Testing

@testable import FisherClaims

@Suite struct ReproductionTests {
    static func claim(
        _ name: String = "made-up", rule: String = "by itself",
        decide: @escaping @Sendable (ClaimContext) throws -> ClaimFinding = { _ in
            ClaimFinding(.holds, "It is | so.\nReally.")
        }
    ) -> Claim {
        Claim(
            name, says: "Something is so.", in: .fadam("Section 3.4"), decidedBy: rule, evidence: .exact,
            cost: ClaimCost(short: 1), decide: decide)
    }

    static func contrast(_ verdict: ClaimVerdict = .holds) -> ClaimContrast {
        ClaimContrast(
            "a <b>", to: "c", quantity: "validation loss, nats", seeds: [0, 1, 2, 3, 4],
            differences: [-0.1, -0.11, -0.12, -0.09, -0.1], mean: -0.104, interval: -0.118 ... -0.09,
            margin: 0.02, verdict: verdict, note: "rates 0.1 and 0.2")
    }

    static let figure = ClaimFigure(
        title: "Errors", caption: "By size.", horizontal: .init("parameters", isLogarithmic: true),
        vertical: .init("relative error", isLogarithmic: true),
        series: [
            .init("one", [.init(10, 0.1, interval: 0.05...0.2), .init(100, 0.01), .init(1000, .nan)]),
            .init("two", [.init(10, 1), .init(-1, 2)], isJoined: false),
        ])

    /// The planted claims run through everything that others run through, and get their verdicts.
    @Test func plantedClaimsGetTheRightVerdicts() throws {
        try RunLibraryTests.withFolder { path in
            let reproduction = Reproduction(path: path, form: .short, seeds: [0, 1, 2, 3, 4])
            let progress = ProgressDisplay(output: .silent)
            for (claim, verdict) in [
                (Claim.plantedTruth, ClaimVerdict.holds), (.plantedFalsehood, .doesNotHold),
            ] {
                let document = try reproduction.decide(claim, progress: progress)
                #expect(document.finding.verdict == verdict, "\(document.finding)")
                #expect(document.finding.contrasts.first?.seeds == [0, 1, 2, 3, 4])
                #expect(try reproduction.verdict(on: claim) == document)
            }
            // One seed decides nothing, and makes no new run.
            let few = Reproduction(path: path, form: .short, seeds: [0])
            let before = try RunLibraryTests.runs(path).count
            let document = try few.decide(.plantedTruth, progress: progress)
            #expect(document.finding.verdict == .undecided)
            #expect(try RunLibraryTests.runs(path).count == before)
        }
    }

    /// A verdict belongs to the claim as it was declared, the form and the seeds.
    @Test func verdictsOfAnotherDeclarationDoNotCount() throws {
        try RunLibraryTests.withFolder { path in
            let reproduction = Reproduction(path: path, form: .short)
            let claim = Self.claim()
            #expect(try reproduction.verdict(on: claim) == nil)
            try reproduction.decide(claim, progress: ProgressDisplay(output: .silent))
            #expect(try reproduction.verdict(on: claim)?.finding.verdict == .holds)
            #expect(try reproduction.verdict(on: Self.claim(rule: "by another rule")) == nil)
            #expect(try Reproduction(path: path, form: .full).verdict(on: claim) == nil)
            #expect(try Reproduction(path: path, form: .short, seeds: [7]).verdict(on: claim) == nil)
        }
    }

    @Test func aClaimIsDecidedByOneProcessAtATime() throws {
        try RunLibraryTests.withFolder { path in
            let reproduction = Reproduction(path: path, form: .short)
            let claim = Self.claim()
            try DurableStorage.makeFolder(reproduction.files(of: claim).folder)
            let lock = try FolderLock(folder: reproduction.files(of: claim).folder)
            let error = #expect(throws: StorageError.self) {
                try reproduction.decide(claim, progress: ProgressDisplay(output: .silent))
            }
            #expect(error?.kind == .inUse)
            withExtendedLifetime(lock) {}
        }
    }

    /// A value is computed once for its inputs, and again for others or where the file is damaged.
    @Test func keptValuesAreComputedOnce() throws {
        try RunLibraryTests.withFolder { path in
            let context = RunLibraryTests.context(path)
            var count = 0
            func value(_ inputs: String) throws -> [String: Double] {
                try context.kept("value", of: inputs) {
                    count += 1
                    return ["a": .infinity, "b": Double(count)]
                }
            }
            #expect(try value("x") == ["a": .infinity, "b": 1])
            #expect(try value("x") == ["a": .infinity, "b": 1])
            #expect(try value("y") == ["a": .infinity, "b": 2])
            let file = path + "/claim/kept/value.json"
            var text = try String(contentsOfFile: file, encoding: .utf8)
            text = text.replacing("\"b\" : 2", with: "\"b\" : 3")
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            #expect(try value("y")["b"] == 3)
            #expect(count == 3)
            // A value of another type under the name is not taken for it.
            #expect(try context.kept("value", of: "y") { 1.5 } == 1.5)
            // A study's value serves every claim.
            let other = ClaimContext(
                .short, seeds: [0], evidence: .exact, runs: context.runs, folder: path + "/other",
                progress: ProgressDisplay(output: .silent))
            #expect(try context.kept("shared", in: "study", of: "z") { 7 } == 7)
            #expect(try other.kept("shared", in: "study", of: "z") { 8 } == 7)
            #expect(try other.kept("value", of: "y") { 9.5 } == 9.5)
        }
    }

    @Test func documentsAreReadAsTheyWereWritten() throws {
        let document = ClaimDocument(
            Self.claim().statement, form: "short", seeds: [0, 1],
            finding: ClaimFinding(
                .undecided, "Who knows.", contrasts: [Self.contrast()], figures: [Self.figure],
                remarks: ["A remark."]), environment: .current(), seconds: 2)
        let again = try ClaimDocument(json: document.json(), path: "x")
        #expect(again.json() == document.json())
        #expect(document.csv().split(separator: "\n").count == 6)
        let text = document.text()
        for part in ["made-up: cannot be told at this size", "Who knows.", "-0.1040 [-0.1180, -0.0900]"] {
            #expect(text.contains(part), "\(text)")
        }
        let page = document.report()
        for part in [
            "It cannot be told at this size", "a &lt;b&gt; less c", "class=\"shade\"", "A remark.",
            "relative error", "by itself", "Section 3.4",
        ] { #expect(page.contains(part), "\(part)") }
    }

    /// A difference has one color on its page, in its chart and in the table, whatever is drawn beside it.
    @Test func differencesHaveOneColor() throws {
        var second = Self.contrast()
        second.quantity = "accuracy, %"
        let document = ClaimDocument(
            Self.claim().statement, form: "short", seeds: [0, 1],
            finding: ClaimFinding(.holds, "So.", contrasts: [Self.contrast(), second]),
            environment: .current(), seconds: 2)
        let page = document.report()
        for index in [0, 1] {
            let start = try #require(page.range(of: "id=\"differences-\(index)-wide-desc\""))
            let end = try #require(page.range(of: "</svg>", range: start.upperBound..<page.endIndex))
            let chart = page[start.upperBound..<end.lowerBound]
            #expect(chart.contains("--series-\(index)"), "\(chart)")
            #expect(!chart.contains("--series-\(1 - index)"), "\(chart)")
        }
    }

    @Test(arguments: [
        ("\"formatVersion\" : 1", "\"formatVersion\" : 2"), ("\"seconds\" : 2", "\"seconds\" : -2"),
        ("\"differences\" : [", "\"differences\" : [ 1,"), ("\"lower\" : -0.118", "\"lower\" : 3"),
    ])
    func damagedDocumentsAreRefused(part: String, change: String) throws {
        let document = ClaimDocument(
            Self.claim().statement, form: "short", seeds: [0, 1],
            finding: ClaimFinding(.holds, "So.", contrasts: [Self.contrast()]), environment: .current(),
            seconds: 2)
        let text = String(decoding: document.json(), as: UTF8.self)
        #expect(text.contains(part))
        #expect(throws: StudyFileError.self) {
            try ClaimDocument(json: Data(text.replacing(part, with: change).utf8), path: "x")
        }
    }

    /// The document of all claims has no date in it, and survives the characters of Markdown.
    @Test func theTableOfAllClaimsIsTheSameForEqualFindings() throws {
        try RunLibraryTests.withFolder { path in
            let claims = [
                Self.claim(),
                Self.claim("second") { _ in
                    ClaimFinding(.doesNotHold, "No.", contrasts: [Self.contrast(.doesNotHold)])
                }, Self.claim("third"),
            ]
            var texts: [String] = []
            for folder in ["a", "b"] {
                let reproduction = Reproduction(path: path + "/" + folder, form: .short)
                for claim in claims.prefix(2) {
                    try reproduction.decide(claim, progress: ProgressDisplay(output: .silent))
                }
                let overview = try reproduction.overview(
                    of: claims, undecided: ["third": "There was no time."], command: "fisher reproduce all")
                #expect(
                    overview.sentence
                        == "Of 3 claims 1 hold, 1 do not hold here, 0 cannot be told at this size, and 1 has not been decided."
                )
                let page = try String(contentsOfFile: reproduction.writeIndex(overview), encoding: .utf8)
                #expect(page.contains("made-up/report.html") && page.contains("not decided"))
                #expect(!page.contains("third/report.html"))
                texts.append(overview.markdown())
            }
            #expect(texts[0] == texts[1])
            for part in [
                "| [made-up](#made-up) | Hwang (2024): Section 3.4 | holds | It is \\| so. Really. | exact |",
                "There was no time.", "## second", "`fisher reproduce third`", "Rule: by itself",
            ] { #expect(texts[0].contains(part), "\(texts[0])") }
        }
    }

    @Test func costlyClaimsComeFirst() {
        let entries = [1.0, 5, 3].map { ClaimSchedule.Entry("c\(Int($0))", seconds: $0) }
        var schedule = ClaimSchedule(entries, jobs: 2)
        #expect(schedule.secondsToCome == 9)
        #expect((0..<4).map { _ in schedule.next(after: 0)?.name } == ["c5", "c3", "c1", nil])
    }

    /// With a limit the cheap claims are chosen; others follow if there is time after all, and what does not fit is left.
    @Test func aLimitLeavesCostlyClaims() {
        let entries = [10.0, 20, 30, 60, 200].map { ClaimSchedule.Entry("c\(Int($0))", seconds: $0) }
        var schedule = ClaimSchedule(entries, jobs: 1, deadline: 100)
        #expect(schedule.secondsToCome == 60)
        #expect(schedule.next(after: 0)?.name == "c30")
        #expect(schedule.next(after: 5)?.name == "c20")
        #expect(schedule.next(after: 10)?.name == "c10")
        #expect(schedule.next(after: 15)?.name == "c60")
        #expect(schedule.next(after: 50) == nil)
        #expect(schedule.left.map(\.name) == ["c200"])
        var late = ClaimSchedule(entries, jobs: 1, deadline: 100)
        #expect(late.next(after: 85)?.name == "c10")
        #expect(late.next(after: 85) == nil)
    }

    @Test func claimsOfOtherPackagesAreListed() throws {
        let name = "made-up-\(UUID())"
        ClaimRegistry.register(Self.claim(name))
        #expect(ClaimRegistry.claim(named: name)?.sentence == "Something is so.")
        #expect(ClaimRegistry.claims.last?.name == name)
        #expect(!ClaimRegistry.claims.contains { $0.name == "planted-truth" })
        #expect(ClaimRegistry.claim(named: "planted-truth") != nil)
    }
}
