import Testing

@testable import FisherReports
@testable import FisherStudies

@Suite("Tables and the width of a terminal")
struct TableWidthTests {
    private struct Row: Sendable {
        let path: String
        let label: String
        let loss: String
        let interval: String
    }

    private var table: StudyTable {
        StudyTable(
            [
                Row(
                    path: "runs/compare-digits/runs/adamw-clip-1/seed-0",
                    label: "adamw with gradient clipping at 1",
                    loss: "0.2147 ± 0.0310 *", interval: "-0.0311 [-0.0412, -0.0210]"),
                Row(
                    path: "runs/b", label: "sgd", loss: "1.5 ± 0.2  ", interval: "+1.2853 [+1.0000, +1.5706]"),
            ],
            [
                StudyColumn(["Run"], .left) { .init($0.path) },
                StudyColumn(["Optimizer"], .left) { .init($0.label) },
                StudyColumn(["Final val. loss  "], unit: ["nats/image  "]) {
                    .init($0.loss, isStrong: $0.loss.hasSuffix("*"))
                },
                StudyColumn(["Difference to first, paired"]) { .init($0.interval) },
            ])
    }

    @Test(
        "No line is wider than the terminal, and no number or interval is broken",
        arguments: [28, 40, 60, 80, 100, 200])
    func fits(width: Int) {
        let lines = table.lines(width: width)
        #expect(lines.allSatisfy { DisplayWidth.of($0) <= width }, "\(lines)")
        for whole in ["0.2147", "± 0.0310 *", "-0.0311", "[-0.0412,", "-0.0210]", "± 0.2"] {
            #expect(lines.contains { $0.contains(whole) }, "\(whole) at \(width): \(lines)")
        }
        // Words stay whole too: each is found in some line.
        for word in ["gradient", "clipping", "compare-digits/", "Difference", "Optimizer"] {
            #expect(lines.contains { $0.contains(word) }, "\(word) at \(width)")
        }
    }

    @Test("Pipes and files get whole lines; a wide terminal the same")
    func whole() {
        #expect(table.lines() == table.lines(width: 1000))
        #expect(table.lines().count == 5)
        #expect(table.lines(width: table.width) == table.lines())
        #expect(table.lines(width: table.width - 1) != table.lines())
    }

    @Test("Where columns do not fit, a row is a block of headings and values")
    func blocks() {
        let lines = table.lines(width: 30)
        #expect(lines.contains("  Optimizer: sgd"))
        #expect(
            lines.contains("  Final val. loss, nats/image:")
                || lines.contains { $0.hasPrefix("  Final val. loss,") })
        #expect(lines.filter(\.isEmpty).count == 1)
        #expect(!lines.contains { $0.hasPrefix("---") })
        #expect(table.lines(width: 30, usesColor: true).joined().contains("\u{1B}[1;32m"))
        let bare = table.lines(width: 30, head: .none)
        #expect(!bare.contains { $0.contains("Optimizer:") })
    }

    @Test("Cells without a value have no line in a block")
    func emptyCells() {
        let rows = [("first", "-"), ("second", "12")]
        let table = StudyTable(
            rows,
            [
                StudyColumn(["Name of the row"], .left) { .init($0.0) },
                StudyColumn(["A number of some length"]) { .init($0.1) },
            ])
        #expect(
            table.lines(width: 12) == ["first", "", "second", "A number of", "some length:", "12"],
            "\(table.lines(width: 12))")
    }

    @Test("Every text of a comparison fits into its terminal", arguments: [40, 80, 200])
    func comparison(width: Int) {
        var result = ComparisonFixture.three
        var plan = ComparisonPlan()
        (plan.target, plan.margin) = (2.4, 0.01)
        result.plan = plan
        result.tuning = [RateFixture.record]
        let text =
            result.text(width: width, usesColor: false)
            + ComparisonSummary(of: result).tuningText(width: width)
        #expect(text.split(separator: "\n").allSatisfy { DisplayWidth.of(String($0)) <= width })
        #expect(text.contains("2.221") || text.contains("2.220"))
        let hierarchy = HierarchyDocumentTests.study([0, 1, 2]) { _, level in level == 1 ? 0.9 : 0.2 }
        let shown = hierarchy.text(width: width, usesColor: false)
        #expect(shown.split(separator: "\n").allSatisfy { DisplayWidth.of(String($0)) <= width })
        #expect(shown.contains("kfac points nearest"))
    }

    @Test("LaTeX has a cell for each column, mathematics for signs, bold for the best, and nothing unescaped")
    func latex() throws {
        var result = ComparisonFixture.three
        result.entries[1].label = "fadam_100% & #1"
        let source = result.overview.latex()
        let lines = source.split(separator: "\n").map(String.init)
        let columns = try #require(lines[0].wholeMatch(of: /\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}/)).1.count
        #expect(lines.first?.hasPrefix("\\begin{tabular}") == true && lines.last == "\\end{tabular}")
        #expect(["\\toprule", "\\midrule", "\\bottomrule"].allSatisfy(lines.contains))
        for line in lines where line.hasSuffix("\\\\") {
            let cells = line.replacing("\\&", with: "").split(
                separator: "&", omittingEmptySubsequences: false)
            #expect(cells.count == columns, "\(line)")
            #expect(line.count { $0 == "$" }.isMultiple(of: 2))
        }
        #expect(source.contains("fadam\\_100\\% \\& \\#1"))
        #expect(source.contains("\\textbf{2.220 $\\pm$ 0.020}"))
        #expect(source.contains("$-0.100$ [$-"))
        #expect(!source.contains("*"))
        #expect(LaTeXText.escaped("1.2e-05") == "$1.2\\times 10^{-5}$")
        #expect(
            LaTeXText.escaped("seed-0 ~x^2 \\")
                == "seed-0 \\textasciitilde{}x\\textasciicircum{}2 \\textbackslash{}")
    }
}

/// A tuning by learning rates in which the largest diverged.
enum RateFixture {
    static var record: TuningRecord {
        let losses: [(String, [Double?])] = [
            ("1e-4", [5, 5.1]), ("1e-3", [2.5, 2.6]), ("1e-2", [2.2, 2.3]), ("1e-1", [3.5, 4]),
            ("1", [nil, 5]),
        ]
        return TuningRecord(
            label: "adamw", options: [Setting("learning_rate", "0.001")],
            grid: OptionGrid([OptionGrid.Axis(option: "learning_rate", values: losses.map(\.0))]),
            trials: losses.map { rate, ends in
                TuningRecord.Trial(
                    settings: [Setting("learning_rate", rate)],
                    runs: ends.enumerated().map { seed, loss in
                        ComparisonFixture.run(
                            seed: 100 + UInt64(seed), loss: loss,
                            status: loss == nil ? .diverged(step: 3, reason: "overflow") : .completed)
                    })
            })
    }
}
