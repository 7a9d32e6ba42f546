import Foundation
import Testing

@testable import FisherReports
@testable import FisherStudies

@Suite("The HTML report")
struct ComparisonReportTests {
    private static let hostile = "<script>alert('x')</script> & \"quotes\" </style>\u{0}\u{1B}"

    /// A result whose every text is an attack.
    private static var attack: OptimizerComparison {
        var result = ComparisonFixture.typical
        result.task = TaskSummary(
            name: hostile, description: hostile, parameterCount: 10, lossUnit: hostile,
            settings: [Setting(hostile, hostile)]
        )
        result.environment = EnvironmentSummary(
            packageVersion: hostile, engineVersion: hostile, threads: 1, instructionSet: hostile,
            processorName: hostile, date: hostile, command: hostile
        )
        for index in result.entries.indices {
            result.entries[index].label = hostile
            result.entries[index].rule = hostile
            result.entries[index].options = [Setting(hostile, hostile)]
        }
        result.entries[2].runs[1].status = .diverged(step: 1, reason: hostile)
        return result
    }

    /// Comparisons of every shape that a report must survive.
    static var shapes: [OptimizerComparison] {
        var unmeasured = ComparisonFixture.entry("a", [2])
        unmeasured.runs[0].curve = []
        var odd = ComparisonFixture.entry("odd", [2, 3])
        odd.runs[0].curve[3].seconds = .nan
        odd.runs[0].curve[4].seconds = .infinity
        odd.runs[1].finalValidationLoss = 1e300
        odd.runs[0].optimizerMilliseconds = .nan
        let many = (0..<40).map { ComparisonFixture.entry("optimizer number \($0)", [2 + Double($0) / 100]) }
        var dead = ComparisonFixture.entry("dead", [2])
        dead.runs[0].status = .diverged(step: 5, reason: "overflow")
        return [
            ComparisonFixture.typical, attack, ComparisonFixture.result([]),
            ComparisonFixture.result([unmeasured]), ComparisonFixture.result([odd, odd]),
            ComparisonFixture.result(many), ComparisonFixture.result([dead]),
            ComparisonFixture.result([OptimizerEntry(label: "", rule: "", options: [], runs: [])]),
        ]
    }

    /// The page without its style sheet and its script, which are ours.
    private func content(_ page: String) -> String {
        page.replacing(/<style>[\s\S]*?<\/style>/, with: "")
            .replacing(/<script>\s*\(\(\) => [\s\S]*?<\/script>/, with: "")
    }

    @Test("Texts of users are escaped everywhere")
    func escaping() {
        let page = content(Self.attack.report())
        #expect(!page.contains("<script"))
        #expect(!page.contains("</style>"))
        #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quotes&quot;"))
        #expect(!page.unicodeScalars.contains("\u{0}"))
        #expect(!page.unicodeScalars.contains("\u{1B}"))
    }

    @Test(
        "Every element is closed, every id is single, every coordinate is a number", arguments: shapes.indices
    )
    func wellFormed(shape: Int) throws {
        let page = content(Self.shapes[shape].report())
        var open: [Substring] = []
        for match in page.matches(of: /<(\/?)([a-zA-Z0-9]+)((?:\s[^<>]*)?)>/)
        where !["meta", "wbr"].contains(match.2) {
            if match.1.isEmpty { open.append(match.2) } else { #expect(open.popLast() == match.2) }
        }
        #expect(open.isEmpty)
        let ids = page.matches(of: /\sid="([^"]*)"/).map(\.1)
        #expect(Set(ids).count == ids.count)
        for match in page.matches(of: /\s(?:d|x|y|x1|x2|y1|y2|width|height|viewBox)="([^"]*)"/) {
            #expect(match.1.wholeMatch(of: /[-0-9. MLHVahmlvzZ]*/) != nil, "\(match.0)")
        }
    }

    @Test("The page needs nothing from elsewhere")
    func selfContained() {
        let page = ComparisonFixture.typical.report()
        for outside in ["src=", "href=", "@import", "url(h", "url(/", "<link", "<iframe", "fetch("] {
            #expect(!page.contains(outside))
        }
        let addresses = page.matches(of: /https?:\/\/[^"' ]+/).map { String($0.0) }
        #expect(Set(addresses).isSubset(of: ["http://www.w3.org/2000/svg"]))
    }

    @Test("It says what was found, with what, and how")
    func contents() {
        let page = ComparisonFixture.typical.report()
        #expect(page.hasPrefix("<!DOCTYPE html>\n"))
        #expect(page.contains("<title>Language: comparison of optimizers</title>"))
        #expect(page.contains("2 seeds are too few for an interval"))
        #expect(ComparisonFixture.three.report().contains("fadam has the lowest mean final validation loss"))
        #expect(page.contains("2025-11-21 02:41 UTC"))
        #expect(page.contains("<code>fisher compare language</code>"))
        #expect(page.contains("diverged at step 70: the loss is not a number"))
        for title in [
            "Results", "Validation loss by step", "Validation loss by time",
            "Final validation loss of every seed",
            "Difference to adamw, seed by seed", "Training loss by step", "Every run", "Configuration",
        ] {
            #expect(page.contains("<h2>\(title)</h2>"))
        }
        #expect(page.contains("bands reach from the lowest to the highest seed"))
        #expect(page.contains("prefers-color-scheme:dark"))
        #expect(page.contains("@media print"))
    }

    @Test("The line above the title says what is compared: optimizers, one's options, or nothing")
    func subject() {
        var options = ComparisonFixture.result(ComparisonFixture.three.entries)
        for index in options.entries.indices { options.entries[index].rule = "fadam" }
        let page = options.report()
        #expect(page.contains("Comparison of options of fadam") && page.contains("<span>3 settings</span>"))
        #expect(page.contains("<title>Language: comparison of options of fadam</title>"))
        options.entries.removeLast(2)
        let alone = options.report()
        #expect(alone.contains("Runs of one optimizer") && !alone.contains("Δ to first"))
        #expect(!alone.contains("omparison of optimizers"))
    }

    @Test("Sizes and times of small models are not zero")
    func smallModels() {
        var result = ComparisonFixture.three
        for entry in result.entries.indices {
            for run in result.entries[entry].runs.indices {
                result.entries[entry].runs[run].stateBytes = 4112
                for point in result.entries[entry].runs[run].curve.indices {
                    result.entries[entry].runs[run].curve[point].seconds = 0.0214 * Double(point)
                }
            }
        }
        let page = result.report()
        #expect(page.contains(">KiB</span>") && page.contains("4.02") && page.contains("0.21 s"))
        #expect(result.text(width: nil, usesColor: false).contains("4.02"))
    }

    @Test("What is under way is drawn, and no sentence rests on it")
    func running() {
        var result = ComparisonFixture.three
        result.entries[2].runs[2].status = .interrupted(step: 70)
        result.entries[2].runs[1].seed = UInt64.max - 1
        var options = PageOptions()
        options.running = [.init(label: "adam", seed: 2)]
        let page = result.report(options)
        #expect(page.contains(">running<") && page.contains("1 run under way"))
        #expect(!page.contains("did not finish") && !page.contains("interrupted after step 70"))
        #expect(result.report().contains("interrupted after step 70"))
        #expect(page.contains(">tuning seed 1<"))
    }

    @Test("Paths break after slashes, flags do not break, deviations stay with their means")
    func breaks() {
        var result = ComparisonFixture.three
        result.environment.command = "fisher compare data --inputs /data/a.csv --set a.b=1"
        result.task.settings = [Setting("inputs", "/data/a.csv")]
        let page = result.report()
        #expect(page.contains("<dd>/data/<wbr>a.csv</dd>"))
        #expect(page.contains("data <span class=\"flag\">--inputs</span> /data/a.csv"))
        #expect(page.contains("a.b=1</code>"))
    }

    @Test("Each chart has a name and a description for who cannot see it")
    func accessibility() throws {
        let page = ComparisonFixture.typical.report()
        let charts = page.matches(of: /role="img" aria-labelledby="([^ "]+) ([^ "]+)"/)
        #expect(charts.count == 12)
        for chart in charts {
            #expect(page.contains("<title id=\"\(chart.1)\">"))
            #expect(page.contains("<desc id=\"\(chart.2)\">"))
        }
    }

    @Test("What one seed or no run cannot show is not claimed")
    func modesty() {
        let single = ComparisonFixture.result([
            ComparisonFixture.entry("a", [2.3]), ComparisonFixture.entry("b", [2.2]),
        ]).report()
        #expect(!single.contains("bands reach"))
        #expect(single.contains("Fewer than three common seeds give no interval."))
        let empty = ComparisonFixture.result([]).report()
        #expect(empty.contains("No run produced a loss that can be drawn."))
    }

    @Test("Equal results give equal pages")
    func stable() {
        #expect(ComparisonFixture.typical.report() == ComparisonFixture.typical.report())
    }
}
